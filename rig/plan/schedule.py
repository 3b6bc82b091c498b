"""Schedules: what is offered when, decided before anything is sent.

A schedule follows from its spec alone: same spec, same keys and times, in any process on any machine. Every arm of
a round gets the same one (common random numbers), so that arms differ by their strategy and by nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rig.plan.curves import CURVES, Curve, at_area, curve_named, offered, rate_at
from rig.plan.disturbance import JITTER, Disturbance, Planned
from rig.plan.write_group import WriteGroup

Arrivals = Literal["poisson", "uniform"]

CONTROL_EVERY, CONTROL_LEAST = 6, 3
"""One visit to the control page for so many page visits; so many at least, where there are gaps enough."""
_COIN_STREAM = 5
"""Streams below are those of :func:`build`."""
CALM = 0.2
"""Share of the rate that keeps a target busy without filling it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleSpec:
    """All that a schedule is made from; plain data, so that it can be sent to workers and written down."""

    seed: int
    round: int
    window_s: float
    read_rate_rps: float
    reads: Mapping[str, float]
    hot_writes: int = 0
    other_writes: int = 0
    hot_form: str | None = None
    other_forms: tuple[str, ...] = ()
    visits: int = 0
    visit_paths: Mapping[str, float]
    quiet_head_s: float = 1.0
    """No write before this instant: the window begins calm."""
    quiet_tail_s: float = 4.0
    """No write and no new visit after window − this: what they cause ends inside the window."""
    arrivals: Arrivals = "poisson"
    curve: str = "steady"
    """How the read rate moves over the window; ``read_rate_rps`` is its factor 1."""
    calm_head_s: float = 0.0
    """Until this instant the rate is :data:`CALM` of the curve's."""
    write_groups: tuple[WriteGroup, ...] = ()
    disturbances: tuple[Disturbance, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain data; the inverse of :func:`spec_from`."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        fields |= {"reads": dict(self.reads), "visit_paths": dict(self.visit_paths)}
        fields |= {name: [asdict(one) for one in fields[name]] for name in ("write_groups", "disturbances")}
        return {**fields, "other_forms": list(self.other_forms)}


def spec_from(data: Mapping[str, Any]) -> ScheduleSpec:
    """A spec from plain data."""
    groups = tuple(WriteGroup(**one) for one in data["write_groups"])
    disturbances = tuple(Disturbance(**one) for one in data["disturbances"])
    forms = tuple(data["other_forms"])
    return ScheduleSpec(**{**data, "other_forms": forms, "write_groups": groups, "disturbances": disturbances})


@dataclass(frozen=True, slots=True)
class Write:
    """One scheduled write."""

    path: str
    form: str
    """URL-encoded body."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Requests and visits of one trial, each in order of time; times are seconds from the window's start."""

    at_s: NDArray[np.float64]
    path: NDArray[np.int32]
    """Index into ``paths``; negative: −1 − index into ``writes``."""
    paths: tuple[str, ...]
    writes: tuple[Write, ...]
    visit_at_s: NDArray[np.float64]
    visit_path: tuple[str, ...]
    disturbances: tuple[Planned, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 over every key and time."""
        parts = [self.at_s.tobytes(), self.path.tobytes(), self.visit_at_s.tobytes()]
        parts += [repr((self.paths, self.writes, self.visit_path)).encode()]
        parts += [repr(self.disturbances).encode()] if self.disturbances else []
        return hashlib.sha256(b"\0".join(parts)).hexdigest()

    @property
    def control_at_s(self) -> NDArray[np.float64]:
        """When the control page is visited: in the middle of the widest gap of every six page visits.

        They follow from the visits, so every arm of a round has the same ones and no other schedule moves for them.
        """
        gaps = np.diff(self.visit_at_s)
        count = min(len(gaps), max(CONTROL_LEAST, round(len(self.visit_at_s) / CONTROL_EVERY)))
        parts = np.array_split(np.arange(len(gaps)), count) if count else []
        before = np.array([part[np.argmax(gaps[part])] for part in parts], dtype=int)
        middle: NDArray[np.float64] = self.visit_at_s[before] + gaps[before] / 2
        return middle

    def shard(self, worker: int, workers: int) -> NDArray[np.int64]:
        """Indices of the requests that worker ``worker`` of ``workers`` sends: evenly interleaved, so that each meets
        the same curve and the shards together are the schedule.
        """
        return np.arange(worker, len(self.at_s), workers)

    def side(self, seed: Sequence[int], side: int) -> NDArray[np.int64]:
        """Indices of the requests that side 0 or 1 is sent: each read goes to one of them by a seeded coin, so that
        both meet the same machine; each write goes to both, so that both hold the same data.
        """
        coin = np.random.default_rng([*seed, _COIN_STREAM]).integers(0, 2, len(self.at_s))
        return np.flatnonzero((coin == side) | (self.path < 0))


def build(spec: ScheduleSpec) -> Schedule:
    """The schedule of ``spec``. Reads, writes, visits, write groups and disturbances draw from streams of their own:
    changing one of them leaves the others as they were.
    """
    reads_rng, writes_rng, visits_rng, groups_rng, disturbances_rng = (
        np.random.default_rng([spec.seed, spec.round, stream]) for stream in range(5)
    )
    read_at = arrivals(reads_rng, spec.read_rate_rps, spec.window_s, spec.arrivals, _curve(spec))
    paths = tuple(spec.reads)
    read_path = reads_rng.choice(len(paths), size=len(read_at), p=list(spec.reads.values()))
    write_at, writes = _writes(writes_rng, spec)
    group_at, group_writes = _group_writes(groups_rng, spec)
    at_s, writes = np.concatenate([read_at, write_at, group_at]), writes + group_writes
    path = np.concatenate([read_path, -1 - np.arange(len(writes))]).astype(np.int32)
    order = np.argsort(at_s, kind="stable")
    visit_at, visit_path = _visits(visits_rng, spec)
    disturbances = _disturbances(disturbances_rng, spec)
    return Schedule(at_s[order], path[order], paths, writes, visit_at, visit_path, disturbances)


def _curve(spec: ScheduleSpec) -> Curve:
    """The spec's curve, its head calmed."""
    curve = curve_named(spec.curve)
    if not spec.calm_head_s:
        return curve
    head = min(1.0, spec.calm_head_s / spec.window_s)
    jump = rate_at(curve, [head])[0]
    calm = [(at, CALM * factor) for at, factor in curve if at < head]
    return (*calm, (head, CALM * jump), (head, jump), *((at, factor) for at, factor in curve if at > head))


def arrivals(
    rng: np.random.Generator, rate_rps: float, window_s: float, kind: Arrivals, curve: Curve = CURVES["steady"]
) -> NDArray[np.float64]:
    """Arrival times in [0, window) under ``curve``: Poisson, or evenly spread starting at 0."""
    if rate_rps <= 0:
        return np.empty(0)
    total = offered(curve, rate_rps, window_s)
    if kind == "uniform":
        area = np.arange(round(total), dtype=float)
    else:
        # Given their number, arrivals of a Poisson process are independent, and uniform in the area under its rate.
        area = np.sort(rng.uniform(0, total, rng.poisson(total)))
    return at_area(curve, rate_rps, window_s, area)


def stratified(rng: np.random.Generator, count: int, begin_s: float, end_s: float) -> NDArray[np.float64]:
    """One instant in each of ``count`` equal slots, so that their number is certain and their spread is even."""
    if count == 0:
        return np.empty(0)
    slot = (end_s - begin_s) / count
    return begin_s + (np.arange(count) + rng.uniform(0, 1, count)) * slot


def _writes(rng: np.random.Generator, spec: ScheduleSpec) -> tuple[NDArray[np.float64], tuple[Write, ...]]:
    count = spec.hot_writes + spec.other_writes
    at = stratified(rng, count, spec.quiet_head_s, spec.window_s - spec.quiet_tail_s)
    is_hot = rng.permutation([True] * spec.hot_writes + [False] * spec.other_writes)
    writes = []
    for hot in is_hot:
        form = spec.hot_form if hot else spec.other_forms[int(rng.integers(len(spec.other_forms)))]
        price, stock = int(rng.integers(1500, 9000)), int(rng.integers(1, 40))
        writes.append(Write(str(form), f"price_cents={price}&stock={stock}"))
    return at, tuple(writes)


def _group_writes(rng: np.random.Generator, spec: ScheduleSpec) -> tuple[NDArray[np.float64], tuple[Write, ...]]:
    at: list[NDArray[np.float64]] = [np.empty(0)]
    writes: list[Write] = []
    for group in spec.write_groups:
        begin_s, end_s = spec.quiet_head_s, spec.window_s - spec.quiet_tail_s
        if group.at is not None:
            begin_s = group.at * spec.window_s
            end_s = min(begin_s + group.within_s, spec.window_s)
        at.append(stratified(rng, group.count, begin_s, end_s))
        writes += [Write(group.path, group.form(rng)) for _ in range(group.count)]
    return np.concatenate(at), tuple(writes)


def _disturbances(rng: np.random.Generator, spec: ScheduleSpec) -> tuple[Planned, ...]:
    found = []
    for one in spec.disturbances:
        begin_s = (one.at + float(rng.uniform(-JITTER, JITTER))) * spec.window_s
        end_s = begin_s + one.lasts * spec.window_s if one.lasts else None
        seed = int(rng.integers(2**31))
        planned = Planned(
            kind=one.kind,
            begin_s=begin_s,
            end_s=end_s,
            factor=one.factor,
            entry=one.entry,
            seed=seed,
            pause_ms=one.pause_ms,
        )
        found.append(planned)
    return tuple(found)


def _visits(rng: np.random.Generator, spec: ScheduleSpec) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    at = stratified(rng, spec.visits, 0.2, spec.window_s - spec.quiet_tail_s)
    names = list(spec.visit_paths)
    if not spec.visits:
        return at, ()
    picks = rng.choice(len(names), size=spec.visits, p=list(spec.visit_paths.values()))
    return at, tuple(names[int(pick)] for pick in picks)
