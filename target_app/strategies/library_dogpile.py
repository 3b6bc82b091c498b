"""dogpile: dogpile.cache, a region on Redis with its distributed lock."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import HttpRequest

from rig.contrib.django import Status, invalidation
from target_app.shop.entries import Entry
from target_app.strategies import store
from target_app.strategies.base import Cost, answer
from target_app.strategies.library import Library, creator
from target_app.strategies.store import Stored

if TYPE_CHECKING:
    from dogpile.cache import CacheRegion

_LOCK_S = 60
"""The lock's own time to live: without one, a process that dies holding it blocks an entry for ever."""


class Dogpile(Library):
    """One caller computes and holds a lock in Redis. While there is an expired value the others get that; after a
    delete there is none, and they wait, asking for the lock every 0.1 s (the library's default).

    ``region.invalidate()`` notes a time in its own process only, other workers go on serving: a write deletes keys.
    A reader that computed before the write and stores after the delete leaves the old value until its time to live.

    The documentation asks for ``thread_local_lock=False`` with a distributed lock. A region's lock object, token and
    all, is then shared by the threads of a process: after a lock ran out (60 s here), its first holder releases the
    second one's.
    """

    name = "dogpile"
    summary = "dogpile.cache: one caller computes under a lock in Redis, the others wait or get the expired value"
    source = "dogpile.cache documentation, 'CacheRegion.get_or_create' and 'Redis Backends'"
    cost = Cost(read_hit=1, read_miss=5, write="1")
    freshness_by_ttl = False
    recomputes_at_once = 1
    module = "dogpile.cache"

    def key(self, entry: Entry) -> str:
        return store.raw_key(entry.name)

    def read(self, entry: Entry) -> dict[str, Any]:
        begin_s = time.time()
        with creator(entry, self.ttl_s) as create:
            found = Stored(**_region(self.ttl_s).get_or_create(self.key(entry), create))
            create.kept()
        if create.made is not None:
            status = Status.MISS
        elif found.stored_s >= begin_s:
            status = Status.WAIT
        else:
            status = Status.STALE if time.time() > found.stored_s + self.ttl_s else Status.HIT
        return answer(entry, status, found)

    def invalidate(self, entries: Sequence[Entry]) -> None:
        with invalidation("delete", [entry.name for entry in entries]):
            _region(self.ttl_s).delete_multi([self.key(entry) for entry in entries])

    def max_staleness_s(self, longest_recompute_s: float) -> float:
        # While one computes, the others get the expired value, however old: Redis' own expiry bounds that.
        return _kept_s(self.ttl_s) + longest_recompute_s

    def peek(self, request: HttpRequest, entry: Entry) -> Stored | None:
        found = _region(self.ttl_s).get(self.key(entry), ignore_expiration=True)
        return Stored(**found) if found else None

    def remaining_s(self, request: HttpRequest, entry: Entry) -> float | None:
        return store.remaining_s(entry.name)


def _kept_s(ttl_s: float) -> int:
    """Whole seconds after which Redis drops a value; the documentation wants more than the region's expiry."""
    return math.ceil(2 * ttl_s)


def _region(ttl_s: float) -> CacheRegion:
    return _configured(settings.CACHES["default"]["LOCATION"], ttl_s)


@cache
def _configured(url: str, ttl_s: float) -> CacheRegion:
    from dogpile.cache import make_region

    from target_app.strategies.library_dogpile_timing import TimedLock

    region = make_region(serializer=_to_bytes, deserializer=json.loads)
    return region.configure(
        "dogpile.cache.redis",
        expiration_time=ttl_s,
        arguments={
            "url": url,
            "redis_expiration_time": _kept_s(ttl_s),
            "distributed_lock": True,
            "thread_local_lock": False,
            "lock_timeout": _LOCK_S,
            "socket_timeout": 1,
            "socket_connect_timeout": 1,
        },
        wrap=[TimedLock],
    )


def _to_bytes(value: Any) -> bytes:
    return json.dumps(value).encode()
