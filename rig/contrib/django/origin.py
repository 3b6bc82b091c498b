"""The two things an origin does, made visible: recomputing an entry, and writing.

Content and its version are read in one *deferred* read transaction (PostgreSQL: REPEATABLE READ). BEGIN IMMEDIATE
there would serialise readers, and stampedes would vanish; for writes it is needed, because a deferred transaction
that upgrades to a write meets "database is locked".
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import connections, transaction

from rig.contrib.django import runtime, watch
from rig.contrib.django.events import now_ns
from rig.contrib.django.headers import format_versions
from rig.contrib.django.trace import Trace, current, tracing


@dataclass(slots=True)
class Recompute:
    """One origin computation of one entry, open until the ``with`` block around it ends."""

    entry: str
    versions: dict[str, int] = field(default_factory=dict)
    outcome: str = "discarded"
    ttl_s: float | None = None

    def stored(self, ttl_s: float | None) -> None:
        """Say that the cache took the result, and for how long."""
        self.outcome = "stored"
        self.ttl_s = ttl_s


@contextmanager
def recompute(entry: str, *, hint: str | None = None) -> Iterator[Recompute]:
    """Record that ``entry`` is being recomputed; the block computes and stores.

    ``hint="early"`` says that the old value was still good (probabilistic early recompute), ``"background"`` that no
    response waits for it.
    Set ``versions`` on what it yields, and call ``stored`` once the cache has taken the value.
    """
    trace = current()
    outer_db = (trace.db_ns, trace.queries)
    event = {"id": runtime.EVENTS.new_id(), "epoch": trace.epoch, "strategy": trace.strategy, "entry": entry}
    work = Recompute(entry)
    error = None
    begin = now_ns()
    begin_cpu = time.thread_time_ns()
    runtime.count_open(+1)
    runtime.EVENTS.append({"event": "recompute.begin", **event, "t_ns": begin, "hint": hint})
    try:
        with watch.around_recompute(trace, work, hint):
            try:
                yield work
            except BaseException as caught:
                work.outcome, error = "failed", f"{type(caught).__name__}: {caught}"[:200]
                raise
    finally:
        end = now_ns()
        trace.origin_ns += end - begin
        runtime.count_open(-1)
        runtime.EVENTS.append(
            {
                "event": "recompute.end",
                **event,
                "t_ns": end,
                "outcome": work.outcome,
                "versions": format_versions(work.versions),
                "ttl_s": work.ttl_s,
                "cpu_ms": (time.thread_time_ns() - begin_cpu) / 1e6,
                "db_ms": (trace.db_ns - outer_db[0]) / 1e6,
                "queries": trace.queries - outer_db[1],
                "error": error,
            }
        )


@contextmanager
def snapshot(using: str = "default") -> Iterator[None]:
    """One consistent view of the database: what is read inside belongs together.

    Deferred even in what runs right after a write's commit: there the mode is still that of the write.
    """
    with _begin(None, using), transaction.atomic(using=using):
        connection = connections[using]
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


@dataclass(slots=True)
class Write:
    """One write transaction. Fill ``versions`` with what it raised, ``entries`` with what depends on it."""

    versions: dict[str, int] = field(default_factory=dict)
    entries: Sequence[str] = ()


@contextmanager
def write(using: str = "default") -> Iterator[Write]:
    """A write transaction with its commit interval: just before COMMIT … just after it returned.

    Callbacks that invalidate are registered inside with ``transaction.on_commit``; the first one registered
    takes the time, so the interval ends before any of them runs.
    """
    trace = current()
    outer_queries = trace.queries
    event: dict[str, Any] = {
        "event": "write",
        "id": runtime.EVENTS.new_id(),
        "epoch": trace.epoch,
        "strategy": trace.strategy,
        "begin_ns": now_ns(),
        "outcome": "rolled_back",
        "error": None,
    }
    work = Write()

    def committed() -> None:
        event["commit_end_ns"] = now_ns()
        event["outcome"] = "committed"

    try:
        with immediate(using), transaction.atomic(using=using):
            transaction.on_commit(committed, using=using)
            yield work
            if pause_s := runtime.commit_pause_s():
                time.sleep(pause_s)  # What a transaction waits for: a slow disk, a replica, a call to somebody else.
            event["commit_begin_ns"] = now_ns()
    except BaseException as caught:
        event["error"] = f"{type(caught).__name__}: {caught}"[:200]
        raise
    finally:
        runtime.EVENTS.append(
            {
                **event,
                "end_ns": now_ns(),
                "versions": format_versions(work.versions),
                "entries": list(work.entries),
                "queries": trace.queries - outer_queries,
            }
        )


@contextmanager
def invalidation(how: str, entries: Sequence[str]) -> Iterator[None]:
    """Record one call that takes entries out of the cache: ``delete``, ``bump``, or ``mark`` as stale."""
    trace = current()
    event = {
        "event": "invalidate",
        "id": runtime.EVENTS.new_id(),
        "epoch": trace.epoch,
        "strategy": trace.strategy,
        "entries": list(entries),
        "begin_ns": now_ns(),
    }
    outcome, error = how, None
    try:
        yield
    except BaseException as caught:
        outcome, error = f"{how} failed", f"{type(caught).__name__}: {caught}"[:200]
        raise
    finally:
        runtime.EVENTS.append({**event, "end_ns": now_ns(), "outcome": outcome, "error": error})


@contextmanager
def background(epoch: int, strategy: str) -> Iterator[Trace]:
    """Work outside any request, kept in the epoch it began in."""
    with tracing(Trace(epoch=epoch, strategy=strategy, begin_ns=now_ns())) as trace:
        yield trace


@contextmanager
def immediate(using: str = "default") -> Iterator[None]:
    """Transactions begun inside write: SQLite locks at BEGIN. For housekeeping; :func:`write` records a write."""
    with _begin("IMMEDIATE", using):
        yield


@contextmanager
def _begin(mode: str | None, using: str) -> Iterator[None]:
    """Let SQLite begin transactions as DEFERRED (None) or IMMEDIATE; other databases have no such choice."""
    connection: Any = connections[using]
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        yield
        return
    connection.ensure_connection()  # The mode is set by connecting, and would overwrite ours.
    before = connection.transaction_mode
    connection.transaction_mode = mode
    try:
        yield
    finally:
        connection.transaction_mode = before
