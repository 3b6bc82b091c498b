"""cacheops: django-cacheops, a function's result that is invalidated like a queryset."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

from django.http import HttpRequest

from rig.contrib.django import Status, invalidation
from target_app.shop.entries import Entry
from target_app.shop.models import ScopeVersion
from target_app.strategies import store
from target_app.strategies.base import Cost, answer
from target_app.strategies.library import Library, creator
from target_app.strategies.store import Stored


class Cacheops(Library):
    """``@cached_as(rows)`` around one function that returns content and version together: one cached unit, so the
    version is always that of the content. Its sample is the entry's own version row: cacheops then invalidates
    exactly the dependents. (With ``Product`` as the sample every write to any piece would drop every page.)

    cacheops hears of ``save()`` by signals, but not of ``QuerySet.update()``, which is how the shop writes: its
    documentation offers ``invalidated_update()``, which reads the rows twice, or ``invalidate_obj()``, used here.

    A write that commits while the function runs deletes nothing yet, and the old result is then stored until its time
    to live: ``keep_fresh=True`` would end that race, but is off by default and not in the README. Nor is there a lock
    unless one asks for it (``lock=True``).

    It patches managers, transactions and cursors of the whole process, and stores pickles: a process and a private
    socket of its own.
    """

    name = "cacheops"
    summary = "django-cacheops: @cached_as, invalidated with the rows it names; a write calls invalidate_obj for each"
    source = "django-cacheops README, 'Usage: as a decorator', 'Manual invalidation' and 'Mass updates'"
    cost = Cost(read_hit=1, read_miss=2, write="K")
    freshness_by_ttl = False
    own_process = True
    names_entries = False
    module = "cacheops"
    alias = "herd"

    def key(self, entry: Entry) -> str:
        return store.epoch_key(entry.name)

    def read(self, entry: Entry) -> dict[str, Any]:
        with creator(entry, _whole(self.ttl_left_s())) as create:
            found = Stored(**_cached(self.key(entry), entry, int(create.ttl_s), create))
            create.kept()
        return answer(entry, Status.HIT if create.made is None else Status.MISS, found)

    def invalidate(self, entries: Sequence[Entry]) -> None:
        from cacheops import invalidate_obj

        for entry in entries:
            with invalidation("delete", [entry.name]):
                invalidate_obj(ScopeVersion(scope=entry.name))

    def max_staleness_s(self, longest_recompute_s: float) -> float:
        return _whole(self.ttl_s) + longest_recompute_s

    def peek(self, request: HttpRequest, entry: Entry) -> Stored | None:
        try:
            return Stored(**_cached(self.key(entry), entry, _whole(self.ttl_s), _refuse))
        except _AbsentError:
            return None

    def remaining_s(self, request: HttpRequest, entry: Entry) -> float | None:
        stored = self.peek(request, entry)
        return None if stored is None else stored.stored_s + (stored.ttl_s or 0.0) - time.time()


def _cached(key: str, entry: Entry, timeout_s: int, compute: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What cacheops has for ``entry``, or what ``compute`` returns, which it then stores."""
    from cacheops import cached_as

    rows = ScopeVersion.objects.filter(scope=entry.name)

    # A function of one name and place: cacheops makes its key from those.
    @cached_as(rows, timeout=timeout_s, extra=key)
    def content() -> dict[str, Any]:
        return compute()

    result: dict[str, Any] = content()
    return result


def _whole(ttl_s: float) -> int:
    """cacheops stores by SETEX: whole seconds, at least one."""
    return max(1, math.ceil(ttl_s))


class _AbsentError(Exception):
    """Nothing is cached."""


def _refuse() -> dict[str, Any]:
    raise _AbsentError
