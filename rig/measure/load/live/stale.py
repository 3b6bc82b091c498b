"""Reads of the trial under way that were surely out of date when they began: the report's rule, as far as known by now.

A read is judged some seconds after it began, for a write is told only when it has ended. One told later than that
proves nothing any more, so the number is a lower bound; the report has the whole of it (:mod:`rig.analysis.staleness`).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping

import numpy as np

from rig.measure.load.live.batch import Shown
from rig.model import parse_versions

PATIENCE_S = 2.0
_MOST_HELD = 1000


class LiveStale:
    """Holds what reads were shown until the writes before them are known."""

    def __init__(self) -> None:
        self.stale: int | None = None
        """How many so far; None: no read that can be judged has come."""
        self._held: deque[Shown] = deque(maxlen=_MOST_HELD)
        self._committed_s: dict[str, dict[int, float]] = {}

    def reads(self, shown: Shown) -> None:
        """Reads that have ended."""
        self._held.append(shown)

    def committed(self, at_s: float, versions: Mapping[str, int]) -> None:
        """From ``at_s`` (monotonic) on these versions were surely there."""
        for scope, version in versions.items():
            known = self._committed_s.setdefault(scope, {})
            known[version] = min(at_s, known.get(version, math.inf))

    def known_until(self, until_s: float) -> None:
        """All that the target has written by ``until_s`` is known: judge what began long enough before."""
        # A counter starts at 0 once there is something to judge; with nothing shown there never is.
        if self.stale is None and self._held:
            self.stale = 0
        while self.stale is not None and self._held and self._held[0].sent_s.max() <= until_s - PATIENCE_S:
            shown = self._held.popleft()
            since_s = np.array([self._outdated_s(text) for text in shown.texts])
            self.stale += int((shown.sent_s > since_s[shown.place]).sum())

    def _outdated_s(self, text: str) -> float:
        """Since when what shows ``text`` is surely out of date; inf: not known to be."""
        try:
            versions = parse_versions(text)
        except ValueError:
            return math.inf
        return min(
            (
                at_s
                for scope, version in versions.items()
                for newer, at_s in self._committed_s.get(scope, {}).items()
                if newer > version
            ),
            default=math.inf,
        )
