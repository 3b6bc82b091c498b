"""The open-model dispatcher: sends what the schedule says when it says so, whatever the target does.

Arrivals come from the schedule, not from responses, and latency counts from the intended start. Late: all that is
due is sent at once, each with its own due time. At the in-flight cap requests queue with their due time kept, or are
dropped and counted. ``scheduled == sent + dropped``, always.

Everything below :meth:`Dispatcher.run` is called by gevent's loop and must not block.
"""

from __future__ import annotations

import time
from array import array
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import gevent
import numpy as np
from gevent.event import AsyncResult

from rig.measure.load.alarm import alarm
from rig.measure.load.client import Connection
from rig.measure.load.order import DRAIN_S
from rig.measure.load.readiness import readiness
from rig.measure.load.recorder import PACK, Offered, Outcome, Recorder, Target
from rig.measure.load.site import Site

_NAN = float("nan")
_MOST_MS = 3.4e38
"""What a sample's float32 holds."""
_AT_ONCE = 32
"""Requests sent in one turn of the loop before it may look at responses again."""
_LAG_S = 0.02
"""So long responses may wait to be handled together, if a request is due before; they are stamped with their arrival.
The first of a batch costs several times what the others do, whose code and data the CPU has at hand by then.
"""
_SPARE = 16
"""Connections opened before a request has to wait for responses to be handled."""
_SWEEP_S = 0.2
"""How often deadlines are looked at: each look wakes the CPU. What missed one is recorded at the deadline itself."""

MOST_CACHE_WORDS, OTHER_CACHE_WORDS = 100, "other"
"""Different texts of X-Cache that are kept apart, and what stands for all further ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How far one trial may go. Seconds."""

    in_flight: int = 512
    at_cap: Literal["queue", "drop"] = "queue"
    timeout_s: float = 30.0
    """Counts from sending."""
    drain_s: float = DRAIN_S
    """How long after the window's end a begun request may go on; then it failed, cause 'drain'."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What the dispatcher counted; must agree with the journal."""

    scheduled: int
    sent: int
    dropped: int
    drained_s: float


Check = Callable[[Target, int, str | None, str | None], str | None]
"""Looks at a complete response (what was asked, status, strategy, content version); the cause of failure, or None."""


