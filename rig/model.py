"""The vocabulary of rig: arms, trials, outcomes, marks and errors with their exit codes.

Times are seconds of ``CLOCK_MONOTONIC`` (``time.monotonic()``) unless a name says otherwise;
units are part of the name (``_s``, ``_ms``, ``_ns``).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

UNKNOWN = "unknown"
"""Stands among the observers of a target that does not tell who watches it: a missing list says that nobody does."""


class ExitCode(IntEnum):
    """What the process tells its caller. The values are a contract."""

    OK = 0
    REGRESSION = 1
    USAGE = 2
    INVALID = 3
    INCONCLUSIVE = 4
    INTERRUPTED = 130


class RigError(Exception):
    """An error a person can act on: names the thing, the fact and the remedy in one line."""

    exit_code = ExitCode.INVALID


class UsageError(RigError):
    """The caller asked for something that does not exist or cannot be combined."""

    exit_code = ExitCode.USAGE


class InfrastructureError(RigError):
    """A part of the machinery (port, browser, cache server, disk) is missing or broke."""


class CacheStatus(StrEnum):
    """What the cache did for one response (header ``X-Cache``)."""

    HIT = "HIT"
    STALE = "STALE"
    WAIT = "WAIT"
    MISS = "MISS"
    BYPASS = "BYPASS"


class VisitOutcome(StrEnum):
    """How one scheduled page visit ended. Every scheduled visit ends as exactly one."""

    MEASURED = "measured"
    FAILED = "failed"
    STARVED = "starved"


class RunStatus(StrEnum):
    """State of a run directory, as its manifest says it."""

    RUNNING = "running"
    COMPLETE = "complete"
    INTERRUPTED = "interrupted"
    FAILED = "failed"


class Mark(StrEnum):
    """Why a trial is kept out of the figures: a fault of the instrument, never of the target."""

    LATE_GENERATOR = "late generator"
    LOST_SAMPLES = "lost samples"
    WRONG_ARM = "wrong arm answered"
    LOST_WORKER = "lost worker"
    UNDISTURBED = "a planned disturbance failed or came late"


class Kind(StrEnum):
    """What a scheduled request does."""

    READ = "read"
    WRITE = "write"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """What is compared: a label, where it answers, and the flag value it runs under."""

    label: str
    url: str
    strategy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialId:
    """One arm in one round: the unit of replication."""

    round: int
    arm: str

    def __str__(self) -> str:
        return f"{self.round}-{self.arm}"


def parse_versions(text: str | None) -> dict[str, int]:
    """Read ``X-Content-Version``: ``"product:7=3, home=12"`` -> ``{"product:7": 3, "home": 12}``.

    Raises:
        ValueError: a part is not ``scope=int``.
    """
    if not text:
        return {}
    versions = {}
    for part in text.split(","):
        scope, _, number = part.strip().rpartition("=")
        if not scope:
            raise ValueError(f"content version {text!r}: expected 'scope=int[, scope=int]'")
        versions[scope] = int(number)
    return versions


def format_versions(versions: dict[str, int]) -> str:
    """The inverse of :func:`parse_versions`."""
    return ", ".join(f"{scope}={number}" for scope, number in versions.items())
