"""How each kind of disturbance is carried out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rig.measure.holder import kill_holder
from rig.measure.services.cache_server import CacheServer
from rig.measure.services.process import Service
from rig.measure.target import Target
from rig.plan.disturbance import Planned


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What disturbances are carried out with, for one trial."""

    target: Target
    strategy: str
    cache: CacheServer
    app: Service | None
    """None where somebody else has started it; then nothing that kills is planned."""
    events: Path
    """Folder of the target's event files."""


class Deed(Protocol):
    """How one kind is carried out. Each returns the ``CLOCK_MONOTONIC`` second since which it was so."""

    def begin(self) -> float:
        """Bring it about."""

    def end(self) -> float:
        """Undo it; does no harm where it has been undone."""


@dataclass(frozen=True, slots=True)
class Flush:
    """FLUSHDB, as an operator's mistake or a failover to an empty replica would."""

    cache: CacheServer

    def begin(self) -> float:
        """Empty the cache."""
        self.cache.flush()
        return time.monotonic()

    def end(self) -> float:
        """Nothing to undo: the target fills the cache again."""
        return time.monotonic()


@dataclass(frozen=True, slots=True)
class CacheOutage:
    """SIGKILL, and a new server on the same socket: all keys are lost."""

    cache: CacheServer

    def begin(self) -> float:
        """Kill the server."""
        self.cache.kill()
        return time.monotonic()

    def end(self) -> float:
        """Start it again; returns when it answers."""
        self.cache.restart()
        return time.monotonic()


@dataclass(frozen=True, slots=True)
class SlowOrigin:
    """Every recompute of the target does its work several times."""

    target: Target
    strategy: str
    factor: int

    def begin(self) -> float:
        """Slow it down."""
        return self.target.disturb("slow-origin", self.strategy, factor=self.factor)

    def end(self) -> float:
        """Back to its own speed."""
        return self.target.disturb("slow-origin", self.strategy, factor=1)


@dataclass(frozen=True, slots=True)
class SlowCommit:
    """Every write of the target waits before its COMMIT, with its locks held."""

    target: Target
    strategy: str
    pause_ms: int

    def begin(self) -> float:
        """Slow them down."""
        return self.target.disturb("slow-commit", self.strategy, pause_ms=self.pause_ms)

    def end(self) -> float:
        """Back to their own speed."""
        return self.target.disturb("slow-commit", self.strategy, pause_ms=0)


@dataclass(frozen=True, slots=True)
class UnseenWrite:
    """Rows behind an entry change, and nobody tells the cache."""

    target: Target
    strategy: str
    entry: str
    seed: int

    def begin(self) -> float:
        """Change them."""
        return self.target.disturb("unseen-write", self.strategy, entry=self.entry, seed=self.seed)

    def end(self) -> float:
        """What is written stays written."""
        return time.monotonic()


@dataclass(frozen=True, slots=True)
class KillHolder:
    """An entry is forgotten; of those who then recompute it, the first one's process is killed with SIGKILL."""

    means: Means
    entry: str

    def begin(self) -> float:
        """Forget and kill. Since the forgetting it is so: the kill follows with the next read of the entry."""
        assert self.means.app is not None
        return kill_holder(
            self.entry,
            self.means.events,
            self.means.app,
            forget=lambda: self.means.target.disturb("forget", self.means.strategy, entry=self.entry),
        )

    def end(self) -> float:
        """The target's own master process starts another."""
        return time.monotonic()


DEEDS: dict[str, Callable[[Planned, Means], Deed]] = {
    "flush": lambda one, means: Flush(means.cache),
    "cache-outage": lambda one, means: CacheOutage(means.cache),
    "slow-origin": lambda one, means: SlowOrigin(means.target, means.strategy, one.factor),
    "slow-commit": lambda one, means: SlowCommit(means.target, means.strategy, one.pause_ms),
    "unseen-write": lambda one, means: UnseenWrite(means.target, means.strategy, one.entry or "", one.seed),
    "kill-holder": lambda one, means: KillHolder(means, one.entry or ""),
}
"""How each kind of :data:`rig.plan.disturbance.KINDS` is carried out."""
