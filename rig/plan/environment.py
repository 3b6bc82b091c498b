"""The machine and the versions a run was measured with: figures from different ones are not comparable."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from rig.model import UNKNOWN

_OF_TARGET = ("django", "django-redis", "gunicorn", "redis")
_PACKAGES = (*_OF_TARGET, "gevent", "httptools", "locust", "playwright")


def fingerprint() -> dict[str, Any]:
    """Facts of this machine and these packages; what is not known is None."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "cpu": _cpu_model(),
        "cpus": len(cpus()),
        "memory_mb": _memory_mb(),
        "packages": {name: metadata.version(name) for name in _PACKAGES},
        "commit": _commit(),
    }


def told(identity: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Facts of the target's process in its own words, in place of those of ``own``, which are this process's.

    ``observed_by`` is what it does beside serving, which costs time in each request; left out for nothing. What the
    target does not tell is unknown: ``["unknown"]`` there, None elsewhere.
    """
    observers = identity.get("observed_by")
    versions = identity.get("packages") or {}
    of_target = {name: (versions[name] or "none") if name in versions else None for name in _OF_TARGET}
    return {
        "python": identity.get("python"),
        "packages": {**own["packages"], **of_target},
        **({} if observers == [] else {"observed_by": [UNKNOWN] if observers is None else observers}),
    }


def cpus() -> list[int]:
    """CPUs this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def pinning() -> tuple[str | None, str | None]:
    """CPUs for the target (application and cache server) and for the instrument (generator and browser).

    The target gets one: that is what its rate was chosen for. (None, None) where the platform can't pin, or has
    only one CPU.
    """
    usable = cpus()
    if not hasattr(os, "sched_setaffinity") or len(usable) < 2:
        return None, None
    return str(usable[0]), ",".join(str(cpu) for cpu in usable[1:])


def beside_target() -> str | None:
    """CPUs of a worker or browser that was started by itself, where ``RIG_BESIDE_TARGET=1`` says that the target runs
    on the same host: all but the first, as under `rig run`. None, which is all of them, elsewhere.
    """
    return pinning()[1] if os.environ.get("RIG_BESIDE_TARGET") == "1" else None


def _cpu_model() -> str | None:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    if sys.platform == "darwin":
        return _output(["sysctl", "-n", "machdep.cpu.brand_string"])
    return platform.processor() or None


def _memory_mb() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    except (ValueError, OSError):
        return None


def _commit() -> str | None:
    folder = str(Path(__file__).resolve().parent)
    return _output(["git", "-C", folder, "describe", "--always", "--dirty", "--exclude", "*"])


def _output(command: list[str]) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None
