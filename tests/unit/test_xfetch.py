"""The rule by which xfetch recomputes early, against the figures its paper derives."""

from __future__ import annotations

import random
from math import exp, log
from statistics import fmean

import pytest

from target_app.strategies.store import Stored
from target_app.strategies.xfetch import is_due

RATE_RPS, RECOMPUTE_S, TTL_S, CYCLES = 100.0, 1.0, 20.0, 600
EULER = 0.5772


def _stored(note=RECOMPUTE_S):
    return Stored({}, {}, stored_s=0.0, ttl_s=TTL_S, note=note)


def _cycle(chance):
    """One expiry under Poisson reads: how many recomputes began before the first was done, and how early that began."""
    # Nobody reads before: at 12 Δ from expiry one read in 160,000 would recompute.
    now_s, begun_s = TTL_S - 12 * RECOMPUTE_S, []
    while not begun_s or now_s < begun_s[0] + RECOMPUTE_S:
        now_s += chance.expovariate(RATE_RPS)
        if is_due(_stored(), now_s, chance.random()):
            begun_s.append(now_s)
    return sum(at < begun_s[0] + RECOMPUTE_S for at in begun_s), TTL_S - begun_s[0]


def test_a_hot_key_costs_e_recomputes_an_expiry():
    """λβΔ = 100: e^(1/β) = 2.718 recomputes on average, early by βΔ(ln(λβΔ) + 0.577).

    Seeded. Tolerances are three standard errors: the count's deviation is 2.16, the earliness' 1.28 Δ, 600 expiries.
    """
    chance = random.Random(7)
    counts, earliness_s = zip(*(_cycle(chance) for _ in range(CYCLES)), strict=True)
    assert fmean(counts) == pytest.approx(exp(1), abs=3 * 2.16 / CYCLES**0.5)
    assert fmean(earliness_s) == pytest.approx(log(RATE_RPS * RECOMPUTE_S) + EULER, abs=3 * 1.28 / CYCLES**0.5)


def test_at_its_expiry_it_is_always_due():
    """Whatever is drawn: the smallest draw adds nothing."""
    assert is_due(_stored(), TTL_S, 0.0)
    assert not is_due(_stored(), TTL_S - 0.001, 0.0)


def test_the_greatest_draw_is_no_certainty():
    """`random()` may return 0 and not 1: taken as it is, its logarithm would end the request."""
    greatest = 1.0 - 2**-53
    assert is_due(_stored(), TTL_S - 36 * RECOMPUTE_S, greatest)
    assert not is_due(_stored(), TTL_S - 37 * RECOMPUTE_S, greatest)


def test_a_fast_recompute_waits_longer():
    """A tenth of the recompute time, a tenth of the head start."""
    at_s = TTL_S - 0.5 * RECOMPUTE_S
    assert is_due(_stored(), at_s, 0.5)
    assert not is_due(_stored(note=RECOMPUTE_S / 10), at_s, 0.5)
