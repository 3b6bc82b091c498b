"""One launch: both arms started, compared, visited while it is calm, put under load, ended."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pandas as pd

from rig.analysis.stampede import Stampede, recomputes, stampedes
from rig.journal import SealedTrial, TrialDir, stream_batches
from rig.measure.gate.answers import differences, drifted
from rig.measure.gate.arms import ARMS, Arm, Arms
from rig.measure.gate.machine import Use, Watch, used_s
from rig.measure.gate.written import unwritten
from rig.measure.load.fleet_client import FleetClient
from rig.measure.load.order import PairOrder, PlannedVisit, TrialOrder
from rig.measure.soundness import marks
from rig.model import Mark, TrialId
from rig.plan.schedule import ScheduleSpec
from rig.plan.target import Content, TargetWrite
from rig.plan.write_group import WriteGroup

TIMEOUT_S = 10.0
ENDED_S = 1.0
"""Until it shows that a server which no longer answers has ended."""
_SPOILED = (Mark.LATE_GENERATOR,)
"""Marks after which a launch is measured again; the others say that the gate itself is broken."""
VISITS_FROM = 0.04
"""Share of the head in which the arms settle before the first visit."""
CALM_UNTIL = 0.94
"""The last part of the head has the full rate already, so that the first kept block doesn't begin with a jump."""
TAIL = 0.1
"""Of a block, behind the last: the write comes there. Recomputes slow hits down, by how much is luck; among kept blocks
they would hide everything else in p95 and p99."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What every launch is offered: a calm head with page visits, some blocks, a write."""

    seed: int
    rate_rps: float
    paths: Mapping[str, float]
    block_s: float
    head_s: float
    write: TargetWrite | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    strategy: str | None = None
    content: Content = "same"

    def spec(self, number: int, blocks: int) -> ScheduleSpec:
        """The schedule of launch ``number``, both arms' requests together."""
        groups: tuple[WriteGroup, ...] = ()
        kept_s = window_s = self.head_s + self.block_s * blocks
        if self.write is not None:
            fields = dict(parse_qsl(self.write.form, keep_blank_values=True))
            window_s += TAIL * self.block_s
            groups = (
                WriteGroup(
                    path=self.write.path, fields=fields, dependents=1, count=1, at=kept_s / window_s, within_s=0.05
                ),
            )
        return ScheduleSpec(
            seed=self.seed,
            round=number,
            window_s=window_s,
            read_rate_rps=self.rate_rps,
            reads=self.paths,
            visit_paths={},
            # Bursts meet the arms unequally, by a coin: what queues in them is luck, and hides what a build changed.
            arrivals="uniform",
            calm_head_s=CALM_UNTIL * self.head_s,
            write_groups=groups,
        )

    @property
    def all_headers(self) -> dict[str, str]:
        """On every request; page visits have the browser's own besides."""
        return {"User-Agent": "rig", "Accept": "*/*", **self.page_headers}

    @property
    def page_headers(self) -> dict[str, str]:
        """On every page visit."""
        return {**self.headers, **({"X-Cache-Strategy": self.strategy} if self.strategy else {})}


@dataclass(frozen=True, slots=True, kw_only=True)
class Launched:
    """What a launch brought. Frames, peaks and stampedes are baseline's and candidate's.

    ``spoiled``: why it should be measured again, whatever it shows. ``faults``: why the arms can't be compared.
    """

    number: int
    start_s: float
    window_s: float
    requests: tuple[pd.DataFrame, pd.DataFrame]
    peaks: tuple[int | None, int | None]
    stampedes: tuple[Sequence[Stampede], Sequence[Stampede]]
    visits: Sequence[Mapping[str, Any]]
    use: Use
    spoiled: Sequence[str] = ()
    faults: Sequence[str] = ()


