"""cachalot: django-cachalot, which caches every query of the ORM and invalidates by table."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

from django.db import connection
from django.http import HttpRequest

from rig.contrib.django import Status, recompute, repeated, snapshot
from target_app.shop.entries import Entry
from target_app.shop.models import ScopeVersion
from target_app.strategies.base import Cost, answer
from target_app.strategies.cachalot_parts import Reading, reading
from target_app.strategies.library import Library
from target_app.strategies.store import Stored

Wrapper = Callable[..., Any]


class Cachalot(Library):
    """Nothing is said about caching anywhere: the shop asks the ORM for each page anew, and cachalot answers those of
    its queries that it has. A hit is a read of which no query reached the database; the recompute begins with the
    first that does, and costs what is missing, from one query to all.

    A write drops every query on the tables it changed, whoever's page it is: any price drops all pages' sales
    figures, while the notice drops one small query. It sees ``update()`` and even plain SQL; what it costs does not
    depend on K.

    A query that is running while a write commits is stored with the time at which it *ended*, which is after the
    write's: the old result passes for current until the table's next write. There is no lock: as many recompute as
    miss.

    ``X-Content-Version`` is put together from the versions of the parts' snapshots (``cachalot_parts``), never read by
    a query of its own.
    """

    name = "cachalot"
    summary = "django-cachalot: every query cached by itself, a write drops all queries on its tables"
    source = "django-cachalot documentation, 'Quick start', 'Limits' and 'How django-cachalot works'"
    # For a piece's page, which asks four queries; a write's two do not depend on K.
    cost = Cost(read_hit=4, read_miss=6, write="2")
    freshness_by_ttl = False
    own_process = True
    names_entries = False
    module = "cachalot"
    alias = "cachalot"

    def key(self, entry: Entry) -> str:
        return entry.name

    def read(self, entry: Entry) -> dict[str, Any]:
        with self._reading(entry) as parts:
            value = repeated(_first_cached(entry.compute))
        status = Status.HIT if parts.begin_s is None else Status.MISS
        return answer(entry, status, _put_together(entry, value, parts))

    def invalidate(self, entries: Sequence[Entry]) -> None:
        """Cachalot does it by itself, when the transaction ends: ``cachalot_parts`` records it."""

    def max_staleness_s(self, longest_recompute_s: float) -> float:
        return self.ttl_s + longest_recompute_s

    def past_cache(self) -> AbstractContextManager[None]:
        return _past_cachalot()

    def peek(self, request: HttpRequest, entry: Entry) -> Stored | None:
        parts = Reading(None)
        token = reading.set(parts)
        try:
            with _intercepted(_refuse):
                return _put_together(entry, entry.compute(), parts)
        except _AbsentError:
            return None
        finally:
            reading.reset(token)

    def remaining_s(self, request: HttpRequest, entry: Entry) -> float | None:
        stored = self.peek(request, entry)
        return None if stored is None else stored.stored_s + self.ttl_s - time.time()

    @contextmanager
    def _reading(self, entry: Entry) -> Iterator[Reading]:
        """Inside, the first query that reaches the database begins a recompute and its snapshot."""
        parts = Reading(self.ttl_left_s())
        token = reading.set(parts)
        try:
            with ExitStack() as stack:

                def begin(execute: Any, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
                    if parts.begin_s is None:
                        parts.begin_s = time.time()
                        work = stack.enter_context(recompute(entry.name))
                        stack.callback(work.stored, parts.ttl_s)  # The parts are stored when the snapshot ends.
                        stack.enter_context(snapshot())
                        parts.versions = _versions()
                        if entry.name not in parts.versions:
                            raise ScopeVersion.DoesNotExist(entry.name)
                        work.versions = {entry.name: parts.versions[entry.name]}
                    return execute(sql, params, many, context)

                stack.enter_context(_intercepted(begin))
                yield parts
        finally:
            reading.reset(token)


@contextmanager
def _intercepted(wrapper: Wrapper) -> Iterator[None]:
    """``wrapper`` around all statements inside. Django's own ``execute_wrapper`` takes away the last one in the list,
    which is another one when the connection was opened in between.
    """
    wrappers: list[Wrapper] = connection.execute_wrappers
    wrappers.insert(0, wrapper)
    try:
        yield
    finally:
        wrappers.remove(wrapper)


def _put_together(entry: Entry, value: dict[str, Any], parts: Reading) -> Stored:
    oldest_s = min((stored_s for stored_s, _, _ in parts.found), default=time.time())
    return Stored(value, {entry.name: parts.version(entry.name)}, oldest_s, parts.ttl_s)


def _versions() -> dict[str, int]:
    """Of all scopes; past cachalot, which leaves SELECTs of plain SQL alone."""
    sql, params = ScopeVersion.objects.values_list("scope", "version").query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return dict(cursor.fetchall())


def _first_cached(compute: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
    """The same, and past the cache from the second call on: a slow origin repeats its work, not its cache's."""
    calls = 0

    def counted() -> dict[str, Any]:
        nonlocal calls
        calls += 1
        if calls == 1:
            return compute()
        with _past_cachalot():
            return compute()

    return counted


@contextmanager
def _past_cachalot() -> Iterator[None]:
    """cachalot's own ``cachalot_disabled()`` stays disabled for ever when what is inside raises."""
    from cachalot.api import LOCAL_STORAGE, cachalot_disabled

    try:
        with cachalot_disabled():
            yield
    finally:
        LOCAL_STORAGE.cachalot_enabled = True


class _AbsentError(Exception):
    """A query is not cached."""


def _refuse(*_: Any) -> Any:
    raise _AbsentError
