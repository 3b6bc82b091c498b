"""LCP p75 of a page, by Harrell and Davis' quantile, from serial visits in ABBA order; cycles are the units.

Few visits make a poor p75 of an order statistic. Harrell and Davis' (Biometrika 69, 1982) weighs them all, varies less,
and is smooth, so that their jackknife gives its variance: each cycle's pseudo-value is what it adds to log p75 of the
candidate minus log p75 of the baseline. Pseudo-values are tested as blocks are, with their launch as unit.

Arms are compared within each launch: what made a launch's visits slow made them slow in both, and cancels. In a p75
over all launches the slow ones would be the upper quarter, and nothing else would count (docs/decisions/0024).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from statistics import fmean

import numpy as np
import numpy.typing as npt
from scipy.stats.mstats import hdquantiles

from rig.gate.blocks import Effects
from rig.gate.metrics import GateMetric
from rig.gate.supply import ARMS, Supply

Floats = npt.NDArray[np.float64]
CYCLE = ("baseline", "candidate", "candidate", "baseline")


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One page visit of the gate; ``lcp_ms`` None: failed, starved, or ``blank``: the page came and painted nothing."""

    page: str
    launch: int
    cycle: int  # counted within its launch
    arm: str  # 'baseline' or 'candidate'
    lcp_ms: float | None
    blank: bool = False


def visit_order(cycles: int) -> list[str]:
    """The arms of ``cycles`` cycles, ABBA BAAB ABBA …: what drifts steadily meets both arms alike."""
    other = tuple(reversed(CYCLE[:2])) + CYCLE[:2]
    return [arm for number in range(cycles) for arm in (CYCLE if number % 2 == 0 else other)]


def quantile_hd(values: npt.ArrayLike, q: float) -> float:
    """Harrell and Davis' estimate of the ``q`` quantile.

    Raises:
        ValueError: there are fewer than two values.
    """
    known = np.asarray(values, dtype=float)
    if known.size < 2:
        raise ValueError(f"Harrell-Davis quantile: needs two values, got {known.size}")
    return float(hdquantiles(known, prob=[q])[0])


def lcp_effects(metric: GateMetric, visits: Sequence[Visit], launches: int) -> Effects:
    """What each whole cycle of the metric's page says of the effect, by launch (numbered from 1).

    The mean of a launch is its log-ratio of p75s. Of a budget, which has no other arm to be compared with in the same
    launch, p75 is that of all visits. A cycle with a visit that was not measured is left out, both arms alike, and
    counted as unused.
    """
    mine = [visit for visit in visits if visit.page == metric.page]
    cycles = _whole_cycles(mine)
    found: list[list[float]] = [[] for _ in range(launches)]
    for together in [list(cycles)] if metric.budget is not None and cycles else _by_launch(cycles):
        said = _said_by_each(metric, [cycles[key] for key in together])
        for (launch, _), value in zip(together, said, strict=True):
            found[launch - 1].append(value)
    return Effects(
        metric=metric,
        launches=tuple(tuple(values) for values in found),
        counts=tuple(_supply(mine, launch) for launch in range(1, launches + 1)),
        unused=len({(visit.launch, visit.cycle) for visit in mine}) - len(cycles),
        lost=Supply(**{arm: sum(v.arm == arm and v.lcp_ms is None for v in mine) for arm in ARMS}),
    )


def lcp_supply(page: str, visits: Sequence[Visit]) -> Supply:
    """Measured visits of a page in each arm, in the warm-up, say."""
    measured = [visit.arm for visit in visits if visit.page == page and visit.lcp_ms is not None]
    return Supply(baseline=measured.count("baseline"), candidate=measured.count("candidate"))


def lost_visits(page: str, visits: Sequence[Visit]) -> int:
    """Visits of a page that failed or starved, where none was measured; 0 for one that paints nothing in either arm."""
    mine = [visit for visit in visits if visit.page == page]
    if any(visit.lcp_ms is not None for visit in mine) or {visit.arm for visit in mine if visit.blank} == {*CYCLE}:
        return 0
    return sum(not visit.blank for visit in mine)


def _whole_cycles(visits: Sequence[Visit]) -> Mapping[tuple[int, int], tuple[Floats, Floats]]:
    """LCPs of baseline and candidate by launch and cycle, of cycles in which each visit was measured."""
    cycles: dict[tuple[int, int], list[Visit]] = {}
    for visit in visits:
        cycles.setdefault((visit.launch, visit.cycle), []).append(visit)
    whole = {}
    for key, members in sorted(cycles.items()):
        arms = {arm: [v.lcp_ms for v in members if v.arm == arm and v.lcp_ms] for arm in CYCLE}
        if all(len(values) == CYCLE.count(arm) for arm, values in arms.items()):
            whole[key] = (np.array(arms["baseline"]), np.array(arms["candidate"]))
    return whole


def _by_launch(keys: Iterable[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    return [list(members) for _, members in groupby(keys, key=itemgetter(0))]


def _said_by_each(metric: GateMetric, cycles: Sequence[tuple[Floats, Floats]]) -> list[float]:
    """Jackknife: the effect of all cycles, and for each by how much it lies elsewhere without it, n - 1 times.

    Pseudo-values, moved so that their mean is the effect itself: correcting its bias, which both arms share, would cost
    a fifth more scatter (docs/decisions/0024).
    """
    count = len(cycles)
    of_all = _effect(metric, cycles)
    if count == 1:
        return [of_all]
    without = [_effect(metric, [*cycles[:left_out], *cycles[left_out + 1 :]]) for left_out in range(count)]
    middle = fmean(without)
    return [of_all - (count - 1) * (one - middle) for one in without]


def _effect(metric: GateMetric, cycles: Sequence[tuple[Floats, Floats]]) -> float:
    q = metric.quantile or 0.75
    candidate = math.log(quantile_hd(np.concatenate([cycle[1] for cycle in cycles]), q))
    if metric.budget is not None:
        return candidate - metric.budgeted
    return candidate - math.log(quantile_hd(np.concatenate([cycle[0] for cycle in cycles]), q))


def _supply(visits: Sequence[Visit], launch: int) -> Supply:
    counts = [
        sum(v.launch == launch and v.arm == arm and v.lcp_ms is not None for v in visits)
        for arm in ("baseline", "candidate")
    ]
    return Supply(baseline=counts[0], candidate=counts[1])
