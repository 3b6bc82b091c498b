"""lease: a miss gives one caller a token, a set needs it, a delete voids it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rig.contrib.django import invalidation
from target_app.shop.entries import Entry
from target_app.strategies import lock, store
from target_app.strategies.base import INVALIDATION_S, Cost
from target_app.strategies.single_flight import SingleFlight


class Lease(SingleFlight):
    """Ends herd and stale-set race together. The token is taken *before* the database snapshot, in the same step as the
    look that found nothing; a delete takes value and token in one step; a set needs the token. So a value computed
    from an old row is refused: its writer's delete has voided the token by then, or will delete the value.

    The simplest sound variant: waiters get no recently deleted value, so nothing is stale on purpose. The paper's
    clients do get one; it also gives a token every 10 s, here one lives for ``lock_s``: so long does a dead holder
    block its entry, and what takes longer to compute is never stored.

    Pitfalls: those of single-flight, from where the waiting comes. A delete that forgets the tokens is a plain lock,
    and the race is back. A delete during a recompute lets the next miss begin a second one: the first is void.
    """

    name = "lease"
    summary = "a miss gives one caller a token, others wait; a set needs it; after commit, delete values and tokens"
    source = "Nishtala et al., 'Scaling Memcache at Facebook', NSDI 2013, section 3.2.1"
    cost = Cost(read_hit=1, read_miss=2, write="1")
    fresh_after_race = True

    def read(self, entry: Entry) -> dict[str, Any]:
        return self.fill(entry)

    def invalidate(self, entries: Sequence[Entry]) -> None:
        names = [entry.name for entry in entries]
        with invalidation("delete", names):
            store.delete_many([*names, *map(lock.name, names)])

    def max_staleness_s(self, longest_recompute_s: float) -> float:
        return INVALIDATION_S