def launch(
    arms: Arms,
    fleet: FleetClient,
    traffic: Traffic,
    folder: Path,
    *,
    number: int,
    blocks: int,
    visits: Sequence[PlannedVisit] = (),
) -> Launched:
    """Measure launch ``number``; its samples are kept under ``folder``, one trial an arm.

    Raises:
        InfrastructureError: an arm could not be started, or the fleet ended.
    """
    paths = list(dict.fromkeys([*traffic.paths, *(visit.path for visit in visits)]))
    with arms.launch(number) as pair:
        urls = (pair[0].url, pair[1].url)
        # Also warms each page: what follows meets no cold cache.
        faults = list(differences(urls, paths, traffic.all_headers, traffic.content))
        for arm in pair:
            arm.pin()
        folders = [TrialDir(folder / "trials" / f"{number}-{name}") for name in ARMS]
        for one in folders:
            one.path.mkdir(parents=True)
        cpu_s, watch = [arm.cpu_s() for arm in pair], Watch()
        order = _order(pair, traffic, folders, number, blocks, visits)
        found = fleet.run_pair(order)
        use = watch.stop(arms=used_s(cpu_s, [arm.cpu_s() for arm in pair]), fleet=list(found["cpu_s"].values()))
        faults += _fallen_apart(pair, list(drifted(urls, paths, traffic.all_headers)))
        origins = [arm.events.collect(0) if arm.events else None for arm in pair]
    kept_s = found["start_s"] + traffic.head_s
    marked = [
        # What waits where too many are open waits for the arm: to measure again would drop the launch in which it hung.
        marks(stream_batches(one.requests_stream), side, 0, in_flight=asked.in_flight, since_s=kept_s)
        for one, side, asked in zip(folders, found["sides"], order.sides, strict=True)
    ]
    times = {name: found[name] for name in ("start_s", "end_s")}
    facts = {"round": number, **times, "head_s": traffic.head_s, "block_s": traffic.block_s}
    for name, one, side, origin, why in zip(ARMS, folders, found["sides"], origins, marked, strict=True):
        one.seal(origin or [], {**facts, "arm": name, "marks": why, "requests": side["requests"]})
    trials = [
        SealedTrial(TrialId(round=number, arm=name), {}, one.path) for name, one in zip(ARMS, folders, strict=True)
    ]
    seen = [_recomputed(trial, origin, found["start_s"]) for trial, origin in zip(trials, origins, strict=True)]
    requests = (trials[0].frame("requests"), trials[1].frame("requests"))
    if traffic.write is not None:
        faults += unwritten(traffic.write.path, requests, origins, ARMS)
    return Launched(
        number=number,
        start_s=found["start_s"],
        window_s=traffic.spec(number, blocks).window_s,
        requests=requests,
        peaks=(seen[0][0], seen[1][0]),
        stampedes=(seen[0][1], seen[1][1]),
        visits=found["visits"],
        use=use,
        spoiled=[*use.spoils(), *dict.fromkeys(str(mark) for why in marked for mark in why if mark in _SPOILED)],
        faults=[
            *faults,
            *(
                f"{name}: {mark}"
                for name, why in zip(ARMS, marked, strict=True)
                for mark in why
                if mark not in _SPOILED
            ),
        ],
    )


def _fallen_apart(pair: Sequence[Arm], found: Sequence[str]) -> Sequence[str]:
    """Why the arms can't be compared any more; that a server ended says more than that it does not answer."""
    deadline_s = time.monotonic() + ENDED_S
    while not (dead := [said for arm in pair if (said := arm.ended())]) and found and time.monotonic() < deadline_s:
        time.sleep(0.02)
    return dead or found


def _order(
    pair: tuple[Arm, Arm],
    traffic: Traffic,
    folders: Sequence[TrialDir],
    number: int,
    blocks: int,
    visits: Sequence[PlannedVisit],
) -> PairOrder:
    spec = traffic.spec(number, blocks)
    first, second = (
        TrialOrder(
            url=arm.url,
            strategy=traffic.strategy,
            spec=spec,
            headers=traffic.all_headers,
            write_headers=arm.headers,
            requests_path=str(one.requests_stream),
            pages_path=str(one.pages_lines),
            timeout_s=TIMEOUT_S,
            side=0 if arm.name == ARMS[0] else 1,
        )
        for arm, one in zip(pair, folders, strict=True)
    )
    return PairOrder(
        sides=(first, second),
        visits=tuple(visits),
        visits_from_s=VISITS_FROM * traffic.head_s,
        visits_until_s=CALM_UNTIL * traffic.head_s,
        visit_headers=traffic.page_headers,
    )


def _recomputed(trial: SealedTrial, origin: list[Any] | None, since_s: float) -> tuple[int | None, Sequence[Stampede]]:
    """Most recomputes of one entry open at once, and the stampedes, of those begun from ``since_s`` on; None where the
    arm wrote no events at all.
    """
    if not origin:
        return None, ()
    found = recomputes(trial.frame("origin"))
    found = found[found["begin_s"] >= since_s]
    if found.empty:
        return 0, ()
    met = stampedes(found)
    return max((one.peak for one in met), default=1), met
