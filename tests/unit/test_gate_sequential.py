"""The group-sequential test: published bounds, error and power at few launches, launches as unit."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import special

from rig.gate.sequential import Estimate, Looks, Test, bounds, critical_values, detectable, estimate, spent

# O'Brien-Fleming-type spending, one-sided 0.025, looks at equal fractions, normal observations. Jennison and Turnbull,
# Group Sequential Methods (2000), section 7.2; the same values in Lan and DeMets (1983) and Reboussin et al. (2000).
PUBLISHED = {
    2: (2.963, 1.969),
    3: (3.710, 2.511, 1.993),
    4: (4.333, 2.963, 2.359, 2.014),
    5: (4.877, 3.357, 2.680, 2.290, 2.031),
}


def crossings(looks: Looks, alpha: float, effect: float, sequences: int = 100_000) -> np.ndarray:
    """The look at which each simulated sequence of normal launches first crosses, -1: never; by brute force."""
    data = np.random.default_rng(8).standard_normal((sequences, looks.last)) + effect
    first = np.full(sequences, -1)
    for number, bound in enumerate(bounds(looks, alpha)):
        taken = data[:, : looks.first + number]
        t = taken.mean(axis=1) / taken.std(axis=1, ddof=1) * math.sqrt(taken.shape[1])
        first[(first < 0) & (t > bound)] = number
    return first


@pytest.mark.parametrize("looks", PUBLISHED)
def test_bounds_are_the_published_ones_where_there_are_many_launches(looks):
    """With 20 observations a look, bounds expressed as normal ones are the tables', within 0.008 (they are drawn)."""
    units = tuple(20 * number for number in range(1, looks + 1))
    levels = [special.stdtr(count - 1, -t) for count, t in zip(units, critical_values(units, 0.025), strict=True)]
    assert -special.ndtri(levels) == pytest.approx(PUBLISHED[looks], abs=0.008)


def test_a_single_look_is_the_ordinary_t_test():
    """One look after 8 launches spends all at once: t(0.99, 7 df) = 2.998, as every table has it."""
    assert bounds(Looks(first=8, last=8), 0.01) == pytest.approx([2.998], abs=0.0005)


def test_error_is_spent_as_lan_and_demets_say():
    """All of it at the end; at half the launches 2 - 2 Φ(2.2414 / √0.5) of 0.025: 0.0015, nothing at the start."""
    assert spent(0.025, 1.0) == pytest.approx(0.025)
    assert spent(0.025, 0.5) == pytest.approx(0.00153, abs=0.00001)
    assert spent(0.025, 0.01) < 1e-12


@pytest.mark.parametrize("last", [8, 12])
def test_the_error_over_all_looks_is_alpha_at_few_launches(last):
    """Brute force: 5 % of null sequences cross at any look. Tolerance: three standard errors of 100,000."""
    assert np.mean(crossings(Looks(last=last), 0.05, 0.0) >= 0) == pytest.approx(0.05, abs=0.002)


def test_normal_bounds_turned_into_t_ones_would_not_be_right():
    """Why bounds are found for t: its looks depend less on each other, so later nominal levels must be smaller."""
    at_few, at_many = (
        special.stdtr(units[-1] - 1, -critical_values(units, 0.05)[-1]) for units in ((4, 6, 8), (60, 90, 120))
    )
    assert at_few < 0.99 * at_many


def test_the_smallest_detectable_effect_is_detected_nine_times_of_ten():
    """At one look, effects of ``detectable`` standard errors cross in 90 %, within four standard errors of 0.07 %."""
    looks = Looks(first=10, last=10)
    standard_errors = detectable(bounds(looks, 0.01)[0], 9)
    found = np.mean(crossings(looks, 0.01, standard_errors / math.sqrt(10)) >= 0)
    assert found == pytest.approx(0.90, abs=0.003)


def test_three_ways_to_judge():
    """Lower bound above the margin fails, upper bound below it passes, anything else goes on; edges decide nothing."""
    test = Test(looks=Looks(first=8, last=8), alpha_fail=0.01, alpha_pass=0.01)

    def decision(mean: float, se: float = 0.01) -> str:
        judged = test.judge(Estimate(mean=mean, se=se, launches=8), 0.05)
        assert judged is not None
        return judged.decision

    assert decision(0.081) == "fail"
    assert decision(0.079) == "inconclusive"
    assert decision(0.021) == "inconclusive"
    assert decision(0.019) == "pass"
    assert decision(0.05, se=0.0) == "inconclusive"


def test_there_is_no_judgement_before_the_first_look():
    """Three launches say nothing; four may."""
    test = Test.of_family(6)
    assert test.judge(Estimate(mean=0.0, se=1e-9, launches=3), 0.05) is None
    judged = test.judge(Estimate(mean=0.0, se=1e-9, launches=4), 0.05)
    assert judged is not None
    assert judged.decision == "pass"


def test_the_family_shares_failing_and_not_passing():
    """Six metrics: each may fail with 1 %/6, and pass with 1 %, because the gate passes only if all do."""
    test = Test.of_family(6)
    assert test.alpha_fail == pytest.approx(0.01 / 6)
    assert test.alpha_pass == 0.01


def test_launches_are_the_unit():
    """A hundred blocks that agree within each launch don't make the launches' disagreement smaller."""
    found = estimate([[0.1] * 100, [0.2] * 100, [0.3] * 100])
    assert found is not None
    assert found.mean == pytest.approx(0.2)
    assert found.se == pytest.approx(0.1 / math.sqrt(3))


def test_launches_that_agree_by_luck_are_not_believed():
    """Launch means alike to the last digit, blocks far apart: the blocks' standard error holds, and a floor if more."""
    launches = [[-0.1, 0.1]] * 4
    found, floored = estimate(launches), estimate(launches, floor_se=0.2)
    assert found is not None and floored is not None
    assert found.se == pytest.approx(math.sqrt(0.02 * 4 / 2) / 4)
    assert floored.se == 0.2


def test_a_launch_without_blocks_is_no_launch():
    """It lends no degree of freedom; and one launch alone has no standard error."""
    found = estimate([[0.1], [], [0.2]])
    assert found is not None
    assert found.launches == 2
    assert estimate([[0.1], []]) is None


def test_looks_need_an_order():
    """A first look at one launch, or after the last, is refused."""
    for first, last in ((1, 8), (9, 8)):
        with pytest.raises(ValueError, match="the first must be"):
            Looks(first=first, last=last)
