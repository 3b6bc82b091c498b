"""bad-lock-no-timeout: a control that is wrong on purpose."""

from __future__ import annotations

import time
from typing import Any

from django.core.cache import cache

from rig.contrib.django import Status, current
from target_app.shop.entries import Entry
from target_app.strategies import store
from target_app.strategies.base import INVALIDATION_S, Cost, answer, computing
from target_app.strategies.delete_many import DeleteMany

PATIENCE_S = 2.0
"""How long one request waits for the lock before it computes for itself and stores nothing."""

RETRY_S = 0.01


class BadLockNoTimeout(DeleteMany):
    """One miss of many computes under a lock, the others wait; the lock lies there until its holder removes it.

    Wrong: a holder that is killed never does. From then on every read of that entry waits out its patience, computes
    for itself and stores nothing, until somebody deletes the lock by hand. Right: a timeout, and a token that tells a
    late holder that the lock is no longer its own; see ``lease``.
    """

    name = "bad-lock-no-timeout"
    family = "known bad"
    summary = "one recomputes under a lock without a timeout: a killed holder blocks its entry for ever"
    source = "django-redis documentation, 'Locks': no timeout by default"
    cost = Cost(read_hit=1, read_miss=4, write="1")
    recomputes_at_once = 1
    known_bad = "its lock has no timeout: when the holder is killed, the entry is never stored again"

    def read(self, entry: Entry) -> dict[str, Any]:
        status = Status.HIT
        give_up = time.monotonic() + PATIENCE_S
        while True:
            found = store.get(entry.name)
            if found is not None:
                return answer(entry, status, found)
            if self._lock(entry):
                return self._recompute(entry)
            if time.monotonic() > give_up:
                with computing(entry) as fresh:
                    return answer(entry, Status.MISS, store.now(fresh, None))
            status = Status.WAIT
            with current().timing("lock"):
                time.sleep(RETRY_S)

    def _lock(self, entry: Entry) -> bool:
        with current().timing("cache"):
            return bool(cache.add(store._key(f"{entry.name}#lock"), 1, timeout=None))

    def _recompute(self, entry: Entry) -> dict[str, Any]:
        try:
            with computing(entry) as fresh:
                return answer(entry, Status.MISS, store.set(entry.name, fresh, self.ttl_s))
        finally:
            store.delete(f"{entry.name}#lock")

    def max_staleness_s(self, longest_recompute_s: float) -> float:
        return INVALIDATION_S  # What its author believes.
