"""The course of a gate: warm-up, the family fixed, then launch after launch until it can be told."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from rig.gate.blocks import Launch
from rig.gate.errors import error_faults
from rig.gate.family import asked_for, measure, rule, unjudged
from rig.gate.harrell_davis import Visit
from rig.gate.live.plan import GatePlan, Say
from rig.gate.live.taken import as_launch, facts_of, stampedes_of, visits_of
from rig.gate.live.visits import cycles_that_fit, planned_visits
from rig.gate.metrics import GateMetric, Quantity
from rig.gate.outcome import Design, LaunchFacts, MetStampede
from rig.gate.sequential import Looks
from rig.gate.supply import Ruling, Standing
from rig.gate.verdict import GateVerdict, Verdict, goes_on, judge
from rig.measure.gate.arms import ARMS, Arms
from rig.measure.gate.launch import Launched, launch
from rig.measure.load.fleet_client import FleetClient
from rig.model import InfrastructureError

BLOCKS = 2
"""Kept in a launch."""
WARM_UP_BLOCKS = 1
WARM_UP_CYCLES = 2
"""Of each page."""
LEAST_LAUNCHES, MOST_LAUNCHES = 8, 12
LIMIT_S = 235.0
"""No launch is begun that would end after it, unless fewer than the least were measured."""
FIRST_IS_SLOWER = 0.85
"""Of what the first launch takes beside its traffic the others take: files lie in memory then."""
MOST_SPOILED = 3
"""With more launches to measure again the machine is too busy to tell anything."""


def stampede_reason(verdict: GateVerdict, met: Sequence[MetStampede]) -> list[str]:
    """Where the peaks failed: the candidate's worst stampede, by name."""
    failed = any(
        one.metric.quantity is Quantity.STAMPEDE_PEAK and one.verdict is Verdict.FAIL for one in verdict.metrics
    )
    worst = max((one for one in met if one.arm == ARMS[1]), key=lambda one: one.peak, default=None)
    if not failed or worst is None:
        return []
    return [
        f"the candidate's worst stampede: {worst.peak} recomputes of {worst.entry} at once for"
        f" {worst.duration_s:.2f} s, cause {worst.cause}, in launch {worst.launch}"
    ]


