"""stale-while-revalidate: an old value is served on purpose while one reader has it refreshed in the background."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import Any

from rig.contrib.django import Status, carried, invalidation
from target_app.shop.entries import Entry
from target_app.strategies import lock, store
from target_app.strategies.base import Cost, answer, computing
from target_app.strategies.single_flight import SingleFlight
from target_app.strategies.store import Stored

STALE_SHARE = 1.0
"""How long past its soft time to live a value may still be served, as a share of it: the hard one is twice as long."""
_MARK = "for _, key in ipairs(KEYS) do redis.call('SET', key, ARGV[1], 'PX', ARGV[2]) end"


class StaleWhileRevalidate(SingleFlight):
    """Nobody waits while there is any value: past the soft time to live, or once a write has marked it, all get the old
    one and one of them has it refreshed. Where there is none, one recomputes and the others wait.

    A write marks, it never deletes. A mark is a new random number beside the value, and a value is good only with the
    mark that was read *before* its snapshot: a refresh that began before the write stores a value that is stale at
    once. A flag which the refresh clears would hide that write. Stale by design up to the hard time to live, so an
    entry nobody read for long shows its old value once more. A stale read costs 2 round trips.
    """

    name = "stale-while-revalidate"
    summary = "past the soft TTL or a write's mark, serve the old value and let one refresh it in the background"
    source = "RFC 5861, 'HTTP Cache-Control Extensions for Stale Content'"
    cost = Cost(read_hit=1, read_miss=3, write="1", background=2)
    freshness_by_ttl = True
    survives_crash = True

    def read(self, entry: Entry) -> dict[str, Any]:
        found, mark = _look(entry)
        if found is None:
            return self.fill(entry, mark)
        if _is_good(found, mark):
            return answer(entry, Status.HIT, found)
        token = lock.new_token()
        if lock.take(entry.name, token, self.lock_s):
            _pool().submit(carried(partial(self._refresh, entry, token)))
        return answer(entry, Status.STALE, found)

    def lead(self, entry: Entry, token: int, note: int | None = None, hint: str | None = None) -> Stored:
        with lock.held(entry.name, token), computing(entry, hint) as fresh:
            return lock.keep(entry.name, token, fresh, self.ttl_s, longer_s=self.ttl_s * STALE_SHARE, note=note)

    def invalidate(self, entries: Sequence[Entry]) -> None:
        names = [entry.name for entry in entries]
        # Twice the hard time to live: no value of before the mark outlives it.
        life_ms = round(2 * self.ttl_s * (1 + STALE_SHARE) * 1000)
        with invalidation("mark", names):
            store.run(_MARK, [_mark_of(name) for name in names], lock.new_token(), life_ms)

    def max_staleness_s(self, longest_recompute_s: float) -> float:
        return self.ttl_s * (1 + STALE_SHARE) + longest_recompute_s

    def _refresh(self, entry: Entry, token: int) -> None:
        found, mark = _look(entry)
        if found is not None and _is_good(found, mark):  # Another was done before we had the lock.
            lock.release(entry.name, token)
        else:
            self.lead(entry, token, mark, "background")


def _look(entry: Entry) -> tuple[Stored | None, int | None]:
    found, mark = store.get_many([entry.name, _mark_of(entry.name)])
    return Stored.unpacked(found), mark


def _is_good(found: Stored, mark: int | None) -> bool:
    return found.note == mark and time.time() < found.stored_s + (found.ttl_s or 0.0)


def _mark_of(name: str) -> str:
    return f"mark:{name}"


@cache
def _pool() -> ThreadPoolExecutor:
    """Made by the first refresh: a pool made at import would lose its threads to the worker's fork."""
    return ThreadPoolExecutor(max_workers=4, thread_name_prefix="refresh")
