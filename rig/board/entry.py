"""One folder of the runs folder as the dashboard lists it: a run, a gate, or damaged with the reason."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rig.analysis.comparable import conditions_of
from rig.analysis.rules import section
from rig.analysis.trends import groups_of
from rig.board.files import MEGABYTE, UnreadableError, read_object, signature
from rig.journal import MANIFEST_SCHEMA, is_locked
from rig.model import RunStatus
from rig.words import is_number

MANIFEST, SUMMARY, GATE, REPORT = "manifest.json", "summary.json", "gate.json", "report.html"
_MOST_BYTES = {MANIFEST: 16 * MEGABYTE, SUMMARY: 128 * MEGABYTE, GATE: 16 * MEGABYTE}

# Figures of a round (keys of ``by_round``) that the index keeps.
FIGURE_KEYS = ("lcp_p75_ms", "lcp_inside_p50", "lcp_outside_p50", "p95_ms", "p50_ms")
GRADES = ("good", "ok", "bad")
VERDICTS = ("pass", "fail", "inconclusive", "invalid")

_LONGEST_TEXT = 300
_LONGEST_COMMAND = 2000
_MOST_STRATEGIES = 100
_MOST_ROUNDS = 1000
# Of what decides on comparing; those of a plan have four levels.
_DEEPEST = 20
# A nanosecond and eleven days; with what lies beyond them the history could not be computed.
_SHORTEST_MS, _LONGEST_MS = 1e-6, 1e9
_STAMP = re.compile(r"(\d{8}T\d{6})Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What the list says of one folder. ``kind``: run, gate or damaged.

    ``state``: the run's status, a gate's verdict, or damaged. ``valid``: None where no summary says so. ``strategies``:
    label, grade and ``rounds`` (figure by figure the values of all rounds; a figure that one round lacks is left out).
    ``conditions``: what decides whether it may be compared. ``reason``: why it is damaged, or not yet analysed.
    """

    name: str
    kind: str
    state: str
    created: str | None = None
    reason: str | None = None
    profile: str | None = None
    seed: int | None = None
    commit: str | None = None
    error: str | None = None
    reproduce: str | None = None
    valid: bool | None = None
    analysed: bool = False
    report: bool = False
    strategies: list[dict[str, Any]] = field(default_factory=list)
    conditions: dict[str, Any] = field(default_factory=dict)
    gate: dict[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """As it lies in the index file."""
        return asdict(self)


def signature_of(folder: Path) -> list[Any]:
    """Changes whenever the entry of ``folder`` would; costs five looks at the file system."""
    return [signature(folder / name) for name in (".", MANIFEST, SUMMARY, GATE, REPORT)]


def read_entry(folder: Path) -> Entry:
    """The entry of a folder; whatever lies in it, this says something of it and raises nothing."""
    try:
        if not folder.is_dir():
            return _damaged(folder, "a symbolic link that leads to no folder")
        gate = read_object(folder / GATE, _MOST_BYTES[GATE])
        return _gate(folder, gate) if gate is not None else _run(folder)
    except UnreadableError as error:
        return _damaged(folder, str(error))
    except OSError as error:
        return _damaged(folder, f"cannot be read: {error.strerror}")
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        # One folder that nobody thought of must not cost the reader all others.
        return _damaged(folder, f"cannot be understood: {type(error).__name__}: {error}")


def status_now(folder: Path) -> str:
    """Of a run whose manifest says 'running': whether a living process still writes it."""
    return str(RunStatus.RUNNING if is_locked(folder) else RunStatus.INTERRUPTED)


def _run(folder: Path) -> Entry:
    manifest = read_object(folder / MANIFEST, _MOST_BYTES[MANIFEST])
    if manifest is None:
        return _damaged(folder, f"no {MANIFEST}: not a run, or not yet one")
    if manifest.get("schema") != MANIFEST_SCHEMA:
        return _damaged(folder, f"{MANIFEST}: schema {_clipped(repr(manifest.get('schema')))}, not {MANIFEST_SCHEMA}")
    status = manifest.get("status")
    if status not in tuple(RunStatus):
        return _damaged(folder, f"{MANIFEST}: status {_clipped(repr(status))} is none that a run can have")
    seed = manifest.get("seed")
    head = Entry(
        name=_clipped(folder.name),
        kind="run",
        state=str(status),
        created=_created(manifest.get("created"), folder.name),
        profile=_text(manifest.get("profile")),
        seed=seed if isinstance(seed, int) and abs(seed) < 2**53 else None,
        commit=_text(section(manifest, "environment", "commit")),
        error=_text(manifest.get("error")),
        reproduce=_text(manifest.get("reproduce"), _LONGEST_COMMAND),
        report=_is_file(folder / REPORT),
        conditions=_conditions(manifest),
    )
    return _with_summary(head, folder, manifest)


def _conditions(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Of a kind that the history can compare: what it cannot read would cost the reader all runs of the profile.

    Raises:
        TypeError, ValueError: they are not.
    """
    found = conditions_of(manifest)
    if _is_deeper(found, _DEEPEST):
        raise ValueError(f"{MANIFEST}: nested too deeply")
    groups_of([found, found])
    return found


def _is_deeper(value: Any, most: int) -> bool:
    inside = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else None
    return inside is not None and (most == 0 or any(_is_deeper(one, most - 1) for one in inside))


def _with_summary(head: Entry, folder: Path, manifest: Mapping[str, Any]) -> Entry:
    facts = head.to_json()
    try:
        summary = read_object(folder / SUMMARY, _MOST_BYTES[SUMMARY])
    except UnreadableError as error:
        return Entry(**{**facts, "kind": "damaged", "state": "damaged", "reason": f"{error}; make its report anew"})
    if summary is None:
        planned = section(manifest, "plan", "arms")
        labels = [_text(section(arm, "label")) for arm in _list(planned)[:_MOST_STRATEGIES]]
        named: list[dict[str, Any]] = [{"name": name, "grade": None, "rounds": {}} for name in labels if name]
        return Entry(**{**facts, "reason": f"no {SUMMARY}: not analysed yet", "strategies": named})
    arms = summary.get("arms")
    if not isinstance(arms, Mapping) or not isinstance(summary.get("valid"), bool):
        reason = f"{SUMMARY}: no arms and validity in it; make its report anew"
        return Entry(**{**facts, "kind": "damaged", "state": "damaged", "reason": reason})
    strategies = [_strategy(str(name), arm) for name, arm in list(arms.items())[:_MOST_STRATEGIES]]
    return Entry(**{**facts, "analysed": True, "valid": summary["valid"], "strategies": strategies})


def _strategy(name: str, arm: Any) -> dict[str, Any]:
    grade = section(arm, "verdict", "grade")
    rounds = section(arm, "by_round")
    known = [one for one in rounds if isinstance(one, Mapping)][:_MOST_ROUNDS] if isinstance(rounds, list) else []
    values = {key: [float(one[key]) for one in known if _is_time(one.get(key))] for key in FIGURE_KEYS}
    # A figure that one round lacks is none of this run: the others may be the fair-weather half.
    whole = {key: found for key, found in values.items() if found and len(found) == len(known)}
    return {"name": _clipped(name), "grade": grade if grade in GRADES else None, "rounds": whole}


def _is_time(value: Any) -> bool:
    return is_number(value) and (value == 0 or _SHORTEST_MS <= value <= _LONGEST_MS)


def _gate(folder: Path, gate: Mapping[str, Any]) -> Entry:
    verdict = gate.get("verdict")
    if verdict not in VERDICTS:
        return _damaged(folder, f"{GATE}: verdict {_clipped(repr(verdict))} is none that a gate can have")
    metrics, reasons = gate.get("metrics"), gate.get("reasons")
    return Entry(
        name=_clipped(folder.name),
        kind="gate",
        state=str(verdict),
        created=_created(gate.get("created"), folder.name),
        report=_is_file(folder / REPORT),
        gate={
            "baseline": _side(gate.get("baseline")),
            "candidate": _side(gate.get("candidate")),
            "launches": _number(gate.get("launches")),
            "seconds": _number(gate.get("seconds")),
            "reasons": [text for one in _list(reasons)[:20] if (text := _text(one))],
            "metrics": [_metric(one) for one in _list(metrics)[:200] if isinstance(one, Mapping)],
        },
    )


def _metric(one: Mapping[str, Any]) -> dict[str, Any]:
    figures = {key: _number(one.get(key)) for key in ("value", "lower", "upper", "margin", "mde")}
    return {**{key: _text(one.get(key)) for key in ("name", "kind", "verdict")}, **figures}


def _side(value: Any) -> str | None:
    """What was compared: a text, or an object with a ``title``."""
    return _text(value.get("title") if isinstance(value, Mapping) else value)


def _damaged(folder: Path, reason: str) -> Entry:
    return Entry(
        name=_clipped(folder.name),
        kind="damaged",
        state="damaged",
        created=_created(None, folder.name),
        reason=_clipped(reason),
    )


def _created(value: Any, name: str) -> str | None:
    """When, as UTC in ISO 8601; else what the folder's name begins with."""
    try:
        found = datetime.fromisoformat(value)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC).isoformat(timespec="seconds")
    except (TypeError, ValueError, OverflowError):
        stamp = _STAMP.match(name)
    try:
        return datetime.strptime(stamp[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC).isoformat() if stamp else None
    except ValueError:
        return None


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _number(value: Any) -> float | None:
    return value if is_number(value) else None


def _text(value: Any, longest: int = _LONGEST_TEXT) -> str | None:
    return _clipped(value, longest) if isinstance(value, str) and value else None


def _clipped(text: str, longest: int = _LONGEST_TEXT) -> str:
    # A lone surrogate in a name could not be sent as UTF-8.
    text = text.encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= longest else f"{text[:longest]}…"
