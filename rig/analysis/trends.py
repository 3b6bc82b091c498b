"""One figure of one strategy from run to run: what the runs before let expect of the next, and where it changed.

The run is the unit here. Of the runs before, measured under conditions that may be compared, the logarithms give a
prediction interval for one more run (Student's; Hahn & Meeker, *Statistical Intervals*, 1991, section 3.2). One run
beyond it is told as out of line: about one in a hundred is, by chance. Two in a row beyond it on the same side are a
change; what comes after is judged by the runs since. A slow drift takes its band along and is never marked.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from statistics import fmean
from typing import Any

from rig.analysis.comparable import amounts_agree, exact_conditions

LEVEL = 0.99
# Three tell almost nothing of their scatter: the band would be eleven times as wide as it.
FEWEST_BEFORE = 4
# What lies further back was another season.
MOST_BEFORE = 20
ROUNDS_LEVEL = 0.95


class Mark(StrEnum):
    """What a run is beside those before it."""

    TOO_FEW = "too few runs before it"
    WITHIN = "no change shown"
    OUT = "out of line"
    CHANGE = "change"


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A run's figure: mean over rounds, the 95 % interval over rounds (None below two), and what was expected of it.

    ``factor``: value over the middle of what was expected; None where nothing was. ``before``: how many runs that
    rests on.
    """

    value: float
    lower: float | None
    upper: float | None
    expected_low: float | None
    expected_high: float | None
    before: int
    factor: float | None
    mark: Mark


def groups_of(manifests: Sequence[Mapping[str, Any]]) -> list[int]:
    """The group of each run; runs of one group may be compared. Each joins the newest group whose first run it may be
    compared with, so a slow walk of the amounts begins a new group in time.
    """
    first: list[Mapping[str, Any]] = []
    by_text: dict[str, list[int]] = {}
    found = []
    for manifest in manifests:
        known = by_text.setdefault(exact_conditions(manifest), [])
        group = next((one for one in reversed(known) if amounts_agree(first[one], manifest)), None)
        if group is None:
            group = len(first)
            first.append(manifest)
            known.append(group)
        found.append(group)
    return found


def trend(rounds: Sequence[Sequence[float]], step: float) -> list[Point]:
    """Judge runs of one group in the order of time. ``rounds``: each run's figure round by round, at least one.

    ``step``: the figure is told in steps of it; the band is never narrower than that to either side.
    """
    points: list[Point] = []
    base: list[float] = []
    # The run before, where it lay beyond the band.
    beyond: float | None = None
    for values in rounds:
        value, band = fmean(values), _band(base, step)
        side = _side(value, band)
        mark = Mark.TOO_FEW if band is None else Mark.OUT if side else Mark.WITHIN
        points.append(_point(values, value, band, len(base), mark))
        if side and beyond is not None and side == _side(beyond, band):
            # It began with the first of the two; what follows is judged by these.
            points[-2:] = [replace(points[-2], mark=Mark.CHANGE), replace(points[-1], mark=Mark.WITHIN)]
            base, beyond = [beyond, value], None
        elif side:
            beyond = value
        else:
            base, beyond = [*base, value][-MOST_BEFORE:], None
    return points


def _band(base: Sequence[float], step: float) -> tuple[float, float, float] | None:
    """Lower end, middle and upper end of what one more run is expected to show; None where too few are known."""
    if len(base) < FEWEST_BEFORE or min(base) <= 0:
        return None
    logs = [math.log(value) for value in base]
    middle, half = fmean(logs), _t(len(logs) - 1, LEVEL) * _scatter(logs) * math.sqrt(1 + 1 / len(logs))
    centre = math.exp(middle)
    # One step is no more than a rounding; exp(log(x)) is not quite x.
    least = step * (1 + 1e-6)
    return min(math.exp(middle - half), centre - least), centre, max(math.exp(middle + half), centre + least)


def _side(value: float, band: tuple[float, float, float] | None) -> int:
    if band is None:
        return 0
    return (value > band[2]) - (value < band[0])


def _point(
    values: Sequence[float], value: float, band: tuple[float, float, float] | None, before: int, mark: Mark
) -> Point:
    half = _t(len(values) - 1, ROUNDS_LEVEL) * _scatter(values) / math.sqrt(len(values)) if len(values) > 1 else None
    low, centre, high = band or (None, None, None)
    return Point(
        value=value,
        lower=None if half is None else value - half,
        upper=None if half is None else value + half,
        expected_low=None if low is None else max(low, 0.0),
        expected_high=high,
        before=before,
        factor=value / centre if centre else None,
        mark=mark,
    )


def _scatter(values: Sequence[float]) -> float:
    # statistics.stdev counts in fractions, and thousands of runs are judged while somebody waits.
    middle = fmean(values)
    return math.sqrt(math.fsum((value - middle) ** 2 for value in values) / (len(values) - 1))


@lru_cache(maxsize=256)
def _t(freedom: int, level: float) -> float:
    # Late: scipy.special takes a moment to import.
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + level) / 2))
