"""What cachalot keeps, made to say which version it is of.

cachalot stores each query's result on its own, so a page is put together from parts of different ages, and a version
read by one more cached query would be one more part: after the race of a reader with a writer the page could be old
and its version new. So every part is stored with the versions of the snapshot it was read in. A part is *current* when
none of its tables was written since that snapshot began, whatever cachalot itself believes.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from django_redis.cache import RedisCache

from rig.contrib.django import current, invalidation
from target_app.strategies import store

Versions = dict[str, int]


@dataclass(slots=True)
class Reading:
    """One read of one entry: where its parts came from. Times are ``time.time()``, as cachalot's."""

    ttl_s: float | None
    begin_s: float | None = None
    """Just before the snapshot began; None while no query reached the database."""
    versions: Versions = field(default_factory=dict)
    """Of all scopes, in that snapshot."""
    found: list[tuple[float, Versions, bool]] = field(default_factory=list)
    """Parts out of the cache: when stored, versions of their snapshot, whether current."""

    def version(self, scope: str) -> int:
        """The version of ``scope`` that the page is of.

        Current parts say nothing else than the newest of their snapshots would; an outdated one holds the page back.
        """
        news = [versions[scope] for _, versions, is_current in self.found if is_current]
        news += [self.versions[scope]] if self.versions else []
        olds = [versions[scope] for _, versions, is_current in self.found if not is_current]
        return min([max(news), *olds]) if news else min(olds)


reading: ContextVar[Reading | None] = ContextVar("cachalot_reading", default=None)


class PartsCache(RedisCache):
    """The cache alias cachalot uses: its two methods, with versions added on the way in and taken off on the way out.

    cachalot's values are a number (when a table was last written) and a pair (when stored, result).
    """

    def get_many(self, keys: Iterable[str], version: int | None = None) -> dict[str, Any]:
        """What cachalot stored; 1 round trip."""
        names = {store.epoch_key(key): key for key in keys}
        with current().timing("cache"):
            found = {names[name]: value for name, value in super().get_many(list(names), version).items()}
        written_s = [value for value in found.values() if isinstance(value, float)]
        parts = {key: value for key, value in found.items() if not isinstance(value, float)}
        for key, (stored_s, result, begin_s, versions) in parts.items():
            found[key] = (stored_s, result)
            # cachalot's own rule; what it breaks is not used.
            is_used = len(written_s) == len(names) - 1 and stored_s >= max(written_s)
            if is_used and (active := reading.get()) is not None:
                active.found.append((stored_s, versions, max(written_s) <= begin_s))
        return found

    def set_many(self, data: dict[str, Any], timeout: Any = None, version: int | None = None) -> list[str]:
        """1 round trip. A writer's times replace what is there; a reader's stand only where there are none."""
        active = reading.get()
        if active is None or active.begin_s is None:
            self._wrote({key: value for key, value in data.items() if isinstance(value, float)}, version)
        else:
            self._read(data, active, version)
        return []

    def _wrote(self, tables: dict[str, float], version: int | None) -> None:
        """A query outside any entry is dropped: there is no version it would be of."""
        if not tables:
            return
        with current().timing("cache"), invalidation("bump", []):  # No names: every query on these tables.
            super().set_many({store.epoch_key(key): value for key, value in tables.items()}, None, version)

    def _read(self, data: dict[str, Any], active: Reading, version: int | None) -> None:
        pipeline = self.client.get_client(write=True).pipeline()
        for key, value in data.items():
            is_table = isinstance(value, float)
            kept = active.begin_s if is_table else (*value, active.begin_s, active.versions)
            # Not over a writer's time, which says that what was just read is old already.
            self.client.set(store.epoch_key(key), kept, active.ttl_s, version=version, client=pipeline, nx=is_table)
        with current().timing("cache"):
            pipeline.execute()
