"""What each disturbance did, in words: a block for each, a sentence for each strategy, from measured figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rig.analysis.disturbances import NEXT_CAME, NOTHING_BEFORE
from rig.words import NOT_MEASURED, figure, is_number, milliseconds, seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One disturbance: what it was and when, and what it did to each strategy as (label, sentence)."""

    title: str
    effects: Sequence[tuple[str, str]]


def blocks(arms: Mapping[str, Mapping[str, Any]]) -> list[Block]:
    """The disturbances of a run in their order; empty where there were none."""
    most = max((len(arm.get("disturbances") or []) for arm in arms.values()), default=0)
    found = []
    for number in range(most):
        rows = {
            label: arm["disturbances"][number]
            for label, arm in arms.items()
            if number < len(arm.get("disturbances") or [])
        }
        found.append(
            Block(title=_title(list(rows.values())), effects=[(label, _effect(rows[label])) for label in rows])
        )
    return found


def _title(rows: Sequence[Mapping[str, Any]]) -> str:
    first = next((row for row in rows if is_number(row["at_s"])), rows[0])
    if not is_number(first["at_s"]):
        return f"{first['kind']}: did not happen"
    lasted = f" for {seconds(first['lasted_s'])}" if is_number(first["lasted_s"]) else ""
    return f"{first['kind']}, {seconds(first['at_s'])} into the window{lasted}"


def _effect(row: Mapping[str, Any]) -> str:
    if not row["trials"]:
        return "it did not happen"
    phases = [(name, row[name]) for name in ("before", "during", "after") if row[name] is not None]
    failures = ", ".join(f"{_per_second(one['failures_per_s'])} {name}" for name, one in phases)
    times = ", ".join(f"{milliseconds(one['p95_ms'])} {name}" for name, one in phases)
    sentence = f"failures {failures}; p95 {times}; {_back(row)}"
    if is_number(row["stale_for_s"]):
        old = seconds(row["stale_for_s"])
        sentence += f"; old pages were served for at least {old} after it" if row["stale_for_s"] else "; no old page"
    return sentence


_NOT_BACK = {
    NOTHING_BEFORE: "when p95 was back is not known: no whole second before it",
    NEXT_CAME: "p95 was not back before the next disturbance",
}


def _back(row: Mapping[str, Any]) -> str:
    after = row["back_after_s"]
    since = " after its end" if is_number(row["lasted_s"]) else ""
    if not is_number(after):
        return _NOT_BACK.get(str(row.get("back_unknown")), "p95 was not back within the window")
    return f"p95 was back {seconds(after)}{since or ' after it'}" if after else f"p95 was back at once{since}"


def _per_second(value: object) -> str:
    return f"{figure(value)}/s" if is_number(value) else NOT_MEASURED
