"""Kills the process that has a recompute of one entry open: what a crash or an out-of-memory killer does at worst."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from rig.measure.services.process import Service
from rig.model import InfrastructureError

_READ_WITHIN_S = 8.0
"""An entry nobody reads for so long is none to disturb: the profile names a hot one."""
_POLL_S = 0.002


class _Tail:
    """Events of all workers since it was made; a line that is being written comes with the next look."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read_to = {path: path.stat().st_size for path in self._files()}

    def new(self) -> list[dict[str, Any]]:
        found = []
        for path in self._files():
            with path.open("rb") as stream:
                stream.seek(self._read_to.get(path, 0))
                lines = [line for line in stream if line.endswith(b"\n")]
            self._read_to[path] = self._read_to.get(path, 0) + sum(map(len, lines))
            found += [json.loads(line) for line in lines]
        return found

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("events-*.jsonl"))


def kill_holder(entry: str, events: Path, app: Service, forget: Callable[[], float]) -> float:
    """Forget ``entry``, then kill the first process seen recomputing it; returns what ``forget`` does, its instant.

    Only a process of ``app`` is killed, and not its master, which starts another.

    Raises:
        InfrastructureError: nobody recomputed the entry, or all had ended by the time of the kill.
    """
    tail, begun = _Tail(events), dict[str, int]()
    forgotten_s = forget()
    deadline = time.monotonic() + _READ_WITHIN_S
    while time.monotonic() < deadline:
        for event in tail.new():
            if event["event"] == "recompute.begin" and event["entry"] == entry:
                begun[event["id"]] = event["pid"]
            elif event["event"] == "recompute.end":
                begun.pop(event["id"], None)
        for key, pid in begun.items():
            if _killed(pid, app) and not any(one["id"] == key for one in tail.new() if one["event"] == "recompute.end"):
                return forgotten_s
        time.sleep(_POLL_S)
    raise InfrastructureError(f"kill-holder: nobody recomputed {entry} for {_READ_WITHIN_S:g} s after it was forgotten")


def _killed(pid: int, app: Service) -> bool:
    """Whether it was a worker of ``app``, and is gone now."""
    tree = app.tree()
    masters = {process.pid for process in tree if process.children()}
    for process in tree:
        if process.pid == pid and pid not in masters:
            process.kill()
            psutil.wait_procs([process], timeout=2)
            return True
    return False
