"""Speed, freshness and origin work at once: which strategies no other beats on all three.

The points are pooled figures: a difference between two of them is only shown where the finding says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rig.analysis.finding import is_control
from rig.analysis.rules import section

AXES = {
    "lcp_worst_ms": ("pages", "lcp_ms", "p95"),
    "oldest_s": ("staleness", "age_max_s"),
    "origin_share": ("origin", "cpu_share"),
}
"""Lower is better on each: LCP in the worst 5 % of visits, the oldest page served, processors kept busy recomputing."""

Arm = Mapping[str, Any]


def pareto(arms: Mapping[str, Arm]) -> list[dict[str, Any]]:
    """One row for each arm that was measured: its place on :data:`AXES`, and ``dominated_by``.

    One arm dominates another if it is no worse on any axis and better on one. Controls are placed but dominate
    nobody, as they are not there to be chosen. An axis that no arm has is left out; an arm that lacks one of the
    others is not compared.
    """
    places = {
        label: {axis: section(arm, *keys) for axis, keys in AXES.items()}
        for label, arm in arms.items()
        if arm.get("trials")
    }
    known = [axis for axis in AXES if any(place[axis] is not None for place in places.values())]
    rivals = [label for label in places if not is_control(arms[label])]
    return [
        {
            "arm": label,
            "control": is_control(arms[label]),
            **place,
            "dominated_by": [rival for rival in rivals if _dominates(places[rival], place, known)],
        }
        for label, place in places.items()
    ]


def _dominates(one: Mapping[str, float | None], other: Mapping[str, float | None], axes: list[str]) -> bool:
    pairs = [(mine, its) for axis in axes if (mine := one[axis]) is not None and (its := other[axis]) is not None]
    if not axes or len(pairs) < len(axes):
        return False
    return all(mine <= its for mine, its in pairs) and any(mine < its for mine, its in pairs)
