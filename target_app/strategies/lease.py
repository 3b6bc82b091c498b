"""lease: a miss gives one caller a token, a set needs it, a delete voids it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from typing import Any

from rig.contrib.django import Status, current, invalidation
from target_app.shop.entries import Entry
from target_app.strategies import scripts, store
from target_app.strategies.base import INVALIDATION_S, Cost, Strategy, answer, computing

LEASE_S = 5.0
"""A token's life. A dead holder blocks its entry for so long; an entry that takes longer is never stored."""

RETRY_S = 0.01
"""Between two looks of a waiter: a tenth of a recompute, so that waiting adds little and polls stay few."""


class Lease(Strategy):
    """Ends herd and stale-set race together. One miss of many computes, the others look again every 10 ms. The token
    dates from *before* the database snapshot, and every delete voids it: a value computed from an old row is refused.

    The simplest sound variant: waiters get no recently deleted value, so nothing is stale on purpose.

    Pitfalls: a token without expiry blocks behind a dead holder for ever. A token that is one name for all (a plain
    lock) lets a holder that slept set under its successor's. A failed recompute must give the token back. Waiters hold
    server threads; one that waited a token's whole life computes for itself and stores nothing. A delete during a
    recompute lets the next miss begin a second one: the first one's result is void.
    """

    name = "lease"
    family = "one recomputes"
    summary = "a miss gives one caller a token, others wait; a set needs it, a delete after commit voids it"
    source = "Nishtala et al., 'Scaling Memcache at Facebook', NSDI 2013, section 3.2.1"
    cost = Cost(read_hit=1, read_miss=2, write="1")
    freshness_by_ttl = False
    fresh_after_race = True
    recomputes_at_once = 1

    def key(self, entry: Entry) -> str:
        return entry.name

    def read(self, entry: Entry) -> dict[str, Any]:
        token, status = secrets.token_hex(16), Status.HIT
        give_up = time.monotonic() + LEASE_S
        while True:
            found, granted = scripts.get_or_lease(entry.name, token, LEASE_S)
            if found is not None:
                return answer(entry, status, found)
            if granted or time.monotonic() > give_up:
                return self._recompute(entry, token)
            status = Status.WAIT
            with current().timing("lock"):
                time.sleep(RETRY_S)

    def _recompute(self, entry: Entry, token: str) -> dict[str, Any]:
        try:
            with computing(entry) as fresh:
                stored = scripts.set_leased(entry.name, token, fresh, self.ttl_s)
        except BaseException:
            scripts.give_back(entry.name, token)
            raise
        return answer(entry, Status.MISS, stored)

    def invalidate(self, entries: Sequence[Entry]) -> None:
        names = [entry.name for entry in entries]
        with invalidation("delete", names):  # One DEL of values and tokens: nobody can set in between.
            store.delete_many([*names, *map(scripts.lease_key, names)])

    def max_staleness_s(self, longest_recompute_s: float) -> float:
        return INVALIDATION_S
