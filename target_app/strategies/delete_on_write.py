"""delete-on-write: a write deletes the entries that depend on it, one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rig.contrib.django import Status, invalidation
from target_app.shop.entries import Entry
from target_app.strategies import store
from target_app.strategies.base import Cost, Strategy, answer, computing


class DeleteOnWrite(Strategy):
    """Fresh after each write, but for the stale-set race: a miss reads the old row, the writer commits and deletes,
    the reader stores the old value. It then stays until the TTL, so that is the declared bound.

    Each delete of a hot entry starts a stampede.
    """

    name = "delete-on-write"
    family = "invalidate on write"
    summary = "after commit, delete each dependent entry: K calls"
    source = "Django documentation, 'The low-level cache API'"
    cost = Cost(read_hit=1, read_miss=2, write="K")
    freshness_by_ttl = False

    def key(self, entry: Entry) -> str:
        return entry.name

    def read(self, entry: Entry) -> dict[str, Any]:
        found = store.get(entry.name)
        if found is not None:
            return answer(entry, Status.HIT, found)
        with computing(entry) as fresh:
            stored = store.set(entry.name, fresh, self.ttl_s)
        return answer(entry, Status.MISS, stored)

    def invalidate(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            with invalidation("delete", [entry.name]):
                store.delete(entry.name)

    def max_staleness_s(self, longest_recompute_s: float) -> float:
        return self.ttl_s + longest_recompute_s
