"""One trial as the Locust users see it: its schedule, its clock, its journal."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gevent
import numpy as np
import pyarrow as pa
from gevent.event import Event
from numpy.typing import NDArray

from rig.measure.load.client import prepare
from rig.measure.load.open_model import Counts, Dispatcher, Limits
from rig.measure.load.order import TrialOrder
from rig.measure.load.recorder import Offered, Recorder, Sink, Target
from rig.measure.load.site import Site
from rig.model import Kind, parse_versions
from rig.plan.schedule import Schedule, build

LEAD_S = 0.3
"""Between fixing a trial's clock and its first request: time for the users to be there."""
_FLUSH_S = 1.0
_BREATH_S = 0.001
"""Between two batches the loop must turn, so that what fell due is sent; sleeping for 0 only runs other callbacks."""


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
    """A trial under way: the whole of it, or one worker's share. Users work on it and say when they are done.

    ``sink`` takes the batches of samples; None: they are only counted.
    """

    def __init__(self, order: TrialOrder, sink: Sink | None = None) -> None:
        self.order = order
        self.schedule: Schedule = build(order.spec)
        self.limits = Limits(in_flight=order.in_flight, at_cap=order.at_cap, timeout_s=order.timeout_s)
        self.site = Site(order.url)
        self.visits = VisitJournal(order.pages_path)
        self.requests_done, self.visits_done = Event(), Event()
        self.counts: Counts | None = None
        self.wrong_arm = 0
        """Visits that another arm answered; requests say so in the journal."""
        self.error: str | None = None
        self._dispatcher: Dispatcher | None = None
        self._sink = sink
        self._targets = self._prepared()

    def begin(self, start_s: float) -> None:
        """Fix the trial's clock: its window starts at ``start_s`` (monotonic)."""
        self.start_s, self.end_s = start_s, start_s + self.order.spec.window_s
        self.offered = self._offered()
        self.recorder = Recorder(self.offered, self._sink, self.order.worker)

    @property
    def due_s(self) -> NDArray[np.float64]:
        """When each request of the whole schedule is due, monotonic, in order."""
        return self.start_s + self.schedule.at_s

    def in_flight(self) -> int | None:
        """Requests that are open now; None where this process sends none."""
        return None if self._dispatcher is None else self._dispatcher.in_flight

    def send_requests(self, on_batch: Callable[[pa.RecordBatch], None]) -> None:
        """Send this share of the schedule; return when all has ended. ``on_batch`` gets the samples, once a second."""
        self._dispatcher = dispatcher = Dispatcher(
            self.site, self.offered, recorder=self.recorder, check=self.check, limits=self.limits
        )
        over = Event()
        flusher = gevent.spawn(self._flush_until, over, on_batch)
        try:
            self.counts = dispatcher.run(self.end_s)
        finally:
            over.set()
            flusher.join()  # Not killed: in the middle of a flush it would take the rest of its samples with it.
            self._flush(on_batch)

    def _flush_until(self, over: Event, on_batch: Callable[[pa.RecordBatch], None]) -> None:
        while not over.wait(_FLUSH_S):
            self._flush(on_batch)

    def _flush(self, on_batch: Callable[[pa.RecordBatch], None]) -> None:
        for batch in self.recorder.flush():
            on_batch(batch)
            gevent.sleep(_BREATH_S)

    def _prepared(self) -> list[Target]:
        """What can be asked for: the reads of the schedule, then its writes."""
        order, schedule = self.order, self.schedule
        base = order.url.rstrip("/")
        reads = [Target(Kind.READ, path, prepare("GET", base + path, order.headers)) for path in schedule.paths]
        headers = {**order.headers, **order.write_headers}
        writes = [
            Target(Kind.WRITE, w.path, prepare("POST", base + w.path, headers, w.form.encode()))
            for w in schedule.writes
        ]
        return [*reads, *writes]

    def _offered(self) -> Offered:
        """This worker's share of the schedule."""
        schedule, order = self.schedule, self.order
        if order.side is None:
            index = schedule.shard(order.worker, order.workers)
        else:
            index = schedule.side([order.spec.seed, order.spec.round], order.side)
        path = schedule.path[index]
        target = np.where(path >= 0, path, len(schedule.paths) - 1 - path).astype(np.int32)
        return Offered(index, self.start_s + schedule.at_s[index], target, self._targets)

    def check(self, target: Target, status: int, strategy: str | None, version: str | None) -> str | None:
        """Why a complete response is not what was asked for; None where it is."""
        if status >= 400:
            return "status"
        if self.order.strategy is None:
            return None
        if strategy != self.order.strategy:
            return "wrong_arm"
        return None if target.kind is Kind.WRITE or _is_version(version) else "version"

    def close(self) -> None:
        """End the journal of visits."""
        self.visits.close()


def _is_version(text: str | None) -> bool:
    """Whether a page says which version it shows; a target that forgets to is not judged, and not praised."""
    try:
        return bool(parse_versions(text))
    except ValueError:
        return False
