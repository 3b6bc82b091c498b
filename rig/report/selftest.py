"""The selftest's table: measured beside true, 80 columns wide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

HEAD = f"{'':<7}{'check':<36}{'measured':>10}{'true':>9}  {'allowed'}"


def line(check: Mapping[str, Any]) -> str:
    """One check."""
    allowed = "exactly" if check["low"] == check["high"] else f"{_number(check['low'])} to {_number(check['high'])}"
    measured = "nothing" if check["measured"] is None else _number(check["measured"])
    head = "ok" if check["ok"] else "MISSED"
    unit = "" if check["unit"] in ("", "requests") else f" {check['unit']}"
    return f"{head:<7}{check['name']:<36}{measured:>10}{_number(check['truth']):>9}  {allowed}{unit}"


def verdict(checks: Sequence[Mapping[str, Any]]) -> str:
    """The last line, with the next step."""
    missed = [check["name"] for check in checks if not check["ok"]]
    if not missed:
        return f"\nall {len(checks)} checks hold on this machine\nNext: rig run"
    return (
        f"\n{len(missed)} of {len(checks)} missed: figures of this machine are not to be trusted now.\n"
        "A busy machine is the usual reason: stop what else runs, and try again."
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.2f}" if abs(value) < 100 else f"{value:,.1f}"
