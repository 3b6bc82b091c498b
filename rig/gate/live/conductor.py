"""A gate from what was asked for to its run directory: everything started, measured, judged, ended, written down."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from rig.gate.live.checks import checks
from rig.gate.live.course import Course
from rig.gate.live.plan import GateOptions, GatePlan, Say, plan_gate
from rig.gate.outcome import Outcome
from rig.journal import RunDir, recorded, write_json
from rig.measure.load.fleet_client import FleetClient
from rig.measure.services.browser import find_browser
from rig.measure.single import LOCUSTFILE
from rig.plan.environment import cpus, fingerprint, pinning


def gate(options: GateOptions, folder: Path, parent: Path, say: Say, *, again: str = "rig gate") -> Outcome:
    """Plan, measure and judge what was asked for in ``folder``.

    Raises:
        UsageError: it can't be gated.
        InfrastructureError: a build could not be set up, or there is no browser.
    """
    return conduct(plan_gate(options, folder, say), parent, say, commands={"again": again})


def conduct(plan: GatePlan, parent: Path, say: Say, *, commands: Mapping[str, str] | None = None) -> Outcome:
    """Measure and judge; a run directory below ``parent`` holds all samples and ``gate.json``.

    Raises:
        InfrastructureError: a build could not be set up, or there is no browser.
    """
    browser = find_browser() if plan.pages else None
    directory = RunDir.create(parent, "gate", _manifest(plan))
    logs = directory.path / "logs"
    with recorded(directory), ExitStack() as stack:
        arms = plan.arms(logs, say)
        fleet = stack.enter_context(
            FleetClient(
                LOCUSTFILE,
                logs=logs,
                browser=browser.path if browser else None,
                cpus=pinning()[1],
                # Pages are visited while both CPUs have little to do.
                browser_cpus=",".join(map(str, cpus())),
                interact=False,
            )
        )
        fleet.wait_ready()
        course = Course(plan=plan, arms=arms, fleet=fleet, run_dir=directory.path, say=say)
        verdict = course.run()
        outcome = Outcome(
            created=directory.manifest["created"],
            verdict=verdict,
            baseline=plan.baseline,
            candidate=plan.candidate,
            design=course.design(),
            stampedes=course.stampedes,
            checks=checks(verdict, course.facts, course.faults),
            launch_facts=course.facts,
            left_open=plan.left_open,
            machine={**directory.manifest["environment"], "browser": browser.version if browser else None},
            commands=commands or {},
            advisory=plan.advisory,
            run_dir=str(directory.path),
        )
        write_json(directory.path / "gate.json", outcome.to_json())
    return outcome


def _manifest(plan: GatePlan) -> Mapping[str, object]:
    pinned = dict(zip(("target", "instrument"), pinning(), strict=True))
    return {
        "kind": "gate",
        "seed": plan.traffic.seed,
        "arms": {"baseline": plan.baseline.title, "candidate": plan.candidate.title},
        "environment": {**fingerprint(), "pinned": pinned},
    }
