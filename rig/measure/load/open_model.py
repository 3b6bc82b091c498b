"""The open-model dispatcher: sends what the schedule says when it says so, whatever the target does.

Arrivals come from the schedule, not from responses, and latency counts from the intended start. Late: all that is
due is sent at once, each with its own due time. At the in-flight cap requests queue with their due time kept.
``scheduled == sent + dropped``, always.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import gevent
import numpy as np
from gevent.queue import SimpleQueue
from numpy.typing import NDArray

from rig.measure.load.client import Connection, ExchangeError, Response
from rig.measure.load.recorder import Recorder
from rig.model import Kind

_NAN = float("nan")
_TIMER_S = 0.0015
"""gevent's timer has whole milliseconds and wakes up to this much late; the rest is waited for in turns of the loop."""


@dataclass(frozen=True, slots=True)
class Target:
    """One thing the schedule can ask for, prepared once."""

    kind: Kind
    path: str
    request: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How far one trial may go. Seconds."""

    in_flight: int = 512
    timeout_s: float = 30.0
    """Counts from sending."""
    drain_s: float = 20.0
    """How long after the window's end a begun request may go on; then it failed, cause 'drain'."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the dispatcher counted; must agree with the journal."""

    scheduled: int
    sent: int
    dropped: int
    drained_s: float


Check = Callable[[Response], str | None]
"""Looks at a complete response; returns the cause of failure, or None."""


class Dispatcher:
    """Runs one schedule against one host."""

    def __init__(self, host: str, port: int, *, recorder: Recorder, check: Check, limits: Limits | None = None) -> None:
        self._host, self._port = host, port
        self._recorder = recorder
        self._check = check
        self._limits = limits or Limits()
        self._queue: SimpleQueue[tuple[int, float] | None] = SimpleQueue()
        self._workers: list[gevent.Greenlet] = []
        self._idle = 0
        self._waiting = 0
        self._begun = 0
        self._dropping = False

    def run(
        self,
        at_s: NDArray[np.float64],
        target: Sequence[int],
        targets: Sequence[Target],
        start_s: float,
        window_s: float,
    ) -> Outcome:
        """Send request ``i`` (kind ``targets[target[i]]``) at ``start_s + at_s[i]``; return when all have ended."""
        self._target, self._targets = target, targets
        self._end_s = start_s + window_s + self._limits.drain_s
        due = [start_s + float(at) for at in at_s]
        for index, intended in enumerate(due):
            while (wait := intended - time.monotonic()) > 0:
                gevent.sleep(wait - _TIMER_S if wait > _TIMER_S else 0)
            self._offer(index, intended)
        return self._drain(len(due), start_s + window_s)

    def _offer(self, index: int, intended_s: float) -> None:
        if self._idle <= self._waiting and len(self._workers) < self._limits.in_flight:
            self._workers.append(gevent.spawn(self._work))
        self._waiting += 1
        self._queue.put((index, intended_s))

    def _drain(self, scheduled: int, window_end_s: float) -> Outcome:
        """Wait for what was begun until the deadline; what is still queued then was never begun: dropped."""
        for _ in self._workers:
            self._queue.put(None)
        gevent.joinall(self._workers, timeout=max(0.0, self._end_s - time.monotonic()))
        self._dropping = True
        # Those still busy meet their deadline, which is the drain's, within the next moments.
        gevent.joinall(self._workers, timeout=5)
        gevent.killall(self._workers)
        return Outcome(scheduled, self._begun, scheduled - self._begun, max(time.monotonic(), window_end_s))

    def _work(self) -> None:
        connection = Connection(self._host, self._port)
        try:
            while True:
                self._idle += 1
                item = self._queue.get()
                self._idle -= 1
                if item is None:
                    return
                self._waiting -= 1
                if self._dropping or time.monotonic() >= self._end_s:
                    self._drop(*item)
                else:
                    self._send(connection, *item)
        finally:
            connection.close()

    def _drop(self, index: int, intended_s: float) -> None:
        target = self._targets[self._target[index]]
        self._recorder.add(index, target.kind, target.path, intended_s, _NAN, _NAN, 0, "dropped", None, None, _NAN)

    def _send(self, connection: Connection, index: int, intended_s: float) -> None:
        target = self._targets[self._target[index]]
        self._begun += 1
        sent_s = time.monotonic()
        own_deadline_s = sent_s + self._limits.timeout_s
        deadline_s = min(own_deadline_s, self._end_s)
        response, cause, done_s = None, None, _NAN
        try:
            response = connection.exchange(target.request, deadline_s)
            done_s = time.monotonic()
            cause = self._check(response)
        except ExchangeError as error:
            cause = error.cause
            if cause in ("timeout", "connect_timeout"):
                done_s = deadline_s
                if deadline_s < own_deadline_s:
                    cause = "drain"
        self._record(index, target, intended_s, sent_s, done_s, response, cause)

    def _record(
        self,
        index: int,
        target: Target,
        intended_s: float,
        sent_s: float,
        done_s: float,
        response: Response | None,
        cause: str | None,
    ) -> None:
        if response is None:
            self._recorder.add(index, target.kind, target.path, intended_s, sent_s, done_s, 0, cause, None, None, _NAN)
            return
        self._recorder.add(
            index,
            target.kind,
            target.path,
            intended_s,
            sent_s,
            done_s,
            response.status_code,
            cause,
            response.header("x-cache"),
            response.header("x-content-version"),
            _server_total_ms(response.header("server-timing")),
        )


def _server_total_ms(server_timing: str | None) -> float:
    """The ``total`` of a Server-Timing header, NaN without one."""
    if server_timing is None:
        return _NAN
    _, found, rest = server_timing.rpartition("total;dur=")
    if not found:
        return _NAN
    try:
        return float(rest.split(",", 1)[0].split(";", 1)[0])
    except ValueError:
        return _NAN
