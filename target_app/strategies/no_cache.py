"""no-cache: every read recomputes. A control: the origin itself, against which caching is worth its trouble."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rig.contrib.django import Status
from target_app.shop.entries import Entry
from target_app.strategies import store
from target_app.strategies.base import Cost, Strategy, answer, computing


class NoCache(Strategy):
    """Never stale, never faster than the database: λΔ recomputes are open at once for as long as the load lasts.

    That is no stampede, which has a beginning; figures of stampedes are null for it.
    """

    name = "no-cache"
    family = "control"
    summary = "every read recomputes; nothing is stored"
    source = "the origin itself"
    cost = Cost(read_hit=0, read_miss=0, write="0")
    freshness_by_ttl = True
    fresh_after_race = True
    survives_crash = True
    caches = False

    def key(self, entry: Entry) -> str:
        return entry.name

    def read(self, entry: Entry) -> dict[str, Any]:
        with computing(entry) as fresh:
            computed = store.now(fresh, None)
        return answer(entry, Status.BYPASS, computed)

    def invalidate(self, entries: Sequence[Entry]) -> None:
        pass

    def max_staleness_s(self, longest_recompute_s: float) -> float:
        return 0.0
