"""How far a run under way has come, from its run directory alone: a few looks at files, so as not to disturb it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import pyarrow as pa
import pyarrow.ipc as ipc

from rig.analysis.rules import section
from rig.board.entry import MANIFEST
from rig.board.files import MEGABYTE, UnreadableError, read_bytes, read_object
from rig.words import is_number

_MOST_BYTES = 16 * MEGABYTE


def progress_of(folder: Path) -> dict[str, Any] | None:
    """Trial, phase, seconds into the window and visits so far; None where its manifest cannot be read.

    A figure nobody knows yet is None. ``at_s`` is right on the machine that measures: it reads its clock.
    """
    try:
        manifest = read_object(folder / MANIFEST, _MOST_BYTES)
    except UnreadableError:
        return None
    if manifest is None:
        return None
    planned = [str(one) for trials in _lists(section(manifest, "plan", "order")) for one in _lists_of_text(trials)]
    window_s = section(manifest, "plan", "window_s")
    sealed, begun = _trials(folder / "trials")
    head = {
        "name": folder.name,
        "profile": manifest.get("profile") if isinstance(manifest.get("profile"), str) else None,
        "created": manifest.get("created") if isinstance(manifest.get("created"), str) else None,
        "sealed": len(sealed),
        # One more is measured where none of an arm was sound; a gate plans no number of trials.
        "of": max(len(planned), len(sealed) + bool(begun)) if planned else None,
        "window_s": window_s if is_number(window_s) else None,
        "visits_planned": section(manifest, "plan", "visits")
        if is_number(section(manifest, "plan", "visits"))
        else None,
    }
    return {**head, **_under_way(begun)}


def _under_way(trial: Path | None) -> dict[str, Any]:
    if trial is None:
        return {"trial": None, "round": None, "phase": "between trials", "at_s": None, "visits": None, "lcp_ms": None}
    number, _, arm = trial.name.partition("-")
    began_s = _began_s(trial / "requests.arrows")
    lcp = list(_lcp_ms(trial / "pages.jsonl"))
    phase = "sealing" if (trial / "requests.parquet").exists() else "measuring" if began_s is not None else "preparing"
    measured = [value for value in lcp if value is not None]
    return {
        "trial": arm,
        "round": int(number) if number.isdecimal() else None,
        "phase": phase,
        "at_s": max(0.0, round(time.monotonic() - began_s, 1)) if began_s is not None else None,
        "visits": len(lcp),
        "lcp_ms": median(measured) if measured else None,
    }


def _trials(folder: Path) -> tuple[list[Path], Path | None]:
    """The sealed ones, and the newest that is not."""
    try:
        found = [one for one in folder.iterdir() if one.is_dir() and not one.is_symlink()]
        open_ = [one for one in found if not (one / "trial.json").exists()]
        newest = max(open_, key=lambda one: one.stat().st_mtime_ns, default=None)
    except OSError:
        return [], None
    return [one for one in found if one not in open_], newest


def _began_s(stream: Path) -> float | None:
    """The intended start of the first requests in the journal, on CLOCK_MONOTONIC; None before any was written."""
    try:
        if not stream.is_file() or stream.is_symlink():
            return None
        with stream.open("rb") as content:
            first = ipc.open_stream(content).read_next_batch()
        value = first.column("intended_s")[0].as_py()
    except (OSError, pa.ArrowException, StopIteration, EOFError, KeyError, IndexError, ValueError):
        return None
    return float(value) if is_number(value) else None


def _lcp_ms(lines: Path) -> Iterator[float | None]:
    """LCP of each visit that has ended, in milliseconds; None for one that has none. Control visits are left out."""
    try:
        content = read_bytes(lines, _MOST_BYTES) or b""
    except UnreadableError:
        return
    for line in content.split(b"\n")[:-1]:
        try:
            visit = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(visit, dict) and not visit.get("control"):
            value = visit.get("lcp_ms")
            yield value if visit.get("outcome") == "measured" and is_number(value) else None


def _lists(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _lists_of_text(value: Any) -> list[str]:
    return [one for one in _lists(value) if isinstance(one, str)]
