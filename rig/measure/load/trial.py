"""One trial as the Locust users see it: its schedule, its clock, its journal."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from gevent.event import Event

from rig.measure.load.client import Response, prepare
from rig.measure.load.open_model import Limits, Outcome, Target
from rig.measure.load.order import TrialOrder
from rig.measure.load.recorder import Recorder
from rig.model import Kind
from rig.plan.schedule import Schedule, build

LEAD_S = 0.3
"""Between ordering a trial and its first request: time for the users to be there."""


class VisitJournal:
    """JSON lines of page visits."""

    def __init__(self, path: str | None) -> None:
        self._file = Path(path).open("w", encoding="utf-8") if path else None  # noqa: SIM115

    def add(self, row: Mapping[str, Any]) -> None:
        """Append one visit and hand it to the operating system: they are few."""
        if self._file:
            self._file.write(json.dumps(row, allow_nan=False) + "\n")
            self._file.flush()

    def close(self) -> None:
        """Close the file."""
        if self._file:
            self._file.close()


class Trial:
    """A trial under way. Both Locust users work on it and say when they are done."""

    def __init__(self, order: TrialOrder) -> None:
        self.order = order
        self.schedule: Schedule = build(order.spec)
        self.limits = Limits()
        self.start_s = time.monotonic() + LEAD_S
        self.end_s = self.start_s + order.spec.window_s
        self.recorder = Recorder(Path(order.requests_path) if order.requests_path else None)
        self.visits = VisitJournal(order.pages_path)
        self.requests_done, self.visits_done = Event(), Event()
        self.outcome: Outcome | None = None
        self.wrong_arm = 0
        self.error: str | None = None
        parts = urlsplit(order.url)
        self.host, self.port = parts.hostname or "127.0.0.1", parts.port or 80

    def targets(self) -> tuple[list[int], list[Target]]:
        """For each scheduled request the index of what it asks for, and the things asked for."""
        order, schedule = self.order, self.schedule
        base = order.url.rstrip("/")
        reads = [Target(Kind.READ, path, prepare("GET", base + path, order.headers)) for path in schedule.paths]
        headers = {**order.headers, **order.write_headers}
        writes = [
            Target(Kind.WRITE, w.path, prepare("POST", base + w.path, headers, w.form.encode()))
            for w in schedule.writes
        ]
        index = [int(path) if path >= 0 else len(reads) - 1 - int(path) for path in schedule.path]
        return index, reads + writes

    def check(self, response: Response) -> str | None:
        """Whether a complete response is what was asked for."""
        if response.status_code >= 400:
            return "status"
        if self.order.strategy and response.header("x-cache-strategy") != self.order.strategy:
            self.wrong_arm += 1
            return "wrong_arm"
        return None

    def close(self) -> None:
        """End both journals."""
        self.recorder.close()
        self.visits.close()
