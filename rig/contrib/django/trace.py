"""What happened while one request was answered: the facts behind its headers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from django.http import HttpRequest


class Status(StrEnum):
    """Header ``X-Cache``, from best to worst. A waiter that computes itself in the end is a MISS."""

    HIT = "HIT"
    STALE = "STALE"
    WAIT = "WAIT"
    MISS = "MISS"
    BYPASS = "BYPASS"


_BADNESS = {status: rank for rank, status in enumerate(Status)}


@dataclass(frozen=True, slots=True)
class Served:
    """One cache entry that went into a response."""

    entry: str
    status: Status
    versions: dict[str, int]
    stored_s: float | None = None  # time.time() when it was stored; None: computed for this response
    ttl_s: float | None = None


@dataclass(slots=True)
class Trace:
    """The facts of one request. Durations are nanoseconds."""

    epoch: int = 0
    strategy: str | None = None
    begin_ns: int = 0
    cache_ns: int = 0
    lock_ns: int = 0
    origin_ns: int = 0
    render_ns: int = 0
    db_ns: int = 0
    queries: int = 0
    served: list[Served] = field(default_factory=list)
    request: HttpRequest | None = None

    @property
    def worst(self) -> Served | None:
        """The entry that cost the visitor most: BYPASS > MISS > WAIT > STALE > HIT."""
        return max(self.served, key=lambda s: _BADNESS[s.status], default=None)

    @contextmanager
    def timing(self, part: str) -> Iterator[None]:
        """Add the time spent inside to ``cache``, ``lock``, ``origin`` or ``render``."""
        name = f"{part}_ns"
        begin = time.monotonic_ns()
        try:
            yield
        finally:
            setattr(self, name, getattr(self, name) + time.monotonic_ns() - begin)


_current: ContextVar[Trace | None] = ContextVar("rig_trace", default=None)


def current() -> Trace:
    """The trace of the request under way; outside a request a throw-away one."""
    return _current.get() or Trace()


@contextmanager
def tracing(trace: Trace) -> Iterator[Trace]:
    """Make ``trace`` the current one. Reset on the way out: server threads are reused."""
    token = _current.set(trace)
    try:
        yield trace
    finally:
        _current.reset(token)


def serve(served: Served) -> None:
    """Say that a cache entry went into the response under way."""
    current().served.append(served)


def count_query(execute: Any, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
    """A Django ``execute_wrapper`` that counts queries and their time."""
    trace = _current.get()
    if trace is None:
        return execute(sql, params, many, context)
    begin = time.monotonic_ns()
    try:
        return execute(sql, params, many, context)
    finally:
        trace.db_ns += time.monotonic_ns() - begin
        trace.queries += 1
