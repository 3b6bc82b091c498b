"""Where the marks of a gate's figures stand: each launch, value, interval and margin, in per cent of the width.

Positions are shares of the width, so that a figure is as wide as its page and its marks stay round.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rig.report.gate_view import Row
from rig.report.gate_words import Scale, scale_of, shown
from rig.words import is_number

HEIGHT = 46
"""Of one metric, in pixels."""
_LEFT, _RIGHT = 3.0, 97.0
_FIRST_DOT, _LAST_DOT = 8.0, 38.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One metric's marks. ``dots``: (per cent from the left, pixels from the top, number of the launch)."""

    row: Row
    said: str
    value: float | None
    low: float | None
    high: float | None
    margin: float
    dots: Sequence[tuple[float, float, int]]
    cut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """All metrics of one family on one axis; ``ticks``: (per cent from the left, label), no change among them."""

    family: str
    rows: Sequence[Drawn]
    ticks: Sequence[tuple[float, str]]
    none: float


@dataclass(frozen=True, slots=True)
class Axis:
    """Effects to places. Ratios are drawn by their logarithm: half and double are equally far from none."""

    low: float
    high: float
    is_log: bool

    def at(self, value: float) -> float:
        """Per cent from the left; what lies beyond stands at the edge."""
        share = (self._on(value) - self._on(self.low)) / (self._on(self.high) - self._on(self.low))
        return round(_LEFT + (_RIGHT - _LEFT) * min(1.0, max(0.0, share)), 2)

    def _on(self, value: float) -> float:
        return math.log(max(value, 1e-9)) if self.is_log else value

    def holds(self, value: float) -> bool:
        """Whether it lies on the axis."""
        return self.low <= value <= self.high


def figures(rows: Sequence[Row]) -> list[Figure]:
    """One for each family in which something was measured launch by launch, in the order of the metrics."""
    families: dict[tuple[str, Scale], list[Row]] = {}
    for row in rows:
        if any(map(is_number, row.figures["by_launch"])):
            families.setdefault((row.family, scale_of(row.figures)), []).append(row)
    return [_figure(family, scale, ones) for (family, scale), ones in families.items()]


def _figure(family: str, scale: Scale, rows: Sequence[Row]) -> Figure:
    axis, step = _axis(scale, [row.figures for row in rows])
    return Figure(
        family=family,
        rows=[_drawn(row, axis) for row in rows],
        ticks=[(axis.at(value), shown(scale, value)) for value in _ticks(axis, step, scale)],
        none=axis.at(_none(scale)),
    )


def _drawn(row: Row, axis: Axis) -> Drawn:
    figures = row.figures
    launches = figures["by_launch"]
    rise = (_LAST_DOT - _FIRST_DOT) / max(1, len(launches) - 1)
    low, high = figures["lower"], figures["upper"]
    return Drawn(
        row=row,
        said=f"{row.name}: {row.value}, interval {row.interval}, allowed {row.margin}: {row.word}",
        value=axis.at(figures["value"]) if is_number(figures["value"]) else None,
        low=axis.at(low) if is_number(low) else None,
        high=axis.at(high) if is_number(high) else None,
        margin=axis.at(figures["margin"]),
        dots=[
            (axis.at(one), round(_FIRST_DOT + rise * place, 1), place + 1)
            for place, one in enumerate(launches)
            if is_number(one)
        ],
        cut=any(is_number(bound) and not axis.holds(bound) for bound in (low, high)),
    )


def _none(scale: Scale) -> float:
    """What no change is; of a budget, all of it used."""
    return 0.0 if scale is Scale.POINTS else 1.0


def _axis(scale: Scale, all_figures: Sequence[Mapping[str, Any]]) -> tuple[Axis, float]:
    """Holds all launches, values, margins and no change. Intervals are let out at three times that: a short gate's
    are endless.
    """
    none = _none(scale)
    inner = [none]
    bounds = []
    for one in all_figures:
        inner += [value for value in (one["value"], one["margin"], *one["by_launch"]) if is_number(value)]
        bounds += [value for value in (one["lower"], one["upper"]) if is_number(value)]
    reach = max(max(inner) - none, none - min(inner)) or 0.01
    low = max(min([*inner, *bounds]), none - 3 * reach)
    high = min(max([*inner, *bounds]), none + 3 * reach)
    is_log = scale is not Scale.POINTS and low > 0 and high / low > 3
    return Axis(low, high, is_log), _step((high - low) / 4)


def _step(rough: float) -> float:
    """1, 2 or 5 times a power of ten, at least ``rough``."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)


def _ticks(axis: Axis, step: float, scale: Scale) -> Iterator[float]:
    none = _none(scale)
    if axis.is_log:
        yield from (2.0**power for power in range(-10, 11) if axis.holds(2.0**power))
        return
    first, last = math.ceil((axis.low - none) / step - 1e-9), math.floor((axis.high - none) / step + 1e-9)
    yield from (none + number * step for number in range(first, last + 1))
