"""One figure of two runs: B - A, its interval over rounds, and what that shows.

Intervals are Student's, two-sided, for each figure alone: over pairs of rounds that met the same schedule, which takes
the schedule's share out of the scatter, else over the rounds of two independent samples (Welch).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from statistics import fmean, variance
from typing import Any

from scipy.special import stdtrit

from rig.analysis.finding import FEWEST_ROUNDS
from rig.metrics import Metric
from rig.words import is_number

LEVEL = 0.95


class Shown(StrEnum):
    """What the interval of one figure says of B against A."""

    BETTER = "better"
    WORSE = "worse"
    NO_DIFFERENCE = "no difference shown"
    UNDECIDED = "undecided"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A figure of a round (a key of ``by_round`` in summary.json), and the step in which it is told.

    No interval is narrower than the step to either side: rounds that agree to the digit prove no more than the digit.
    """

    metric: Metric
    key: str
    step: float


def _compared(key: str, title: str, unit: str, step: float, better: str = "lower", name: str | None = None) -> Compared:
    metric = Metric(name=name or key, title=title, unit=unit, better="higher" if better == "higher" else "lower")
    return Compared(metric=metric, key=key, step=step)


FIGURES = (
    # Chromium tells LCP in steps of 4 ms unless the page is cross-origin isolated.
    _compared("lcp_inside_p50", "LCP in a stampede, median", "ms", 4, name="lcp_inside_ms"),
    _compared("lcp_outside_p50", "LCP otherwise, median", "ms", 4, name="lcp_outside_ms"),
    _compared("lcp_p75_ms", "LCP of all visits, p75", "ms", 4),
    _compared("slow_share", "slow visits", "share", 0.01),
    _compared("p50_ms", "response time, median", "ms", 0.1),
    _compared("p95_ms", "response time, p95", "ms", 0.1),
    _compared("failed_share", "failed requests", "share", 0.0005),
    _compared("age_p99_s", "age of stale pages, p99", "s", 0.01),
    _compared("age_max_s", "oldest page served", "s", 0.01),
    _compared("stampedes", "stampedes in a trial", "", 1),
    _compared("stampede_peak", "recomputes at once, peak", "", 1),
    _compared("recomputes", "recomputes in a trial", "", 1),
    _compared("cpu_share", "origin load, of one processor", "share", 0.005, name="origin_cpu_share"),
    _compared("hit_ratio", "hit ratio", "share", 0.005, better="higher"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureComparison:
    """One figure of one strategy: means over the rounds used, B - A, and its interval; None: not known.

    ``why`` says why nothing is shown, where it is not the interval that says so.
    """

    metric: Metric
    shown: Shown
    a: float | None = None
    b: float | None = None
    difference: float | None = None
    lower: float | None = None
    upper: float | None = None
    why: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As in ``rig compare --json``."""
        facts = asdict(self)
        metric = facts.pop("metric")
        facts["verdict"] = facts.pop("shown")
        return {"title": metric["title"], "unit": metric["unit"], "better": metric["better"], **facts}


def compare_figure(
    figure: Compared, ours: Sequence[Mapping[str, Any]], theirs: Sequence[Mapping[str, Any]], paired: bool
) -> FigureComparison:
    """One figure over the rounds of A (``ours``) and B (``theirs``); ``paired``: they go together one by one."""
    values = [_values(figure.key, rounds) for rounds in (ours, theirs)]
    a, b = values
    if not a or not b:
        whys = [_why_missing(figure, rounds, name) for rounds, name in ((ours, "A"), (theirs, "B"))]
        return FigureComparison(
            metric=figure.metric,
            shown=Shown.NOT_MEASURED,
            a=fmean(a) if a else None,
            b=fmean(b) if b else None,
            why="; ".join(why for why in whys if why),
        )
    difference, scatter = difference_of(a, b, paired=paired)
    half = None if scatter is None else max(scatter, figure.step)
    shown, why = _judged(figure.metric, fmean(a), fmean(b), difference, half, scatter)
    return FigureComparison(
        metric=figure.metric,
        shown=shown,
        a=fmean(a),
        b=fmean(b),
        difference=difference,
        lower=None if half is None else difference - half,
        upper=None if half is None else difference + half,
        why=why,
    )


def difference_of(a: Sequence[float], b: Sequence[float], *, paired: bool) -> tuple[float, float | None]:
    """Mean of B - mean of A, and half the width of its 95 % interval; None where there are too few values.

    Student's t over pairs, else Welch's (Welch 1947), with Satterthwaite's degrees of freedom.
    """
    if paired:
        deltas = [other - one for one, other in zip(a, b, strict=True)]
        if len(deltas) < FEWEST_ROUNDS:
            return fmean(deltas), None
        return fmean(deltas), _t(len(deltas) - 1) * math.sqrt(variance(deltas) / len(deltas))
    difference = fmean(b) - fmean(a)
    if min(len(a), len(b)) < FEWEST_ROUNDS:
        return difference, None
    parts = [variance(values) / len(values) for values in (a, b)]
    if not sum(parts):
        return difference, 0.0
    freedom = sum(parts) ** 2 / sum(part**2 / (len(x) - 1) for part, x in zip(parts, (a, b), strict=True))
    return difference, _t(freedom) * math.sqrt(sum(parts))


def _t(freedom: float) -> float:
    return float(stdtrit(freedom, (1 + LEVEL) / 2))


def _judged(
    metric: Metric, a: float, b: float, difference: float, half: float | None, scatter: float | None
) -> tuple[Shown, str | None]:
    if half is None or scatter is None:
        return Shown.UNDECIDED, "one round tells no scatter"
    if abs(difference) > half:
        return (Shown.BETTER if (difference < 0) == (metric.better == "lower") else Shown.WORSE), None
    if scatter > max(abs(a), abs(b)):
        return Shown.UNDECIDED, "the rounds scatter by more than the figure itself"
    return Shown.NO_DIFFERENCE, None


def _values(key: str, rounds: Sequence[Mapping[str, Any]]) -> list[float]:
    """The figure in each round; empty as soon as one round lacks it: the others may be the fair-weather half."""
    values = [value for one in rounds if is_number(value := one.get(key))]
    return values if len(values) == len(rounds) else []


def _why_missing(figure: Compared, rounds: Sequence[Mapping[str, Any]], name: str) -> str | None:
    if not rounds:
        return f"{name}: no sound round"
    missing = sum(not is_number(one.get(figure.key)) for one in rounds)
    if not missing:
        return None
    if figure.key == "lcp_inside_p50" and all(one.get("stampedes") == 0 for one in rounds):
        return f"{name}: no stampede"
    return f"{name}: missing in {missing} of {len(rounds)} rounds"
