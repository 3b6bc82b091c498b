"""single-flight: of those who miss together one recomputes, the others wait for it."""

from __future__ import annotations

import time
from typing import Any

from rig.contrib.django import Status, current
from target_app.shop.entries import Entry
from target_app.strategies import lock, store
from target_app.strategies.base import Cost, answer, computing
from target_app.strategies.delete_many import DeleteMany


class SingleFlight(DeleteMany):
    """No herd at the database, but one at the door: each waiter holds a server thread until the one is done.

    The lock ends by itself after ``lock_s``, so a dead holder blocks nobody for ever; then a waiter takes over. A
    holder that was merely slow finds its token gone and discards its value. Who waited ``wait_s`` computes for itself
    and stores nothing. A waiter asks again in growing pauses, one round trip each.

    The stale-set race of deleting remains: the lock keeps readers apart, not reader and writer.
    """

    name = "single-flight"
    family = "stampede protection"
    summary = "a miss takes a lock to recompute, others wait; after commit, delete all dependent entries in one call"
    source = "Go's golang.org/x/sync/singleflight; Redis documentation, 'Distributed locks' (one instance)"
    cost = Cost(read_hit=1, read_miss=3, write="1")
    recomputes_at_once = 1
    lock_s = 5.0
    """Longer than a recompute takes in a herd; a holder that needs more is overtaken."""
    wait_s = 2 * lock_s
    """One dead holder and one slow successor."""

    def read(self, entry: Entry) -> dict[str, Any]:
        found = store.get(entry.name)
        if found is not None:
            return answer(entry, Status.HIT, found)
        return self.fill(entry)

    def fill(self, entry: Entry, note: int | None = None) -> dict[str, Any]:
        """Recompute a missing entry, or wait for who does; 2 round trips and 1 for each look while waiting."""
        token, status = lock.new_token(), Status.HIT
        for pause_s in lock.pauses(self.wait_s):
            found, is_ours = lock.claim(entry.name, token, self.lock_s)
            if found is not None:
                return answer(entry, status, found)
            if is_ours:
                return answer(entry, Status.MISS, self.lead(entry, token, note))
            status = Status.WAIT
            with current().timing("lock"):
                time.sleep(pause_s)
        with computing(entry) as fresh:
            computed = store.now(fresh, None)
        return answer(entry, Status.MISS, computed)

    def lead(self, entry: Entry, token: int, note: int | None = None) -> store.Stored:
        """Recompute as the lock's holder; 1 round trip to store and release in one step."""
        with lock.held(entry.name, token), computing(entry) as fresh:
            return lock.keep(entry.name, token, fresh, self.ttl_s)
