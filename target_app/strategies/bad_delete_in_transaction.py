"""bad-delete-in-transaction: a control that is wrong on purpose."""

from __future__ import annotations

from collections.abc import Sequence

from target_app.shop.entries import Entry
from target_app.strategies.base import INVALIDATION_S
from target_app.strategies.delete_many import DeleteMany


class BadDeleteInTransaction(DeleteMany):
    """Deletes where the row is saved, as a ``post_save`` signal does: inside the transaction, before its COMMIT.

    Wrong: a reader that misses between delete and COMMIT reads the old row, as it must, and stores it; nothing deletes
    it any more, and it stays until the TTL. The longer the transaction, the surer. A rolled-back write also empties
    the cache. Right: ``transaction.on_commit``.
    """

    name = "bad-delete-in-transaction"
    family = "known bad"
    summary = "deletes all dependent entries before the write commits: what is read in between stays"
    source = "Django documentation, 'Performing actions after commit', not followed"
    known_bad = "deletes before the commit: who reads in between stores the old row again"
    survives_crash = True  # True, and what makes it tempting: it has deleted before there is anything to lose.

    def before_commit(self, entries: Sequence[Entry]) -> None:
        super().invalidate(entries)

    def invalidate(self, entries: Sequence[Entry]) -> None:
        pass

    def max_staleness_s(self, longest_recompute_s: float) -> float:
        return INVALIDATION_S  # What its author believes.
