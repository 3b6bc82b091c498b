"""Writes of one kind: what is posted where, how many cached entries it makes out of date, and when."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

import numpy as np

from rig.model import UsageError

_DRAWN = re.compile(r"\{(\d+)-(\d+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteGroup:
    """``count`` writes: spread evenly over the window, or a burst that begins at the share ``at`` of it."""

    path: str
    """Of the POST."""
    fields: Mapping[str, str]
    """Field -> value; ``{1500-9000}`` in a value stands for a whole number drawn from there."""
    dependents: int
    """K: cached entries one of these writes makes out of date; checked against what the target declares."""
    count: int
    hot: bool = True
    """Whether the profile's hot entry is one of them."""
    at: float | None = None
    within_s: float = 1.0
    """Length of a burst."""

    def __post_init__(self) -> None:
        if self.at is not None and not 0 < self.at < 1:
            raise UsageError(f"writes to {self.path}: at {self.at:g} is not a share of the window between 0 and 1")
        if self.count < 0 or self.within_s <= 0:
            raise UsageError(f"writes to {self.path}: {self.count} within {self.within_s:g} s cannot be scheduled")

    def form(self, rng: np.random.Generator) -> str:
        """The URL-encoded body of one write."""

        def draw(found: re.Match[str]) -> str:
            return str(int(rng.integers(int(found[1]), int(found[2]) + 1)))

        return urlencode({name: _DRAWN.sub(draw, value) for name, value in self.fields.items()})
