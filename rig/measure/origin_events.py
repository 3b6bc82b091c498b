"""Collects the target's event files, trial by trial, as rows of the origin table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rig.samples import ORIGIN

_COLUMNS = frozenset(ORIGIN.names)


class OriginEvents:
    """Reads what was appended since the last call, from every worker's file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read_to: dict[Path, int] = {}
        self._open: dict[str, dict[str, Any]] = {}

    def collect(self, epoch: int) -> list[dict[str, Any]]:
        """Rows of ``epoch`` in order of their begin; a recompute that never ended has no end."""
        rows = []
        for event in self._new_events():
            match event.pop("event"):
                case "recompute.begin":
                    begun = {**event, "event": "recompute", "begin_ns": event["t_ns"], "end_ns": None}
                    self._open[event["id"]] = begun
                case "recompute.end":
                    begun = self._open.pop(event["id"], {})
                    rows.append({**begun, **event, "event": "recompute", "end_ns": event["t_ns"]})
                case name:
                    rows.append({**event, "event": name})
        # Still open although the target was quiet: the worker died with it.
        rows += [self._open.pop(key) for key in [k for k, v in self._open.items() if v["epoch"] <= epoch]]
        kept = [row for row in rows if row["epoch"] == epoch and "begin_ns" in row]
        return sorted(({k: v for k, v in row.items() if k in _COLUMNS} for row in kept), key=lambda r: r["begin_ns"])

    def _new_events(self) -> Iterator[dict[str, Any]]:
        for path in sorted(self.folder.glob("events-*.jsonl")):
            with path.open("rb") as stream:
                stream.seek(self._read_to.get(path, 0))
                for line in stream:
                    if not line.endswith(b"\n"):
                        break  # Being written this moment; read next time.
                    self._read_to[path] = self._read_to.get(path, 0) + len(line)
                    yield json.loads(line)