@dataclass(kw_only=True)
class Course:
    """One gate under way. ``faults``: why the arms can't be compared; ``facts``: of each launch, spoiled ones too."""

    plan: GatePlan
    arms: Arms
    fleet: FleetClient
    run_dir: Path
    say: Say
    looks: Looks = field(default_factory=Looks)
    pages: tuple[str, ...] = ()
    cycles: int = 0
    rulings: Mapping[GateMetric, Ruling] = field(default_factory=dict)
    launches: list[Launch] = field(default_factory=list)
    visits: list[Visit] = field(default_factory=list)
    stampedes: list[MetStampede] = field(default_factory=list)
    facts: list[LaunchFacts] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    _began_s: float = field(default_factory=time.monotonic)
    _launch_s: float = 0.0

    def run(self) -> GateVerdict:
        """Measure until it can be told, or time is up."""
        try:
            self._warm_up()
            verdict = self._verdict()
            while goes_on(verdict, self.looks) and self._has_time():
                self._next_launch()
                verdict = self._verdict()
                self.say(f"launch {len(self.launches)} of at most {self.looks.last}: {verdict.verdict}")
        except InfrastructureError as error:
            # What is lost in the middle of a gate (an arm that no longer starts) is a finding about it.
            self.faults.append(str(error))
            verdict = self._verdict()
        reasons = [*verdict.reasons, *stampede_reason(verdict, self.stampedes)]
        if goes_on(verdict, self.looks):
            reasons.insert(0, f"time is up after {self._seconds:.0f} s")
        return replace(verdict, reasons=tuple(reasons))

    def design(self) -> Design:
        """How it was measured."""
        traffic = self.plan.traffic
        return Design(
            rate_rps=traffic.rate_rps,
            head_s=traffic.head_s,
            block_s=traffic.block_s,
            blocks_a_launch=BLOCKS,
            first_look=self.looks.first,
            last_look=self.looks.last,
            paths=traffic.paths,
            pages=self.pages,
            relaunched=self.plan.relaunched,
            strategy=traffic.strategy,
            seed=traffic.seed,
        )

    @property
    def _seconds(self) -> float:
        return time.monotonic() - self._began_s

    def _warm_up(self) -> None:
        """Nothing of it is judged but counts: what both arms supply, how many visits fit, how long a launch takes."""
        traffic, pages = self.plan.traffic, self.plan.pages
        self.say("warm-up: both arms start")
        found = self._launch(0, WARM_UP_BLOCKS, len(pages) * WARM_UP_CYCLES, pages)
        self.facts.append(facts_of(found))
        self.faults += found.faults
        as_measured = as_launch(found, traffic)
        self.faults += error_faults([as_measured])
        self.cycles = cycles_that_fit(found.visits, traffic.head_s)
        self.pages = pages[: self.cycles]
        ruled = rule(self.plan.settings, pages, as_measured, visits_of(found))
        visited = {metric: self._if_visited(metric, ruling, found) for metric, ruling in ruled.items()}
        self.rulings = asked_for(visited)
        ending_s = FIRST_IS_SLOWER * (self._seconds - found.window_s)
        self._launch_s = traffic.spec(1, BLOCKS).window_s + ending_s
        fit = int((LIMIT_S - self._seconds) / self._launch_s)
        self.looks = Looks(last=max(LEAST_LAUNCHES, min(MOST_LAUNCHES, fit)))

    def _if_visited(self, metric: GateMetric, ruling: Ruling, found: Launched) -> Ruling:
        """What both arms supply must be compared: a page that visits take too long for makes the gate invalid."""
        if metric.quantity is not Quantity.LCP or metric.page in self.pages or ruling.standing is Standing.INVALID:
            return ruling
        if metric.page is None:
            return replace(ruling, reason=f"{metric.name}: no page is visited")
        head_s, place = self.plan.traffic.head_s, self.plan.pages.index(metric.page)
        if cycles_that_fit(found.visits, head_s, ARMS.index("baseline")) > place:
            reason = f"{metric.name}: visits of the candidate take too long to be repeated, the baseline's do not"
            return Ruling(standing=Standing.INVALID, reason=reason)
        reason = (
            f"{metric.name}: visits take too long to be repeated in each launch; name fewer pages in target.pages,"
            " or compare none with --no-pages"
        )
        return Ruling(standing=Standing.INVALID, reason=reason)

    def _next_launch(self) -> None:
        """The next launch that counts."""
        number = len(self.launches) + 1
        while True:
            began_s = time.monotonic()
            found = self._launch(number, BLOCKS, self.cycles, self.pages)
            self._launch_s = time.monotonic() - began_s
            self.faults += [f"launch {number}: {fault}" for fault in found.faults]
            spoiled = found.spoiled
            self.facts.append(facts_of(found, spoiled))
            if self.faults or not spoiled:
                break
            self._put_aside(number)
            if self._spoiled > MOST_SPOILED:
                self.faults.append(f"{self._spoiled} launches were disturbed, the last by: {'; '.join(spoiled)}")
                return
            self.say(f"launch {number} is measured again: {'; '.join(spoiled)}")
        # The warm-up's visits were slower. How long they take favours nobody: each cycle holds both arms.
        self.cycles = max(len(self.pages), cycles_that_fit(found.visits, self.plan.traffic.head_s))
        self.launches.append(as_launch(found, self.plan.traffic))
        self.visits += visits_of(found)
        self.stampedes += stampedes_of(found)

    def _launch(self, number: int, blocks: int, cycles: int, pages: Sequence[str]) -> Launched:
        visits = planned_visits(pages, cycles, number)
        return launch(
            self.arms, self.fleet, self.plan.traffic, self.run_dir, number=number, blocks=blocks, visits=visits
        )

    @property
    def _spoiled(self) -> int:
        return sum(bool(one.spoiled) for one in self.facts)

    def _put_aside(self, number: int) -> None:
        """Its samples are kept, where nothing takes them for a launch's."""
        for name in ARMS:
            folder = self.run_dir / "spoiled" / f"{self._spoiled}-{name}"
            folder.parent.mkdir(exist_ok=True)
            (self.run_dir / "trials" / f"{number}-{name}").rename(folder)

    def _has_time(self) -> bool:
        return len(self.launches) < LEAST_LAUNCHES or self._seconds + self._launch_s <= LIMIT_S

    def _verdict(self) -> GateVerdict:
        if not self.launches:
            return unjudged(self.rulings, self.faults, seconds=self._seconds)
        found = measure(self.rulings, self.launches, self.visits, relaunched=self.plan.relaunched)
        return judge(
            found,
            self.launches,
            looks=self.looks,
            rulings=self.rulings,
            faults=self.faults,
            seconds=self._seconds,
        )
