"""Paired differences over rounds: what is shown, what is alike, and what takes more rounds."""

from __future__ import annotations

import random

import pytest

from rig.analysis.paired import ALIKE, HIGHER, LOWER, MOST_ROUNDS, UNDECIDED, paired


def test_the_interval_is_students():
    """Differences -10, -20, -30: mean -20, sd 10, t(2) = 4.303, half-width 24.84."""
    found = paired([(0, 10), (0, 20), (0, 30)], worth=1)
    assert (found.mean, found.rounds) == (-20, 3)
    assert (found.lower, found.upper) == (pytest.approx(-44.84, abs=0.01), pytest.approx(4.84, abs=0.01))
    assert (found.outcome, found.rounds_needed) == (UNDECIDED, 4)


def test_what_all_rounds_share_is_taken_out():
    """Rounds differ by hundreds, the arms in each of them by 100: shown, though the ranges overlap widely."""
    pairs = [(300, 401), (900, 999), (1500, 1600)]
    assert paired(pairs, worth=50).outcome == LOWER
    assert paired([(b, a) for a, b in pairs], worth=50).outcome == HIGHER


def test_what_is_sure_but_not_worth_naming_is_alike():
    assert paired([(100, 110), (200, 211), (300, 309)], worth=50).outcome == ALIKE


def test_what_is_sure_and_may_be_worth_naming_is_not_alike():
    """A mean of 40 between 15 and 65, and 50 is worth naming: there is a difference, how large is open."""
    found = paired([(30, 0), (40, 0), (50, 0)], worth=50)
    assert found.lower is not None and found.lower > 0
    assert found.upper is not None and found.upper > 50
    assert found.outcome == UNDECIDED


@pytest.mark.parametrize("pairs", [[], [(1.0, 900.0)]])
def test_below_two_rounds_there_is_no_interval(pairs):
    """Nor a guess at how many it would take: one difference says nothing of how they scatter."""
    found = paired(pairs, worth=50)
    assert (found.lower, found.upper, found.outcome, found.rounds_needed) == (None, None, UNDECIDED, None)


def test_a_need_beyond_all_measure_is_not_a_number():
    """A mean of exactly the worth that scatters a hundredfold."""
    found = paired([(5000, 0), (-4900, 0)], worth=50)
    assert (found.outcome, found.rounds_needed) == (UNDECIDED, None)
    assert MOST_ROUNDS < 10_000


def test_nulls_stay_null():
    """Two thousand comparisons of three alike rounds: about one in twenty is shown, three standard errors allowed."""
    rng = random.Random(1)
    shown = sum(
        paired([(rng.gauss(0, 1), rng.gauss(0, 1)) for _ in range(3)], worth=0).outcome in (LOWER, HIGHER)
        for _ in range(2000)
    )
    assert 0.035 <= shown / 2000 <= 0.065
