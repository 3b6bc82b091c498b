"""herd-client: django-redis' HerdClient with ``get_or_set``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.cache import caches
from django.http import HttpRequest

from rig.contrib.django import Status
from target_app.shop.entries import Entry
from target_app.strategies import store
from target_app.strategies.base import Cost, answer
from target_app.strategies.library import Library, creator
from target_app.strategies.store import Stored


class HerdClient(Library):
    """A value is kept ``CACHE_HERD_TIMEOUT`` seconds (60 by default) beyond its time to live. A read that comes x
    whole seconds late is told "nothing there" with probability x/60, so that one of many recomputes early.

    Together with ``get_or_set`` that does not work. Its ``add`` stores only where no key is (NX), and the old one is
    still there: what was computed is thrown away, and the next unlucky read computes again, until the key is gone
    after TTL + 60 s. Then all miss at once: no lock holds the herd back. ``cache.get`` and ``cache.set`` in two steps
    would replace the old value.

    Its marker is an object of a class, which only pickle can store: a cache alias on a private socket.
    """

    name = "herd-client"
    summary = "django-redis' HerdClient: late reads recompute by chance, get_or_set then drops what they computed"
    source = "django-redis README, 'Herd client' (CACHE_HERD_TIMEOUT); Django documentation, 'cache.get_or_set()'"
    cost = Cost(read_hit=1, read_miss=3, write="0")
    freshness_by_ttl = True
    alias = "herd"

    def key(self, entry: Entry) -> str:
        return store.epoch_key(entry.name)

    def read(self, entry: Entry) -> dict[str, Any]:
        with creator(entry, self.ttl_left_s()) as create:
            packed = caches["herd"].get_or_set(self.key(entry), create, timeout=create.ttl_s)
            found = Stored(**packed)
            if create.made is None:
                return answer(entry, Status.STALE if _is_late(found) else Status.HIT, found)
            # What get_or_set read back may be someone else's, or the old value; or ours, handed back unstored.
            if found.stored_s == create.made.stored_s and packed is not create.packed:
                create.kept()
        return answer(entry, Status.MISS, found)

    def invalidate(self, entries: Sequence[Entry]) -> None:
        pass

    def max_staleness_s(self, longest_recompute_s: float) -> float:
        return self.ttl_s + settings.CACHE_HERD_TIMEOUT + longest_recompute_s

    def peek(self, request: HttpRequest, entry: Entry) -> Stored | None:
        found = caches["herd"].get(self.key(entry))
        return Stored(**found) if found is not None else None

    def remaining_s(self, request: HttpRequest, entry: Entry) -> float | None:
        milliseconds = caches["herd"].pttl(self.key(entry))
        return milliseconds / 1000 if milliseconds else None


def _is_late(found: Stored) -> bool:
    return found.ttl_s is not None and time.time() > found.stored_s + found.ttl_s
