"""fixed-timeout: store for a fixed time, never invalidate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rig.contrib.django import Status
from target_app.shop.entries import Entry
from target_app.strategies import store
from target_app.strategies.base import Cost, Strategy, answer, computing


class FixedTimeout(Strategy):
    """Stale up to TTL + Δ: the value dates from the database snapshot, Δ before it was stored.

    At expiry everyone who arrives during one recompute recomputes too: about 1 + λΔ at once.
    """

    name = "fixed-timeout"
    family = "time to live"
    summary = "entries live a fixed time; writes do not touch the cache"
    source = "Django documentation, 'The low-level cache API'"
    cost = Cost(read_hit=1, read_miss=2, write="0")
    freshness_by_ttl = True
    survives_crash = True
    literal_ttl_s = 3600.0

    def key(self, entry: Entry) -> str:
        return entry.name

    def read(self, entry: Entry) -> dict[str, Any]:
        found = store.get(entry.name)
        if found is not None:  # Not `if not found`: an empty value is a value.
            return answer(entry, Status.HIT, found)
        with computing(entry) as fresh:
            stored = store.set(entry.name, fresh, self.ttl_s)
        return answer(entry, Status.MISS, stored)

    def invalidate(self, entries: Sequence[Entry]) -> None:
        pass

    def max_staleness_s(self, longest_recompute_s: float) -> float:
        return self.ttl_s + longest_recompute_s
