"""outbox: the order to delete is a row of the same transaction; a worker carries it out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rig.contrib.django import invalidation
from target_app.shop import outbox
from target_app.shop.entries import Entry
from target_app.strategies import store
from target_app.strategies.base import Cost
from target_app.strategies.delete_on_write import DeleteOnWrite


def _deliver(names: Sequence[str]) -> None:
    with invalidation("delete", names):
        store.delete_many(names)


class Outbox(DeleteOnWrite):
    """Commit and order are one: a process killed between commit and delete leaves the row, and the worker of any other
    process, or the next one started, deletes within its poll interval (0.2 s). Every process has such a worker, a
    thread begun at its first read or write; ``manage.py outbox_worker`` is one more.

    At least once: a worker killed between its delete and its own commit deletes again, which harms nothing. Pitfalls:
    a row written after the commit is just a delete with more steps. A worker that is not woken adds its whole interval
    to every write. It closes no stale-set race: the declared bound is still TTL + Δ.
    """

    name = "outbox"
    summary = "the write's transaction also writes down what to delete; a worker deletes it in one call, crash or not"
    source = "Richardson, 'Microservices Patterns', 2018, Transactional outbox"
    cost = Cost(read_hit=1, read_miss=2, write="0", background=1)
    survives_crash = True
    worker = outbox.Worker(_deliver)

    def read(self, entry: Entry) -> dict[str, Any]:
        self.worker.start()  # Whoever can see a stale value also sees to it that it goes.
        return super().read(entry)

    def before_commit(self, entries: Sequence[Entry]) -> None:
        outbox.write_down([entry.name for entry in entries])

    def invalidate(self, entries: Sequence[Entry]) -> None:
        self.worker.start()
        self.worker.wake()
