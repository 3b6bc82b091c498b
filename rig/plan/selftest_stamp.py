"""What ``rig selftest`` last found on this machine, left where runs can find it: ``selftest.json`` in ``RIG_HOME``."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

SCHEMA = "rig.selftest/1"
_ROOT = Path(__file__).resolve().parents[2]
_MACHINE = ("system", "machine", "cpu", "cpus")


def stamp_path() -> Path:
    """Where the stamp lies: below ``RIG_HOME``, else below the project."""
    return Path(os.environ.get("RIG_HOME", _ROOT / ".rig")) / "selftest.json"


def leave_stamp(
    checks: Sequence[Mapping[str, Any]], *, of: Sequence[str], at: str, version: str, facts: Mapping[str, Any]
) -> None:
    """Add what was found just now to the stamp; parts that were not tested keep their last result.

    ``checks``: rows with ``part``, ``name``, ``ok``. ``of``: all parts there are. ``facts``: the fingerprint of the
    machine. A stamp that cannot be written is no reason to fail a selftest: the next run then says it was not run.
    """
    known = last_stamp(facts)
    found = {
        part: {
            "ok": all(row["ok"] for row in checks if row["part"] == part),
            "missed": [str(row["name"]) for row in checks if row["part"] == part and not row["ok"]],
            "at": at,
            "rig_version": version,
        }
        for part in dict.fromkeys(str(row["part"]) for row in checks)
    }
    stamp = {
        "schema": SCHEMA,
        "of": list(of),
        "machine": {name: facts.get(name) for name in _MACHINE},
        "parts": {**(known["parts"] if known else {}), **found},
    }
    path = stamp_path()
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(stamp, indent=2) + "\n", encoding="utf-8")
        temporary.replace(path)
    except OSError:
        return


def last_stamp(facts: Mapping[str, Any]) -> dict[str, Any] | None:
    """``{"of", "parts"}`` of the last selftest on the machine with these ``facts``; None where there was none.

    A folder moved or shared to another machine proves nothing about that one.
    """
    try:
        stamp = json.loads(stamp_path().read_text(encoding="utf-8"))
        same = stamp["machine"] == {name: facts.get(name) for name in _MACHINE}
        found = {"of": list(stamp["of"]), "parts": dict(stamp["parts"])}
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if same and stamp["schema"] == SCHEMA else None
