"""Speed, freshness and origin work: where each strategy stands, and which of them no other beats on all three."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rig.report.tables import Table
from rig.words import age, is_number, listed, milliseconds, percent


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One strategy, as :mod:`rig.analysis.pareto` places it. None: not measured."""

    label: str
    lcp_worst_ms: float | None
    oldest_s: float | None
    origin_share: float | None
    dominated_by: tuple[str, ...]
    control: bool

    @property
    def placed(self) -> bool:
        """Whether it has a place in the picture."""
        return self.lcp_worst_ms is not None and self.oldest_s is not None


_AXES: Mapping[str, Callable[[Point], float | None]] = {
    "speed": lambda one: one.lcp_worst_ms,
    "freshness": lambda one: one.oldest_s,
    "origin work": lambda one: one.origin_share,
}


def points(summary: Mapping[str, Any]) -> list[Point]:
    """A point for each row of ``pareto`` in summary.json; none where the summary has none."""
    return [
        Point(
            label=str(row["arm"]),
            lcp_worst_ms=_known(row.get("lcp_worst_ms")),
            oldest_s=_known(row.get("oldest_s")),
            origin_share=_known(row.get("origin_share")),
            dominated_by=tuple(row.get("dominated_by") or ()),
            control=bool(row.get("control")),
        )
        for row in summary.get("pareto") or []
    ]


def _known(value: object) -> float | None:
    return float(value) if is_number(value) else None


def title(found: Sequence[Point]) -> str:
    """Which strategies no other beats on all three; controls are not there to be chosen."""
    axes, rivals = _known_axes(found), [one for one in _compared(found) if not one.control]
    if len(rivals) < 2:
        return "Speed, freshness, origin work: too few strategies were measured to compare"
    best = [one.label for one in rivals if not one.dominated_by]
    if len(best) == 1:
        return f"{best[0]} is best on {listed(axes)}"
    if len(best) == len(rivals):
        return f"Every strategy is best on something: {listed(axes, last='or')}"
    return f"{listed(axes).capitalize()}: the choice is between {listed(best)}"


def _known_axes(found: Sequence[Point]) -> list[str]:
    """What some strategy was measured on; an axis that none has compares nothing."""
    return [name for name, value in _AXES.items() if any(value(one) is not None for one in found)]


def _compared(found: Sequence[Point]) -> list[Point]:
    """Those in the picture that lack nothing others have: an arm without a figure is beaten on nothing by nobody."""
    known = [_AXES[name] for name in _known_axes(found)]
    return [one for one in found if one.placed and all(value(one) is not None for value in known)]


def table(found: Sequence[Point]) -> Table:
    """What the picture draws."""
    compared = _compared(found)
    rows = [
        [
            one.label,
            milliseconds(one.lcp_worst_ms),
            age(one.oldest_s),
            percent(one.origin_share),
            _beaten(one, one in compared),
        ]
        for one in found
    ]
    columns = ["strategy", "LCP, worst 5 %", "oldest page served", "origin load", "beaten on all by"]
    return Table(caption="Speed, freshness and origin work", columns=columns, rows=rows, text_columns=frozenset({4}))


def _beaten(one: Point, is_compared: bool) -> str:
    if not is_compared:
        return "not compared"
    return listed(list(one.dominated_by)) or ("a control" if one.control else "none")
