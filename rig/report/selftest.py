"""The selftest's table: measured beside true, 80 columns wide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_COUNTED = ("", "requests", "visits")
HEAD = f"{'':<7}{'check':<36}{'measured':>10}{'true':>9}  {'allowed'}"


def line(check: Mapping[str, Any]) -> str:
    """One check."""
    judged = check["low"] is not None
    measured = "nothing" if check["measured"] is None else _number(check["measured"])
    head = "MISSED" if not check["ok"] else "ok" if judged else ""
    truth = "" if check["truth"] is None else _number(check["truth"])
    return f"{head:<7}{check['name']:<36}{measured:>10}{truth:>9}  {_allowed(check)}"


def verdict(checks: Sequence[Mapping[str, Any]]) -> str:
    """The last line, with the next step."""
    missed = [check["name"] for check in checks if not check["ok"]]
    if not missed:
        judged = sum(check["low"] is not None for check in checks)
        return f"\nall {judged} checks hold on this machine\nNext: rig run"
    return (
        f"\n{len(missed)} of {len(checks)} missed: figures of this machine are not to be trusted now.\n"
        "A busy machine is the usual reason: stop what else runs, and try again."
    )


def _allowed(check: Mapping[str, Any]) -> str:
    unit = "" if check["unit"] in _COUNTED else f" {check['unit']}"
    if check["low"] is None:
        return f"shown only{unit and ','}{unit}"
    if check["low"] == check["high"]:
        return f"exactly{unit}"
    return f"{_number(check['low'])} to {_number(check['high'])}{unit}"


def _number(value: float) -> str:
    if value == int(value):
        return f"{value:,.0f}"
    return f"{value:,.3f}" if abs(value) < 10 else f"{value:,.2f}" if abs(value) < 100 else f"{value:,.1f}"
