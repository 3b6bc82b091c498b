"""ttl-jitter: a fixed timeout, each time a little longer or shorter."""

from __future__ import annotations

import random
from typing import Any

from rig.contrib.django import Status
from target_app.shop.entries import Entry
from target_app.strategies import store
from target_app.strategies.base import answer, computing
from target_app.strategies.fixed_timeout import FixedTimeout

SPREAD = 0.2
"""How far a time to live strays from the declared one, either way."""


class TtlJitter(FixedTimeout):
    """Entries stored together (after a deploy, a flush, a restart) no longer expire together.

    It helps many keys, not one hot key: at its expiry about 1 + λΔ recompute at once, as with a fixed timeout.
    The spread is drawn at each set, never once a key; the longest draw is what bounds staleness.
    """

    name = "ttl-jitter"
    summary = f"entries live a fixed time ± {SPREAD:.0%}, drawn at each set; writes do not touch the cache"
    source = "AWS Architecture Blog, 'Exponential Backoff And Jitter', applied to times to live"

    def read(self, entry: Entry) -> dict[str, Any]:
        found = store.get(entry.name)
        if found is not None:
            return answer(entry, Status.HIT, found)
        with computing(entry) as fresh:
            stored = store.set(entry.name, fresh, self.ttl_s * random.uniform(1 - SPREAD, 1 + SPREAD))
        return answer(entry, Status.MISS, stored)

    def max_staleness_s(self, longest_recompute_s: float) -> float:
        return self.ttl_s * (1 + SPREAD) + longest_recompute_s
