"""Everything there is to count in a trial under way, at one instant: what the exporter turns into metrics."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rig.measure.load.live.batch import Timings
from rig.measure.load.live.times import Times
from rig.model import Kind


@dataclass(slots=True)
class Counts:
    """What is counted beside the picture, batch by batch."""

    ended: Counter[str] = field(default_factory=lambda: Counter({str(kind): 0 for kind in Kind}))
    """Requests that have ended, by kind: answered, failed or dropped."""
    sent: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    caches: Counter[str] = field(default_factory=Counter)
    visits: Counter[str] = field(default_factory=Counter)
    recomputes: int = 0
    slip: Times = field(default_factory=Times)

    def requests(self, batch: Timings) -> None:
        """Add requests that have ended."""
        writes = int(batch.is_write.sum())
        self.ended.update({str(Kind.WRITE): writes, str(Kind.READ): len(batch.is_write) - writes})
        self.failures.update(batch.causes)
        self.caches.update(batch.caches)
        if batch.sent_s is not None:
            begun = ~np.isnan(batch.sent_s)
            self.sent += int(begun.sum())
            self.slip.add((batch.sent_s[begun] - batch.intended_s[begun]) * 1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """A trial at ``at_s`` (monotonic). None: not measured."""

    strategy: str
    round: int | None
    at_s: float
    running: bool
    offered: int | None
    """Requests that were due by then."""
    in_flight: int | None
    counts: Counts
    response: Times
    """Of reads, from the intended start."""
    lcp: Times
    recomputes_open: int | None
    recomputes_peak: int | None
    """The most at once in the last seconds."""
    stampedes: int | None
    stale_reads: int | None


def due_by(due_s: NDArray[np.float64] | None, at_s: float) -> int | None:
    """How many of the instants in order ``due_s`` have come by ``at_s``; None where they are not known."""
    return None if due_s is None else int(np.searchsorted(due_s, at_s, side="right"))
