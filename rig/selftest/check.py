"""One known truth and what the rig measured of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A figure with the truth beside it. ``measured`` None: it could not be measured, which is a miss.

    Without a truth and bounds it is shown only: the figure is the machine's or the browser's own.
    """

    name: str
    measured: float | None
    truth: float | None
    unit: str
    low: float | None
    high: float | None
    """The least and the greatest value that count as right; the reason stands where the check is made."""

    @property
    def ok(self) -> bool:
        """Whether the measured value lies within the tolerance."""
        if self.measured is None:
            return False
        return (self.low is None or self.low <= self.measured) and (self.high is None or self.measured <= self.high)

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {**asdict(self), "ok": self.ok}


def within(name: str, measured: float | None, truth: float, unit: str, tolerance: float) -> Check:
    """A check with a relative tolerance: 0.03 is 3 % either way."""
    span = abs(truth) * tolerance
    return Check(name=name, measured=measured, truth=truth, unit=unit, low=truth - span, high=truth + span)


def exactly(name: str, measured: float | None, truth: float, unit: str = "") -> Check:
    """A check without tolerance: counts."""
    return Check(name=name, measured=measured, truth=truth, unit=unit, low=truth, high=truth)


def at_most(name: str, measured: float | None, limit: float, unit: str) -> Check:
    """A check against a limit; the truth is 0."""
    return Check(name=name, measured=measured, truth=0.0, unit=unit, low=0.0, high=limit)


def at_least(name: str, measured: float | None, limit: float, of: float, unit: str) -> Check:
    """A check of a count that should be ``of`` and may fall to ``limit``."""
    return Check(name=name, measured=measured, truth=of, unit=unit, low=limit, high=of)


def shown(name: str, measured: float | None, unit: str) -> Check:
    """A figure that has no truth; it is missed only where there is none."""
    return Check(name=name, measured=measured, truth=None, unit=unit, low=None, high=None)
