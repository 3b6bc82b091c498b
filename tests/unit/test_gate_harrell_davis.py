"""LCP p75 by Harrell and Davis, compared over cycles of visits in ABBA order."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from rig.gate.harrell_davis import Visit, lcp_effects, lcp_supply, quantile_hd, visit_order
from rig.gate.metrics import lcp_metric
from rig.gate.sequential import estimate
from rig.gate.supply import Supply

METRIC = lcp_metric("/")


def visits(
    launches: int = 4, cycles: int = 4, factor: float = 1.0, sd: float = 0.05, drift: float = 0.0
) -> list[Visit]:
    """Every launch's visits in order; the candidate takes ``factor`` times as long, and each visit ``drift`` more."""
    rng = np.random.default_rng(4)
    found = []
    for launch in range(1, launches + 1):
        for place, arm in enumerate(visit_order(cycles)):
            slower = factor if arm == "candidate" else 1.0
            lcp_ms = 80 * slower * math.exp(sd * rng.standard_normal() + drift * place)
            found.append(Visit(page="/", launch=launch, cycle=place // 4, arm=arm, lcp_ms=lcp_ms))
    return found


def test_weights_are_those_of_the_beta_distribution():
    """Median of three values: I(2, 2) = 3x² - 2x³ at thirds gives 7/27, 13/27, 7/27 (Harrell and Davis 1982)."""
    assert quantile_hd([0, 0, 27], 0.5) == pytest.approx(7)
    assert quantile_hd([0, 27, 0], 0.5) == pytest.approx(7)
    assert quantile_hd([27, 27, 0], 0.5) == pytest.approx(20)


def test_one_value_has_no_quantile():
    """Not its own p75 with certainty."""
    with pytest.raises(ValueError, match="needs two values"):
        quantile_hd([80.0], 0.75)


def test_the_order_lets_drift_meet_both_arms_alike():
    """ABBA, then BAAB: the places of both arms add up to the same in every cycle."""
    order = visit_order(2)
    assert order == ["baseline", "candidate", "candidate", "baseline", "candidate", "baseline", "baseline", "candidate"]
    for cycle in (order[:4], order[4:]):
        assert sum(place for place, arm in enumerate(cycle) if arm == "baseline") == 3


def test_a_planted_factor_is_recovered():
    """20 % slower pages: every launch's effect together is log 1.2, within three standard errors."""
    found = estimate(lcp_effects(METRIC, visits(factor=1.2), 4).launches)
    assert found is not None
    assert 0 < found.se < 0.05
    assert found.mean == pytest.approx(math.log(1.2), abs=3 * found.se)


def test_drift_is_no_effect():
    """Each visit 0.1 % slower than the last, no noise: of a launch's 1.5 % less than two visits' worth remains."""
    found = estimate(lcp_effects(METRIC, visits(cycles=4, sd=0.0, drift=0.001), 4).launches)
    assert found is not None
    assert abs(found.mean) < 0.002


def test_the_jackknifes_variance_is_that_of_repetition():
    """Mean standard error of 60 repetitions against their scatter, within a third: 3.5 standard errors."""
    rng = np.random.default_rng(6)
    found = []
    for _ in range(60):
        drawn = [
            Visit(
                page="/", launch=n // 16 + 1, cycle=n % 16 // 4, arm=arm, lcp_ms=float(80 * np.exp(rng.normal(0, 0.08)))
            )
            for n, arm in enumerate(visit_order(16))
        ]
        taken = estimate(lcp_effects(METRIC, drawn, 4).launches)
        assert taken is not None
        found.append((taken.mean, taken.se))
    scatter = np.std([mean for mean, _ in found])
    assert np.sqrt(np.mean([se**2 for _, se in found])) == pytest.approx(scatter, rel=0.34)


def test_a_cycle_with_a_starved_visit_is_left_out_whole():
    """One visit without LCP: its cycle is unused, the other visits of it too."""
    broken = [*visits()[:-1], Visit(page="/", launch=4, cycle=3, arm="candidate", lcp_ms=None)]
    found = lcp_effects(METRIC, broken, 4)
    assert found.unused == 1
    assert [len(values) for values in found.launches] == [4, 4, 4, 3]
    assert found.counts[3] == Supply(baseline=8, candidate=7)
    assert found.lost == Supply(baseline=0, candidate=1)


def test_pages_are_apart():
    """Visits of another page are nobody else's effect."""
    assert lcp_effects(lcp_metric("/p/"), visits(), 4).launches == ((), (), (), ())
    assert lcp_supply("/p/", visits()) == Supply(baseline=0, candidate=0)


def test_a_slow_launch_is_slow_for_both_arms():
    """One launch in which the machine takes half as long again: the interval stays as narrow as without it."""
    calm = visits(launches=8, cycles=8)
    stormy = [replace(visit, lcp_ms=1.5 * (visit.lcp_ms or 0)) if visit.launch == 3 else visit for visit in calm]
    taken = [estimate(lcp_effects(METRIC, drawn, 8).launches) for drawn in (calm, stormy)]
    assert taken[0] is not None and taken[1] is not None
    assert taken[1].mean == pytest.approx(taken[0].mean)
    assert taken[1].se == pytest.approx(taken[0].se)


def test_a_launchs_mean_is_its_ratio_of_p75s():
    """Of cycles moved by the jackknife's scatter, the middle is what Harrell and Davis say."""
    drawn = visits(cycles=6, factor=1.3)
    for launch, values in enumerate(lcp_effects(METRIC, drawn, 4).launches, start=1):
        slow, fast = (
            quantile_hd([v.lcp_ms or 0 for v in drawn if v.launch == launch and v.arm == arm], 0.75)
            for arm in ("candidate", "baseline")
        )
        assert np.mean(values) == pytest.approx(math.log(slow / fast))


def test_a_budget_is_held_by_all_visits_together():
    """Three launches at 80 ms and one at 160 ms: p75 lies between, as a launch's own would in none of them."""
    budget = replace(METRIC, budget=100.0, margin=1.0)
    drawn = [replace(visit, lcp_ms=160.0 if visit.launch == 4 else 80.0) for visit in visits(cycles=8)]
    found = estimate(lcp_effects(budget, drawn, 4).launches)
    assert found is not None
    assert 80 < 100 * math.exp(found.mean) < 160


def test_one_cycle_a_launch_will_do():
    """A page so slow that a launch has four visits of it."""
    found = lcp_effects(METRIC, visits(launches=5, cycles=1, factor=1.2, sd=0.0), 5)
    assert found.launches == tuple((pytest.approx(math.log(1.2)),) for _ in range(5))
