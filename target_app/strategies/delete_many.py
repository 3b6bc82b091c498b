"""delete-many: a write deletes all entries that depend on it, in one call."""

from __future__ import annotations

from collections.abc import Sequence

from rig.contrib.django import invalidation
from target_app.shop.entries import Entry
from target_app.strategies import store
from target_app.strategies.base import Cost
from target_app.strategies.delete_on_write import DeleteOnWrite


class DeleteMany(DeleteOnWrite):
    """Reads, correctness and stampedes as in delete-on-write; only the round trips of a write differ."""

    name = "delete-many"
    summary = "after commit, delete all dependent entries: one call for any K"
    cost = Cost(read_hit=1, read_miss=2, write="1")

    def invalidate(self, entries: Sequence[Entry]) -> None:
        names = [entry.name for entry in entries]
        with invalidation("delete", names):
            store.delete_many(names)