class Dispatcher:
    """Runs what is offered against one site."""

    def __init__(
        self, site: Site, offered: Offered, *, recorder: Recorder, check: Check, limits: Limits | None = None
    ) -> None:
        self._site, self._recorder, self._check = site, recorder, check
        self._keep = recorder.keep
        self._limits = limits or Limits()
        self._targets = offered.targets
        self._target_of = array("i", offered.target.astype(np.intc).tobytes())
        self._due_s = array("d", offered.intended_s.tobytes())
        self._next = self._begun = self._dropped = self._in_flight = 0
        self._cache_words: set[str] = set()
        self._connections: list[Connection] = []
        self._idle: deque[Connection] = deque()
        self._queue: deque[int] = deque()
        self._pumping = False
        self._collect_s = 0.0
        self._end_s = float("inf")
        self._done: AsyncResult[None] = AsyncResult()

    @property
    def in_flight(self) -> int:
        """Requests that are open now."""
        return self._in_flight

    def run(self, window_end_s: float) -> Counts:
        """Send each request at its intended start; return when all have ended. Begun requests still open
        ``drain_s`` after ``window_end_s`` (monotonic) end there; what is queued then was never begun: dropped.
        """
        loop = gevent.get_hub().loop
        self._loop = loop
        self._end_s = window_end_s + self._limits.drain_s
        self._alarm = alarm(loop, self._guarded(self._offer_due))
        self._ready = readiness(loop, self._guarded)
        sweep = loop.timer(_SWEEP_S, _SWEEP_S)
        try:
            sweep.start(self._guarded(self._sweep))
            self._offer_due()
            self._done.get()
        finally:
            self._alarm.close()
            sweep.stop()
            sweep.close()
            for connection in self._connections:
                connection.close()
            self._ready.close()
        return Counts(len(self._due_s), self._begun, self._dropped, max(time.monotonic(), window_end_s))

    def _guarded(self, step: Callable[[], None]) -> Callable[[], None]:
        """A fault of ours in a callback ends the trial; the loop would only print it and go on."""

        def call() -> None:
            try:
                step()
            except BaseException as error:
                self._done.set_exception(error)

        return call

    def _offer_due(self) -> None:
        """Handle what has arrived, send what is due, and see to being called again."""
        due_s, count = self._due_s, len(self._due_s)
        if self._queue or time.monotonic() >= self._collect_s:
            self._collect()
        for _ in range(_AT_ONCE):
            if self._next == count:
                self._alarm.set(None)
                self._ready.listen(True)
                self._finish_if_over()
                return
            if due_s[self._next] > time.monotonic():
                break
            self._next += 1
            self._offer(self._next - 1)
        if self._next < count:
            next_s = due_s[self._next]
            waits = self._ready.stamps and not self._ready.urgent and not self._queue
            self._ready.listen(not (waits and next_s < self._collect_s))
            self._alarm.set(next_s)
        else:
            self._alarm.set(0.0)

    def _collect(self) -> None:
        self._collect_s = time.monotonic() + _LAG_S
        self._ready.collect()

    def _offer(self, position: int) -> None:
        if not self._idle and len(self._connections) >= _SPARE:
            self._collect()
        if self._idle:
            self._send(self._idle.popleft(), position)
        elif len(self._connections) < self._limits.in_flight:
            connection = self._site.connection(self._loop, self._ready, self._ended)
            self._connections.append(connection)
            self._send(connection, position)
        elif self._limits.at_cap == "queue":
            self._queue.append(position)
        else:
            self._drop(position)

    def _send(self, connection: Connection, position: int) -> None:
        sent_s = time.monotonic()
        if sent_s >= self._end_s:
            self._idle.append(connection)
            self._drop(position)
            return
        self._begun += 1
        self._in_flight += 1
        deadline_s = min(sent_s + self._limits.timeout_s, self._end_s)
        connection.begin(position, self._targets[self._target_of[position]].request, sent_s, deadline_s)

    def _ended(self, connection: Connection) -> None:
        """An exchange is over: journal it; the connection takes what waits."""
        try:
            self._record(connection)
            self._in_flight -= 1
            self._idle.append(connection)
            if self._queue:
                self._pump()
            if self._next == len(self._due_s):
                self._finish_if_over()
        except BaseException as error:
            self._done.set_exception(error)

    def _record(self, connection: Connection) -> None:
        recorder, cause = self._recorder, connection.cause
        if cause is None:
            headers, target = connection.headers, self._target_of[connection.index]
            key = (
                target,
                connection.status,
                headers.get(b"x-cache-strategy"),
                headers.get(b"x-content-version"),
                headers.get(b"x-cache"),
            )
            code = recorder.code(key)
            if code is None:
                code = recorder.learn(key, self._outcome(*key))
            total_ms = _server_total_ms(headers.get(b"server-timing"))
        else:
            if connection.done_s == self._end_s:
                cause = "drain"
            code, total_ms = self._failure(cause), _NAN
        self._keep(PACK(connection.index, code, connection.sent_s, connection.done_s, total_ms))

    def _pump(self) -> None:
        """Send what waits over idle connections. Not from within itself: a refused one ends in the same breath."""
        if self._pumping:
            return
        self._pumping = True
        while self._queue and self._idle:
            self._send(self._idle.popleft(), self._queue.popleft())
        self._pumping = False

    def _drop(self, position: int) -> None:
        self._dropped += 1
        self._keep(PACK(position, self._failure("dropped"), _NAN, _NAN, _NAN))

    def _failure(self, cause: str) -> int:
        code = self._recorder.code(cause)
        return self._recorder.learn(cause, Outcome(cause=cause)) if code is None else code

    def _outcome(
        self, target: int, status: int, strategy: bytes | None, version: bytes | None, cache: bytes | None
    ) -> Outcome:
        said = _text(version)
        cause = self._check(self._targets[target], status, _text(strategy), said)
        return Outcome(status=status, cause=cause, cache=self._cache_word(cache), content_version=said)

    def _cache_word(self, header: bytes | None) -> str | None:
        """What X-Cache said. Some caches put a count into it: beyond what the journal's column holds they are one."""
        word = _text(header)
        if word is None or word in self._cache_words:
            return word
        if len(self._cache_words) >= MOST_CACHE_WORDS:
            return OTHER_CACHE_WORDS
        self._cache_words.add(word)
        return word

    def _sweep(self) -> None:
        now = time.monotonic()
        # What arrived before its deadline was in time, though nobody has looked at it yet.
        self._ready.collect()
        if now >= self._end_s:
            while self._queue:
                self._drop(self._queue.popleft())
        for connection in self._connections:
            if connection.deadline_s <= now:
                connection.expire()
        self._finish_if_over()

    def _finish_if_over(self) -> None:
        # Not the next one to be offered: the last may be on its way from the schedule to a connection.
        over = self._begun + self._dropped == len(self._due_s)
        if over and not self._in_flight and not self._queue and not self._done.ready():
            self._done.set(None)


def _text(header: bytes | None) -> str | None:
    return None if header is None else header.decode("latin-1")


def _server_total_ms(server_timing: bytes | None) -> float:
    """The ``total`` of a Server-Timing header, NaN without one."""
    if server_timing is None:
        return _NAN
    _, found, rest = (b"," + server_timing.replace(b" ", b"")).rpartition(b",total;dur=")
    if not found:
        return _NAN
    try:
        total_ms = float(rest.partition(b",")[0].partition(b";")[0].strip(b'"'))
    except ValueError:
        return _NAN
    return total_ms if -_MOST_MS < total_ms < _MOST_MS else _NAN
