"""Disturbances: what goes wrong on purpose while a trial measures. Plain data, part of the schedule of every arm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from rig.model import UsageError

JITTER = 0.02
"""Share of the window by which an instant differs from round to round, at most: phase against expiries is chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What one kind of disturbance does, and what it needs."""

    name: str
    letter: str
    summary: str
    lasting: bool = False
    asks: str | None = None
    """The disturbance of the target that it is made of; the target must offer it."""
    of_entry: bool = False
    """It happens to one logical entry, which it names."""
    own_cache: bool = False
    """It takes all keys, so the cache server must be one that rig started."""


KINDS = {
    kind.name: kind
    for kind in (
        Kind(name="flush", letter="F", summary="the cache is emptied", own_cache=True),
        Kind(
            name="cache-outage",
            letter="C",
            summary="the cache server is killed, and restarted empty",
            lasting=True,
            own_cache=True,
        ),
        Kind(name="slow-origin", letter="S", summary="each recompute takes longer", lasting=True, asks="slow-origin"),
        Kind(
            name="unseen-write",
            letter="U",
            summary="rows change behind the application's back, nothing is invalidated",
            asks="unseen-write",
            of_entry=True,
        ),
        Kind(
            name="slow-commit",
            letter="T",
            summary="each write waits before its COMMIT",
            lasting=True,
            asks="slow-commit",
        ),
        Kind(
            name="kill-holder",
            letter="K",
            summary="an entry is forgotten, and the process that recomputes it is killed",
            asks="forget",
            of_entry=True,
        ),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Disturbance:
    """One disturbance of a profile. ``at`` and ``lasts`` are shares of the window."""

    kind: str
    at: float
    lasts: float = 0.0
    factor: int = 10
    """slow-origin: how many times the work of a recompute."""
    entry: str | None = None
    """unseen-write: the logical entry whose rows change; kill-holder: the one whose recompute is killed."""
    pause_ms: int = 300
    """slow-commit: how long a write waits before its COMMIT."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UsageError(f"disturbance {self.kind!r}: unknown; there are {', '.join(KINDS)}")
        if not (self.at >= JITTER and self.lasts >= 0 and self.at + self.lasts <= 1 - JITTER):
            raise UsageError(f"disturbance {self.kind}: at {self.at:g} for {self.lasts:g} is not inside the window")
        if KINDS[self.kind].lasting != (self.lasts > 0):
            wanted = "needs lasts" if KINDS[self.kind].lasting else "is momentary, so lasts must be 0"
            raise UsageError(f"disturbance {self.kind}: {wanted}")
        if KINDS[self.kind].of_entry != (self.entry is not None):
            needy = " and ".join(kind.name for kind in KINDS.values() if kind.of_entry)
            raise UsageError(f"disturbance {self.kind}: entry is for {needy}, which need one")
        if self.factor < 2:
            raise UsageError(f"disturbance {self.kind}: factor {self.factor} changes nothing; use 2 or more")
        if self.pause_ms < 1:
            raise UsageError(f"disturbance {self.kind}: a pause of {self.pause_ms} ms changes nothing; use 1 or more")

    @property
    def until(self) -> float:
        """Where it ends, as a share of the window."""
        return self.at + self.lasts


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A disturbance of one round. Seconds from the window's start; ``end_s`` is None for a momentary one."""

    kind: str
    begin_s: float
    end_s: float | None
    factor: int
    entry: str | None
    seed: int
    """Decides which values an unseen write puts into its rows."""
    pause_ms: int = 300


def check_apart(disturbances: Sequence[Disturbance]) -> None:
    """Refuse disturbances that overlap: what is seen after one of them must be its own effect.

    Raises:
        UsageError: two of them do, or stand in the wrong order.
    """
    for one, other in pairwise(disturbances):
        if other.at < one.until + 2 * JITTER:
            raise UsageError(
                f"disturbances {one.kind} and {other.kind}: the second begins at {other.at:g} of the window, too early"
                f" after {one.until:g}; list them in order and at least {2 * JITTER:g} apart"
            )
