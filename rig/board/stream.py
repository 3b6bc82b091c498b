"""What an open page is told without asking: how far the index is, that the list changed, how far a run has come."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

from rig.board.index import Index
from rig.board.live import progress_of
from rig.model import RunStatus

PERIOD_S = 1.0
"""A page gets at most one message of each kind in this time, and the folder is looked at no more often."""
MOST_WATCHERS = 16
_SIGN_OF_LIFE_S = 10.0
_MOST_RUNNING = 8


def messages(index: Index, ends: threading.Event) -> Iterator[str]:
    """Server-sent events ``index``, ``runs`` and ``live``; each only when it differs from the one before."""
    told: dict[str, str] = {}
    said_s = 0.0
    while not ends.is_set():
        lines = []
        for name, text in _state(index):
            if told.get(name) != text:
                told[name] = text
                lines.append(f"event: {name}\ndata: {text}\n\n")
        if lines or time.monotonic() - said_s >= _SIGN_OF_LIFE_S:
            said_s = time.monotonic()
            # Writing is how a reader's end is noticed.
            yield "".join(lines) or ": nothing new\n\n"
        ends.wait(PERIOD_S)


def _state(index: Index) -> Iterator[tuple[str, str]]:
    if not index.ready:
        yield "index", _json({"done": index.done, "total": index.total})
        return
    index.refresh(older_than_s=PERIOD_S / 2)
    yield "runs", _json({"revision": index.revision})
    running = [entry.name for entry in index.entries if entry.state == RunStatus.RUNNING][:_MOST_RUNNING]
    yield "live", _json([told for name in running if (told := progress_of(index.folder / name)) is not None])


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)
