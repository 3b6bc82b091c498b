"""Waiting with a deadline, and finding all processes a test has started."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import gevent
import psutil


def poll(condition: Callable[[], bool], deadline_s: float) -> bool:
    end = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > end:
            return False
        gevent.sleep(0.05)
    return True


def marked(mark: str) -> set[psutil.Process]:
    """All with the mark and all below them: Chromium's own children write their titles over their environment."""
    found = set()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid != os.getpid() and process.environ().get("RIG_TEST_MARK") == mark:
                found |= {process, *process.children(recursive=True)}
    return found


def alive(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    """Those neither gone nor zombies; one may end while it is asked."""
    return [process for process in processes if _lives(process)]


def _lives(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def gone(processes: Iterable[psutil.Process], deadline_s: float) -> bool:
    """Whether all have ended before the deadline."""
    watched = list(processes)
    return poll(lambda: not alive(watched), deadline_s)


def is_kind(process: psutil.Process, flag: str, without: str = "\0") -> bool:
    with contextlib.suppress(psutil.Error):
        command = " ".join(process.cmdline())
        return flag in command and without not in command
    return False


def is_chromium(process: psutil.Process) -> bool:
    """The browser itself, not a shell script that started it."""
    with contextlib.suppress(psutil.Error):
        if Path(process.exe()).name not in ("sh", "dash", "bash"):
            return is_kind(process, "--remote-debugging-pipe", without="--type=")
    return False
