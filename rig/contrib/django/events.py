"""Event files: what the origin did, one JSON line an event, one file a worker process.

Every time is ``CLOCK_MONOTONIC`` nanoseconds. A line is appended by one ``write`` call, so lines never mix and a
killed worker loses at most the event it was about to write.
"""

from __future__ import annotations

import itertools
import json
import os
import time
from pathlib import Path
from typing import Any

now_ns = time.monotonic_ns


class EventLog:
    """Appends events to ``events-<pid>.jsonl`` in a folder; does nothing where there is no folder."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._pid = 0
        self._fd = -1
        self._ids = itertools.count(1)

    def new_id(self) -> str:
        """An id no other event of this target's life has."""
        return f"{os.getpid()}-{next(self._ids)}"

    def append(self, event: dict[str, Any]) -> None:
        """Write one event."""
        if self._folder is None:
            return
        if self._pid != os.getpid():  # The worker was forked after the import.
            path = self._folder / f"events-{os.getpid()}.jsonl"
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            self._pid = os.getpid()
        os.write(self._fd, json.dumps({**event, "pid": self._pid}, separators=(",", ":")).encode() + b"\n")
