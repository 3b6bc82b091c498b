"""Whose ``CLOCK_MONOTONIC`` a sample was taken with: times of two clocks must never be compared."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def clock_id() -> str | None:
    """A name that two processes share exactly when their monotonic clocks are the same; None where it is not known.

    Linux: this boot of this kernel, and the time namespace, which may shift the clock. macOS: this boot.
    """
    if sys.platform == "linux":
        try:
            boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
            return f"{boot}/{Path('/proc/self/ns/time').readlink()}"
        except OSError:
            return None
    try:
        done = subprocess.run(
            ["sysctl", "-n", "kern.bootsessionuuid"], capture_output=True, text=True, timeout=5, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


def same_clock(one: str | None, other: str | None) -> bool:
    """Whether both are known and the same: what is not known is another clock."""
    return one is not None and one == other
