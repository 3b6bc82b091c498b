"""What strategies written with a library share: whether it is there, and the creator it calls on a miss."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from importlib.util import find_spec
from typing import Any, ClassVar

from django.conf import settings

from rig.contrib.django import current
from target_app.shop.entries import Entry
from target_app.strategies import store
from target_app.strategies.base import Strategy, computing
from target_app.strategies.store import Fresh, Stored


class Library(Strategy):
    """A strategy written with a library, as the library's documentation says to use it."""

    family = "libraries"
    module: ClassVar[str | None] = None
    """What must be importable, where it comes with the extra ``rig[libraries]``."""
    alias: ClassVar[str | None] = None
    """The cache alias it needs, where it stores pickles."""

    @property
    def unavailable(self) -> str | None:
        if self.module is not None and find_spec(self.module.partition(".")[0]) is None:
            return f"{self.module} is missing; {settings.EXTRA}"
        if self.alias is not None and self.alias not in settings.CACHES:
            return (
                "it stores pickles, which need a cache server on a private Unix socket; set RIG_PICKLE_REDIS_URL, or"
                " unset RIG_REDIS_URL, so that rig starts its own"
            )
        return None

    def ttl_left_s(self) -> float:
        """Its time to live, or the share of it that seeding leaves."""
        return store.lifetime_s(self.ttl_s) or 0.0


class Creator:
    """Computes an entry when the library calls it; until then nothing is recorded."""

    def __init__(self, entry: Entry, ttl_s: float, stack: ExitStack) -> None:
        self._entry, self._stack = entry, stack
        self._fresh: Fresh | None = None
        self.ttl_s = ttl_s
        self.made: Stored | None = None
        """What it computed; None while the library did not call it."""
        self.packed: dict[str, Any] = {}
        self.took_ns = 0

    def __call__(self) -> dict[str, Any]:
        """The entry's value with its versions, in the form all strategies store."""
        begin = time.monotonic_ns()
        self._fresh = self._stack.enter_context(computing(self._entry))
        self.made = Stored(self._fresh.value, self._fresh.versions, time.time(), self.ttl_s)
        self.packed = asdict(self.made)
        self.took_ns = time.monotonic_ns() - begin
        return self.packed

    def kept(self) -> None:
        """Say that the library stored what was computed."""
        if self._fresh is not None:
            self._fresh.work.stored(self.ttl_s)


@contextmanager
def creator(entry: Entry, ttl_s: float) -> Iterator[Creator]:
    """A creator for one read. The recompute it begins is open until the block ends: the library has stored by then.

    The time inside counts as the cache's, but for what was computed and what the library waited for a lock.
    """
    trace = current()
    begin, lock_before_ns = time.monotonic_ns(), trace.lock_ns
    with ExitStack() as stack:
        create = Creator(entry, ttl_s, stack)
        try:
            yield create
        finally:
            waited_ns = trace.lock_ns - lock_before_ns
            trace.cache_ns += time.monotonic_ns() - begin - create.took_ns - waited_ns
