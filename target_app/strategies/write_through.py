"""write-through: who writes recomputes the entries that depend on it, and stores the new values over the old ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rig.contrib.django import Status
from target_app.shop.catalogue import scopes
from target_app.shop.entries import Entry
from target_app.strategies import store
from target_app.strategies.base import INVALIDATION_S, Cost, Strategy, answer, computing
from target_app.strategies.store import Fresh, Stored

# The version lies in the value itself: with a key of its own, one of the two could be evicted without the other.
_SET_IF_NEWER = """
local held = redis.call('GET', KEYS[1])
if held and cmsgpack.unpack(held).versions[ARGV[1]] >= tonumber(ARGV[2]) then return 0 end
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
return 1
"""


class WriteThrough(Strategy):
    """Readers hardly ever miss: no stampede. The writer pays, with K recomputes one after the other after its commit:
    a notice on 100 pages holds its request for 100 Δ, and its last page stays old for as long. That is the declared
    bound: as many recomputes as the shop has entries.

    Every set is a compare-and-set on the version, the readers' too. Pitfalls: with a plain set, two writers store in
    reverse order of their commits and the older value stays; a reader that paused overwrites the writer's value. With
    "not there yet" (NX) instead of the version, that reader wins whenever it comes first.

    A process that dies after the commit leaves what it had not yet recomputed stale until the TTL.
    """

    name = "write-through"
    family = "update on write"
    summary = "after commit, recompute each dependent entry and store it unless a newer version is there: K calls"
    source = "AWS, 'Database Caching Strategies Using Redis', Write-Through; compare-and-set on the version added"
    cost = Cost(read_hit=1, read_miss=2, write="K")
    freshness_by_ttl = False
    fresh_after_race = True

    def key(self, entry: Entry) -> str:
        return entry.name

    def read(self, entry: Entry) -> dict[str, Any]:
        found = store.get(entry.name)
        if found is not None:
            return answer(entry, Status.HIT, found)
        with computing(entry) as fresh:
            stored = _set_if_newer(entry, fresh, self.ttl_s)
        return answer(entry, Status.MISS, stored)

    def invalidate(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            with computing(entry, hint="write") as fresh:
                _set_if_newer(entry, fresh, self.ttl_s)

    def max_staleness_s(self, longest_recompute_s: float) -> float:
        return INVALIDATION_S + len(scopes()) * longest_recompute_s


def _set_if_newer(entry: Entry, fresh: Fresh, ttl_s: float) -> Stored:
    """Store unless a value of this version or a later one is there; returns it either way. 1 round trip."""
    stored = store.now(fresh, ttl_s)
    life_ms = max(1, round((stored.ttl_s or ttl_s) * 1000))
    version = fresh.versions[entry.name]
    if store.run(_SET_IF_NEWER, [entry.name], entry.name, version, store.packed(stored), life_ms):
        fresh.work.stored(stored.ttl_s)
    return stored
