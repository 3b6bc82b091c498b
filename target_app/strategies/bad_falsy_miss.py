"""bad-falsy-miss: a control that is wrong on purpose."""

from __future__ import annotations

from typing import Any

from rig.contrib.django import Status
from target_app.shop.entries import Entry
from target_app.strategies import store
from target_app.strategies.base import INVALIDATION_S, answer, computing
from target_app.strategies.delete_many import DeleteMany


class BadFalsyMiss(DeleteMany):
    """delete-many, but a hit is recognised by ``if not data`` instead of ``is not None``.

    Wrong: an empty list is falsy. A page that lists nothing (the shop's category of seconds) is recomputed at every
    read, however often it was stored. Right: ``is None``, or ``get(key, default=sentinel)``.
    """

    name = "bad-falsy-miss"
    family = "known bad"
    summary = "recognises a miss by `if not data`: what is empty is recomputed for ever"
    source = "the often-copied `data = cache.get(key); if not data: …`"
    known_bad = "takes an empty value for a miss: the page that lists nothing is never served from the cache"

    def read(self, entry: Entry) -> dict[str, Any]:
        found = store.get(entry.name)
        if found is None or not _rows(found.value):  # The fault: `if not data`.
            with computing(entry) as fresh:
                return answer(entry, Status.MISS, store.set(entry.name, fresh, self.ttl_s))
        return answer(entry, Status.HIT, found)

    def max_staleness_s(self, longest_recompute_s: float) -> float:
        return INVALIDATION_S  # What its author believes.


def _rows(page: dict[str, Any]) -> list[Any]:
    """What a page lists."""
    return [row for part in page.values() if isinstance(part, list) for row in part]
