"""double-delete: delete after commit, and once more a little later."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from threading import Timer

from rig.contrib.django import carried
from target_app.shop.entries import Entry
from target_app.strategies.base import Cost
from target_app.strategies.delete_many import DeleteMany

DELAY_S = 0.5
"""Until the second delete: several recomputes of an idle origin (0.1 s each), fewer than one of a herd."""


class DoubleDelete(DeleteMany):
    """The second delete takes out what a paused reader stored after the first. It narrows the stale-set race to readers
    that pause for longer than the delay, and does not close it: the declared bound is still TTL + Δ.

    The price: a second stampede after each write, of an entry that was fresh nearly every time. Pitfalls: a delay
    shorter than a recompute under load does nothing. The timer dies with its process. Here it carries the epoch of its
    write, so that it never deletes in a later trial, and a reset waits for it.
    """

    name = "double-delete"
    summary = "after commit, delete all dependent entries, and again 0.5 s later: narrows the stale-set race"
    source = "Alibaba Cloud and others, 'delayed double delete'"
    cost = Cost(read_hit=1, read_miss=2, write="1", background=1)

    def invalidate(self, entries: Sequence[Entry]) -> None:
        super().invalidate(entries)
        later = Timer(DELAY_S, carried(partial(super().invalidate, entries)))
        later.daemon = True  # A server that stops does not wait for it.
        later.start()
