"""What the page's own ledger shows of each stampede beside what its timelines know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rig.analysis.rules import section
from rig.analysis.waiting import WHO
from rig.words import count, listed

Place = tuple[str, int, str, float]

SHOWN = (
    "capped", "predicted_alone", "predicted_in_herd", "cpu_s", "db_s", "wasted", "requests", "response_p95_ms",
)  # fmt: skip


def by_place(arms: Mapping[str, Any]) -> dict[Place, dict[str, Any]]:
    """What the ledger has of each stampede, by (arm, round, entry, begin)."""
    return {
        place(label, line["round"], line["entry"], line["begin_s"]): {
            **{name: line[name] for name in SHOWN},
            "who": who_met(line["who"]),
        }
        for label, arm in arms.items()
        for line in section(arm, "origin", "ledger") or []
    }


def place(label: str, number: int, entry: str, begin_s: float) -> Place:
    """What identifies a stampede in summary and timeline alike; times to the microsecond."""
    return label, number, entry, round(begin_s, 6)


def who_met(who: Mapping[str, int]) -> str:
    """``{"queued": 80, "computed": 12}`` as ``80 waited for a server thread and 12 recomputed``."""
    return listed([f"{count(who[name])} {title}" for name, title in WHO.items() if who.get(name)]) or "nobody"
