"""Speed against freshness: where each strategy stands, and which of them no other beats on both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rig.analysis.finding import is_control
from rig.report.tables import Table, dig
from rig.words import is_number, listed, milliseconds, percent, seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One strategy. None: not measured. ``dominated_by``: strategies that are no worse on both, and better on one."""

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
    """A point for each arm of ``pareto`` in summary.json; none where the summary has none."""
    arms = summary["arms"]
    return [
        Point(
            label=str(row["arm"]),
            lcp_worst_ms=_known(row.get("lcp_worst_ms")),
            oldest_s=_known(row.get("oldest_s")),
            origin_share=_known(row.get("origin_share")),
            dominated_by=tuple(row.get("dominated_by") or ()),
            control=is_control(arms.get(row["arm"]) or {}),
        )
        for row in summary.get("pareto") or _from_arms(arms)
    ]


def _from_arms(arms: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """The same from the arms' own figures, for a summary without ``pareto``. Controls beat nobody."""
    known = {
        label: (dig(arm, "pages", "lcp_ms", "p95"), dig(arm, "staleness", "age_max_s")) for label, arm in arms.items()
    }
    rivals = {label: mine for label, mine in known.items() if all(map(is_number, mine)) and not is_control(arms[label])}
    return [
        {
            "arm": label,
            "lcp_worst_ms": mine[0],
            "oldest_s": mine[1],
            "origin_share": dig(arms[label], "origin", "cpu_share"),
            "dominated_by": [rival for rival, theirs in rivals.items() if label in rivals and _beats(theirs, mine)],
        }
        for label, mine in known.items()
    ]


def _beats(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one != other and one[0] <= other[0] and one[1] <= other[1]


def _known(value: object) -> float | None:
    return float(value) if is_number(value) else None


def title(found: Sequence[Point]) -> str:
    """Which strategies no other beats on both; controls are not there to be chosen."""
    rivals = [one for one in found if one.placed and not one.control]
    if len(rivals) < 2:
        return "Speed against freshness: too few strategies were measured to compare"
    best = [one.label for one in rivals if not one.dominated_by]
    if len(best) == 1:
        return f"{best[0]} is best on both speed and freshness"
    return f"Speed against freshness: the choice is between {listed(best)}"


def table(found: Sequence[Point]) -> Table:
    """What the picture draws."""
    rows = [
        [
            one.label,
            milliseconds(one.lcp_worst_ms),
            seconds(one.oldest_s),
            percent(one.origin_share),
            _beaten(one),
        ]
        for one in found
    ]
    columns = ["strategy", "LCP, worst 5 %", "oldest page served", "origin load", "beaten on both by"]
    return Table(caption="Speed against freshness", columns=columns, rows=rows, text_columns=frozenset({4}))


def _beaten(one: Point) -> str:
    if not one.placed:
        return "not compared"
    return listed(list(one.dominated_by)) or ("a control" if one.control else "none")
