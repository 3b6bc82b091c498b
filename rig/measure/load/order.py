"""What the conductor asks the fleet for: plain data on the wire, no Locust and no gevent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from rig.plan.schedule import ScheduleSpec, spec_from

DRAIN_S = 20.0
"""How long after the window a begun request may go on; then it failed, cause 'drain'."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialOrder:
    """What the conductor asks the fleet for; one trial."""

    url: str
    strategy: str | None
    spec: ScheduleSpec
    headers: Mapping[str, str] = field(default_factory=dict)
    """On every request and page visit."""
    write_headers: Mapping[str, str] = field(default_factory=dict)
    requests_path: str | None = None
    pages_path: str | None = None
    control_url: str | None = None
    """The control page, visited in between; None: there is none."""
    pictures: str | None = None
    """Folder for pictures of the slowest visits: ``<run>/trials/<trial>/<folder>``; they are named from the run."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """For whoever watches: round, arm, number and of how many."""
    in_flight: int = 512
    at_cap: Literal["queue", "drop"] = "queue"
    timeout_s: float = 30.0
    worker: int = 0
    workers: int = 1
    """Which share of the schedule is sent: every ``workers``-th request, beginning at ``worker``."""
    side: Literal[0, 1] | None = None
    """Or one side of a pair: the reads a coin gives it, and all writes."""

    def as_dict(self) -> dict[str, Any]:
        """Plain data; the inverse of :func:`order_from`."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**fields, "spec": self.spec.as_dict()}


def order_from(data: Mapping[str, Any]) -> TrialOrder:
    """An order from plain data."""
    return TrialOrder(**{**data, "spec": spec_from(data["spec"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedVisit:
    """One page visit of a pair: which side's page, in which cycle."""

    side: int
    path: str
    cycle: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PairOrder:
    """Two targets at once under one schedule: orders of side 0 and 1 with the same spec, and page visits."""

    sides: tuple[TrialOrder, TrialOrder]
    visits: tuple[PlannedVisit, ...] = ()
    """In this order, one after the other."""
    visits_from_s: float = 0.0
    visits_until_s: float = 0.0
    """No visit begins after it."""
    visit_headers: Mapping[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain data; the inverse of :func:`pair_from`."""
        return {
            "sides": [side.as_dict() for side in self.sides],
            "visits": [asdict(visit) for visit in self.visits],
            "visits_from_s": self.visits_from_s,
            "visits_until_s": self.visits_until_s,
            "visit_headers": dict(self.visit_headers),
        }


def pair_from(data: Mapping[str, Any]) -> PairOrder:
    """A pair from plain data."""
    first, second = map(order_from, data["sides"])
    return PairOrder(
        sides=(first, second),
        visits=tuple(PlannedVisit(**visit) for visit in data["visits"]),
        visits_from_s=data["visits_from_s"],
        visits_until_s=data["visits_until_s"],
        visit_headers=data["visit_headers"],
    )
