"""Speed, freshness and origin work: where each strategy stands, and which of them no other beats on all three."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    rivals = [one for one in found if one.placed and not one.control]
    if len(rivals) < 2:
        return "Speed, freshness, origin work: too few strategies were measured to compare"
    best = [one.label for one in rivals if not one.dominated_by]
    if len(best) == 1:
        return f"{best[0]} is best on speed, freshness and origin work"
    if len(best) == len(rivals):
        return "Every strategy is best on something: speed, freshness or origin work"
    return f"Speed, freshness, origin work: the choice is between {listed(best)}"


def table(found: Sequence[Point]) -> Table:
    """What the picture draws."""
    rows = [
        [
            one.label,
            milliseconds(one.lcp_worst_ms),
            age(one.oldest_s),
            percent(one.origin_share),
            _beaten(one),
        ]
        for one in found
    ]
    columns = ["strategy", "LCP, worst 5 %", "oldest page served", "origin load", "beaten on all by"]
    return Table(caption="Speed, freshness and origin work", columns=columns, rows=rows, text_columns=frozenset({4}))


def _beaten(one: Point) -> str:
    if not one.placed:
        return "not compared"
    return listed(list(one.dominated_by)) or ("a control" if one.control else "none")
