"""bad-version-set: a control that is wrong on purpose."""

from __future__ import annotations

from collections.abc import Sequence
from threading import local

from django.core.cache import cache

from rig.contrib.django import current, invalidation
from target_app.shop.entries import Entry
from target_app.strategies import store
from target_app.strategies.base import Cost
from target_app.strategies.versioned_keys import GENERATION, VersionedKeys


class BadVersionSet(VersionedKeys):
    """versioned-keys, but the bump is a get before the transaction and a set after its COMMIT.

    Wrong: two writers read generation 1, and one waits for the other's lock. The first sets 2; a reader stores under 2
    what it computed before the second COMMIT; the second writer sets 2 once more. Its bump is lost, and the reader's
    old value stays until the TTL.
    Right: one atomic INCR after commit.
    """

    name = "bad-version-set"
    family = "known bad"
    summary = "keys carry a generation, raised by get before commit and set after it: bumps get lost"
    source = "versioned-keys without an atomic increment"
    cost = Cost(read_hit=2, read_miss=3, write="2")
    known_bad = "raises the generation by get and set: of two writers at once, one bump is lost"
    _seen = local()  # A write begins and ends in one thread.

    def before_write(self) -> None:
        self._seen.generation = store.generation(GENERATION)

    def invalidate(self, entries: Sequence[Entry]) -> None:
        with invalidation("bump", []), current().timing("cache"):
            cache.set(store._key(GENERATION), self._seen.generation + 1, timeout=None)
