"""versioned-keys: the key contains a generation; a write raises it and leaves old entries to their TTL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rig.contrib.django import Status, invalidation
from target_app.shop.entries import Entry
from target_app.strategies import store
from target_app.strategies.base import Cost, Strategy, answer, computing

GENERATION = "generation"
"""One counter for the whole catalogue: any write, any K, one INCR. The price: a write to one product also misses
the entries it did not touch."""

_INVALIDATION_S = 1.0
"""Longest time between COMMIT and INCR: the cache client gives up after it."""


class VersionedKeys(Strategy):
    """The generation is read *before* the database snapshot, so a value computed from an old row is stored under
    an old generation, where nobody looks: no stale-set race. It is raised atomically after commit.

    Not Django's ``incr_version()``: that copies the OLD value to the new version.
    """

    name = "versioned-keys"
    family = "invalidate on write"
    summary = "keys carry a generation; after commit, one INCR makes all old keys unreachable"
    source = "Memcached documentation, 'Namespaces by generation'"
    cost = Cost(read_hit=2, read_miss=3, write="1")
    freshness_by_ttl = False
    fresh_after_race = True

    def key(self, entry: Entry) -> str:
        return f"{entry.name}@{store.generation(GENERATION)}"

    def read(self, entry: Entry) -> dict[str, Any]:
        key = self.key(entry)
        found = store.get(key)
        if found is not None:
            return answer(entry, Status.HIT, found)
        with computing(entry) as fresh:
            stored = store.set(key, fresh, self.ttl_s)
        return answer(entry, Status.MISS, stored)

    def invalidate(self, entries: Sequence[Entry]) -> None:
        with invalidation("bump", []):  # No names: every entry of the catalogue.
            store.bump(GENERATION)

    def max_staleness_s(self, longest_recompute_s: float) -> float:
        return _INVALIDATION_S
