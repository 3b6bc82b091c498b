"""Durations in bins that are narrow enough for the eye, and take no more room however many there are."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

LEAST_MS, RATIO = 0.1, 1.02
BINS = math.ceil(math.log(1e6) / math.log(RATIO))
"""Up to 100 s; what is slower falls into the last."""


def bins_of(times_ms: NDArray[np.float64]) -> NDArray[np.intp]:
    """The bin of each."""
    logs = np.log(np.maximum(times_ms, LEAST_MS) / LEAST_MS) / math.log(RATIO)
    return np.minimum(logs, BINS - 1).astype(np.intp)


def middle_ms(number: int) -> float:
    """What stands for all in a bin."""
    return round(float(LEAST_MS * RATIO ** (number + 0.5)), 1)


class Times:
    """How many durations fell into each bin, and their sum."""

    def __init__(self) -> None:
        self.bins = np.zeros(BINS, np.int64)
        self.sum_ms = 0.0

    def add(self, times_ms: NDArray[np.float64]) -> None:
        """Add some."""
        self.bins += np.bincount(bins_of(times_ms), minlength=BINS)
        self.sum_ms += float(times_ms.sum())

    @property
    def count(self) -> int:
        """How many there are."""
        return int(self.bins.sum())

    def quantile_ms(self, share: float) -> float | None:
        """Within 1 %; None where there are none."""
        heaped = np.cumsum(self.bins)
        return middle_ms(int(np.searchsorted(heaped, share * heaped[-1]))) if heaped[-1] else None

    def up_to(self, edges_ms: NDArray[np.float64]) -> list[int]:
        """How many were not longer than each edge; an edge counts as the nearest between two bins, 1 % off at most."""
        heaped = np.concatenate([[0], np.cumsum(self.bins)])
        nearest = np.rint(np.log(edges_ms / LEAST_MS) / math.log(RATIO)).astype(np.intp)
        counts: list[int] = heaped[np.clip(nearest, 0, BINS)].tolist()
        return counts
