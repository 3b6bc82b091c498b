"""How long dogpile.cache waits for its lock, for the ``lock`` part of Server-Timing. Imported where it is installed."""

from __future__ import annotations

from typing import Any

from dogpile.cache.proxy import ProxyBackend

from rig.contrib.django import current


class TimedLock(ProxyBackend):
    """The documented way to stand between a region and its backend."""

    def get_mutex(self, key: str) -> Any:
        """The backend's lock, with its time in the trace."""
        return _Timed(self.proxied.get_mutex(key))


class _Timed:
    def __init__(self, mutex: Any) -> None:
        self._mutex = mutex

    def acquire(self, wait: bool = True) -> Any:
        with current().timing("lock"):
            return self._mutex.acquire(wait)

    def release(self) -> None:
        with current().timing("lock"):
            self._mutex.release()

    def locked(self) -> Any:
        return self._mutex.locked()
