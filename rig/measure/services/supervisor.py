"""Runs one command and makes sure that it ends: when told to, or when whoever started it is gone.

``python -m rig.measure.services.supervisor [--cpus 0,1] -- COMMAND …``

Its standard input is a pipe from the starter; end of file means the starter ended, however it ended (``kill -9``
included). The command's whole process group is then terminated, and killed after a grace period. On Linux the
command also dies with the supervisor itself. Standard library only: it starts in a few milliseconds.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys

GRACE_S = 2.0
_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Ask Linux to kill this process when its parent dies; elsewhere nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def pin(cpus: str | None) -> None:
    """Bind this process and its children to ``cpus`` ("0,1") where the platform allows it."""
    if cpus and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {int(cpu) for cpu in cpus.split(",")})


def main(argv: list[str]) -> int:
    """Supervise ``argv``; returns the command's exit code."""
    cpus = None
    if argv[0] == "--cpus":
        cpus, argv = argv[1], argv[2:]
    command = argv[argv.index("--") + 1 :]
    pin(cpus)
    # Ctrl-C in a terminal reaches every process of the group; the starter decides when services end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    told_to_end, wake = os.pipe()
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=die_with_parent)
    while child.poll() is None:
        readable, _, _ = select.select([0, told_to_end], [], [])
        if 0 in readable and not os.read(0, 4096):
            break
        if told_to_end in readable and bytes([signal.SIGTERM]) in os.read(told_to_end, 64):
            break
    return _end(child)


def _end(child: subprocess.Popen[bytes]) -> int:
    """Terminate the process group, kill what remains after the grace period."""
    if child.poll() is None:
        _signal_group(child.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(GRACE_S)
    _signal_group(child.pid, signal.SIGKILL)
    return child.wait()


def _signal_group(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
