"""What the conductor asks the fleet for: plain data on the wire, no Locust and no gevent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from rig.plan.schedule import ScheduleSpec, spec_from


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

    def as_dict(self) -> dict[str, Any]:
        """Plain data; the inverse of :func:`order_from`."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**fields, "spec": self.spec.as_dict()}


def order_from(data: Mapping[str, Any]) -> TrialOrder:
    """An order from plain data."""
    return TrialOrder(**{**data, "spec": spec_from(data["spec"])})
