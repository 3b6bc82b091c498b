"""A process of ours and all below it: what they used, and their end."""

from __future__ import annotations

import contextlib
from typing import Any

import gevent
import psutil

STOP_TIMEOUT_S = 6.0


def cpu_of(process: psutil.Process) -> float:
    """CPU seconds of a process and of its children that ended; 0 of one that is gone."""
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)


def end(process: Any) -> None:
    """Close its input, which ends it and its browser; kill what does not go."""
    with contextlib.suppress(OSError):
        process.stdin.close()
    with gevent.Timeout(STOP_TIMEOUT_S, False):
        process.wait()
    kill_family(process)
    process.wait()
    process.stdout.close()


def kill_family(process: Any) -> None:
    """Kill a process and all below it, unless it has ended."""
    if process.poll() is not None:
        return
    try:
        family = psutil.Process(process.pid).children(recursive=True)
    except psutil.Error:
        family = []
    process.kill()
    for child in family:
        try:
            child.kill()
        except psutil.Error:
            continue
