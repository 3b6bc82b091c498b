"""Wakes gevent's loop at an instant, on time.

The loop's own timers go through ``epoll_wait``, which knows whole milliseconds: arrivals would be up to a millisecond
late, or the generator would have to spin. Linux has a timer that is a file (timerfd); the loop watches it like a
socket, and it fires within tens of microseconds at no cost in between.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
import sys
import time
from collections.abc import Callable
from typing import Any, Protocol

_CLOCK_MONOTONIC = 1
_ABSOLUTE = 1
_NONBLOCK_CLOEXEC = 0o2004000
_READ = 1
_SPEC = struct.Struct("@llll")
"""``struct itimerspec``: seconds and nanoseconds of the interval (0: ring once) and of the instant."""


class Alarm(Protocol):
    """Calls back at the instant set last, and again and again until it is set anew: ``ring`` must do that."""

    def set(self, when_s: float | None) -> None:
        """Ring at ``when_s`` (monotonic); in the past: at the loop's next turn; None: not at all. Replaces what was
        set before.
        """

    def close(self) -> None:
        """Never ring again."""


def alarm(loop: Any, ring: Callable[[], None]) -> Alarm:
    """An alarm on gevent's ``loop``; the best the platform has. ``ring`` must not block."""
    if sys.platform == "linux":
        return _FileAlarm(loop, ring)
    return _LoopAlarm(loop, ring)


class _FileAlarm:
    """Linux: timerfd."""

    def __init__(self, loop: Any, ring: Callable[[], None]) -> None:
        self._fd, self._arm = _timer_file()
        self._watcher = loop.io(self._fd, _READ)
        self._watcher.start(ring)

    def set(self, when_s: float | None) -> None:
        # Arming takes the last ring back, so nobody need read it. Zero disarms.
        self._arm(0.0 if when_s is None else when_s or 1e-9)

    def close(self) -> None:
        self._watcher.stop()
        self._watcher.close()
        os.close(self._fd)


class _LoopAlarm:
    """Elsewhere the loop's own timer; kqueue takes its time-out in nanoseconds."""

    def __init__(self, loop: Any, ring: Callable[[], None]) -> None:
        self._loop, self._ring = loop, ring
        self._watcher: Any = None

    def set(self, when_s: float | None) -> None:
        self.close()
        if when_s is None:
            return
        self._loop.update_now()  # gevent caches the loop's time.
        self._watcher = self._loop.timer(max(0.0, when_s - time.monotonic()))
        self._watcher.start(self._ring)

    def close(self) -> None:
        if self._watcher is not None:
            with contextlib.suppress(ValueError):
                self._watcher.stop()
                self._watcher.close()
            self._watcher = None


def _timer_file() -> tuple[int, Callable[[float], None]]:
    """The file and what arms it. Python 3.13 has its own calls; before that, the C library's."""
    if sys.version_info >= (3, 13):
        fd = os.timerfd_create(_CLOCK_MONOTONIC, flags=os.TFD_NONBLOCK | os.TFD_CLOEXEC)
        return fd, lambda when_s: os.timerfd_settime(fd, flags=os.TFD_TIMER_ABSTIME, initial=when_s) and None
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.timerfd_create(_CLOCK_MONOTONIC, _NONBLOCK_CLOEXEC)
    if fd < 0:
        raise OSError(ctypes.get_errno(), "timerfd_create failed")
    settime = libc.timerfd_settime
    settime.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
    spec = (ctypes.c_char * _SPEC.size)()
    address, pack_into = ctypes.addressof(spec), _SPEC.pack_into

    def arm(when_s: float) -> None:
        seconds = int(when_s)
        pack_into(spec, 0, 0, 0, seconds, int((when_s - seconds) * 1e9))
        settime(fd, _ABSOLUTE, address, None)

    return fd, arm
