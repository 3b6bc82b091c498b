"""What the page says of the selftest: whether rig was shown to measure right on this machine, and when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rig.words import listed

NOT_RUN = "selftest not run on this machine"


def stamp(environment: Mapping[str, Any]) -> dict[str, Any]:
    """``{"ok", "sign", "text", "more"}`` from a run's environment; ``ok`` is None, and no sign, where nothing is known.

    Of several parts the one tested longest ago gives the date: what the stamp says holds for all of them.
    """
    if "selftest" not in environment:
        return {"ok": None, "sign": "", "text": "selftest not recorded", "more": "The run is older than such records."}
    known = environment["selftest"]
    if not known or not known["parts"]:
        return {
            "ok": None,
            "sign": "",
            "text": NOT_RUN,
            "more": "rig selftest would show whether rig measures right here.",
        }
    parts = known["parts"]
    day = f"{min(datetime.fromisoformat(part['at']) for part in parts.values()):%d %b %Y}"
    missed = [name for part in parts.values() for name in part["missed"]]
    if missed:
        return {"ok": False, "sign": "✗", "text": f"selftest missed, {day}", "more": f"Missed: {listed(missed)}."}
    only = "" if set(known["of"]) <= set(parts) else f" ({listed(sorted(parts))} only)"
    return {"ok": True, "sign": "✓", "text": f"selftest{only} {day}", "more": "Known truths were measured right."}
