"""write-through: who writes recomputes the entries that depend on it, and stores the new values over the old ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rig.contrib.django import Status
from target_app.shop.catalogue import scopes
from target_app.shop.entries import Entry
from target_app.strategies import scripts, store
from target_app.strategies.base import INVALIDATION_S, Cost, Strategy, answer, computing


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
            stored = scripts.set_if_newer(entry.name, entry.name, fresh, self.ttl_s)
        return answer(entry, Status.MISS, stored)

    def invalidate(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            with computing(entry, hint="write") as fresh:
                scripts.set_if_newer(entry.name, entry.name, fresh, self.ttl_s)

    def max_staleness_s(self, longest_recompute_s: float) -> float:
        return INVALIDATION_S + len(scopes()) * longest_recompute_s
