"""Which connections have something to read.

Waking an idle CPU costs more than handling a response. Where the kernel stamps what arrives, a response can wait for
the next request to be sent, and both cost one wake; its time is the stamp's, so it is no later for that. Elsewhere the
loop calls as soon as something is there.
"""

from __future__ import annotations

import struct
import sys
import time
from collections.abc import Callable
from typing import Any, Protocol

from gevent import monkey

_READ = 1
_HUNG_UP = 0x2000
"""EPOLLRDHUP: the other side will say nothing more."""
_SO_TIMESTAMPNS = 35
_STAMP = struct.Struct("qq")
_SPACE = 64
_BLOCK = 65536
_TRIES, _ONE_BREATH_S = 5, 20e-6

Guard = Callable[[Callable[[], None]], Callable[[], None]]


class Readiness(Protocol):
    """Calls back when a socket can be read: when asked to collect, or by itself while it listens."""

    guarded: Guard
    """Wraps what the loop calls: a fault of ours must end the trial, not a turn of the loop."""
    stamps: bool
    """Whether what arrives is stamped, so that reading it may wait."""
    urgent: set[object]
    """For whom it may not wait all the same, see :meth:`hurry`."""

    def add(self, made: Any, callback: Callable[[bool], None]) -> None:
        """Watch a connected socket. ``callback`` hears whether the other side is known to have said its last."""

    def receive(self, made: Any) -> tuple[bytes, float]:
        """What can be read, and the monotonic second it arrived; that of reading it where the kernel does not say.

        Raises:
            OSError: as ``recv`` does; BlockingIOError when there is nothing.
        """

    def remove(self, fd: int) -> None:
        """Watch it no more; before it is closed."""

    def collect(self) -> None:
        """Call back for all that can be read now."""

    def listen(self, on: bool) -> None:
        """Whether to call back as soon as something can be read."""

    def hurry(self, who: object) -> None:
        """Call back at once until ``who`` is no longer ``urgent``: the other side waits for us."""

    def close(self) -> None:
        """Watch nothing any more."""


def readiness(loop: Any, guarded: Guard) -> Readiness:
    """The best the platform has. ``guarded`` wraps what the loop calls."""
    return _Stamped(loop, guarded) if sys.platform == "linux" and _STAMP.size == 16 else _Loop(loop, guarded)


class Clocks:
    """Wall clock to monotonic, by a pair that is read once for all that arrived before it."""

    def __init__(self) -> None:
        self.read()

    def read(self) -> None:
        """Read the pair anew, in one breath: a pause between the two, when another program has the CPU, would move
        arrivals by as much.
        """
        for _ in range(_TRIES):
            self._before_s, self._wall_s, self._after_s = time.monotonic(), time.time(), time.monotonic()
            if self._after_s - self._before_s < _ONE_BREATH_S:
                return

    def monotonic_s(self, stamp_s: float) -> float:
        """The monotonic second of a wall-clock time of just now; that of the pair, where it cannot be just now: the
        kernel stamps with the wall clock, which somebody may set in this very moment.
        """
        if not 0 <= self._wall_s - stamp_s < 1:
            # It arrived after the pair was read; or the clock was set.
            self.read()
        ago_s = self._wall_s - stamp_s
        return self._before_s - ago_s if 0 <= ago_s < 1 else self._after_s


class _Stamped:
    """Linux: an epoll of our own, which the loop watches only where waiting for the next request would be too long."""

    def __init__(self, loop: Any, guarded: Guard) -> None:
        # Locust's patch takes epoll away, because it blocks; ours is only asked, never waited for.
        self._epoll = monkey.get_original("select", "epoll")()
        self._callbacks: dict[int, Callable[[bool], None]] = {}
        self._watcher = loop.io(self._epoll.fileno(), _READ)
        self.guarded = guarded
        self._call = guarded(self.collect)
        self.stamps = True
        self.urgent: set[object] = set()
        self._clocks = Clocks()

    def add(self, made: Any, callback: Callable[[bool], None]) -> None:
        try:
            made.setsockopt(monkey.get_original("socket", "SOL_SOCKET"), _SO_TIMESTAMPNS, 1)
        except OSError:
            self.stamps = False
        self._callbacks[made.fileno()] = callback
        self._epoll.register(made.fileno(), _READ | _HUNG_UP)

    def remove(self, fd: int) -> None:
        if self._callbacks.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def receive(self, made: Any) -> tuple[bytes, float]:
        if not self.stamps:
            return made.recv(_BLOCK), time.monotonic()
        data, ancillary, _, _ = made.recvmsg(_BLOCK, _SPACE)
        if not ancillary:
            return data, time.monotonic()
        seconds, nanoseconds = _STAMP.unpack(ancillary[0][2])
        return data, self._clocks.monotonic_s(seconds + nanoseconds * 1e-9)

    def collect(self) -> None:
        ready = self._epoll.poll(0)
        if ready:
            self._clocks.read()
        for fd, said in ready:
            if (callback := self._callbacks.get(fd)) is not None:
                callback(said & _HUNG_UP != 0)

    def listen(self, on: bool) -> None:
        if on and not self._watcher.active:
            self._watcher.start(self._call)
        elif not on and self._watcher.active:
            self._watcher.stop()

    def hurry(self, who: object) -> None:
        self.urgent.add(who)
        self.listen(True)

    def close(self) -> None:
        self._watcher.stop()
        self._watcher.close()
        self._epoll.close()


class _Loop:
    """Elsewhere: the loop's own watchers."""

    def __init__(self, loop: Any, guarded: Guard) -> None:
        self._loop, self.guarded = loop, guarded
        self._watchers: dict[int, Any] = {}
        self.stamps = False
        self.urgent: set[object] = set()

    def add(self, made: Any, callback: Callable[[bool], None]) -> None:
        self._watchers[made.fileno()] = watcher = self._loop.io(made.fileno(), _READ)
        watcher.start(self.guarded(lambda: callback(False)))

    def receive(self, made: Any) -> tuple[bytes, float]:
        return made.recv(_BLOCK), time.monotonic()

    def remove(self, fd: int) -> None:
        if (watcher := self._watchers.pop(fd, None)) is not None:
            watcher.stop()
            watcher.close()

    def collect(self) -> None:
        """They call by themselves."""

    def listen(self, on: bool) -> None:
        """They always do."""

    def hurry(self, who: object) -> None:
        """They always do."""

    def close(self) -> None:
        for fd in list(self._watchers):
            self.remove(fd)
