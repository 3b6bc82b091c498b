"""key-based: the key contains the version of what it holds, which the database knows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rig.contrib.django import Status
from target_app.shop.entries import Entry
from target_app.shop.models import ScopeVersion
from target_app.strategies import store
from target_app.strategies.base import Cost, Strategy, answer, computing


class KeyBased(Strategy):
    """Never stale, nothing to invalidate, nothing lost in a crash: the version rises in the write's own transaction.
    The price is one query by primary key at each read, hits included, and old values that lie there until their TTL.

    Pitfalls: a timestamp instead of an integer: two writes within its resolution share a key. The version read first
    may be older than the snapshot computed from: the value is stored under the version *of its snapshot*, else a newer
    value stands under an old key, and the next read misses. A version kept in a cache or a lagging replica is stale
    by as much as that is. Everyone who misses recomputes: a stampede at each write.
    """

    name = "key-based"
    family = "version in the key"
    summary = "keys carry the row's version, asked of the database at each read; a write touches no cache"
    source = "Heinemeier Hansson, 'How key-based cache expiration works', 2012; Ruby on Rails, cache_key_with_version"
    cost = Cost(read_hit=1, read_miss=2, write="0")
    freshness_by_ttl = False
    fresh_after_race = True
    survives_crash = True

    def key(self, entry: Entry) -> str:
        version = ScopeVersion.objects.values_list("version", flat=True).get(scope=entry.name)
        return _versioned(entry, version)

    def read(self, entry: Entry) -> dict[str, Any]:
        found = store.get(self.key(entry))
        if found is not None:
            return answer(entry, Status.HIT, found)
        with computing(entry) as fresh:
            stored = store.set(_versioned(entry, fresh.versions[entry.name]), fresh, self.ttl_s)
        return answer(entry, Status.MISS, stored)

    def invalidate(self, entries: Sequence[Entry]) -> None:
        pass

    def max_staleness_s(self, longest_recompute_s: float) -> float:
        return 0.0


def _versioned(entry: Entry, version: int) -> str:
    return f"{entry.name}@{version}"
