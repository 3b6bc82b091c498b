"""The main job: rounds × arms, each trial reset → warm → measure → drain → settle → seal."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rig.journal import RunDir, read_json_lines, recorded, stream_batches
from rig.measure.bench import Bench, Progress, Used, bench_for
from rig.measure.deeds import Means
from rig.measure.disturbances import disturber
from rig.measure.given import given_target, refuse_what_needs_own
from rig.measure.load.fleet_client import Watching
from rig.measure.load.order import DRAIN_S, TrialOrder
from rig.measure.planning import plan_run, refuse_borrowed_cache
from rig.measure.services import app_server
from rig.measure.services.browser_place import browser_place
from rig.measure.services.cache_server import counters
from rig.measure.soundness import marks, recorded_visits
from rig.model import Mark, TrialId
from rig.plan.environment import fingerprint, pinning, told
from rig.plan.plan import Plan, RunOptions, planned_profile
from rig.plan.profile import load_profile
from rig.plan.schedule import build
from rig.plan.selftest_stamp import last_stamp

_CREW: dict[str, Any] = {"workers": 1, "lost_workers": [], "foreign_workers": []}


def run(options: RunOptions, parent: Path, progress: Progress, watching: Watching | None = None) -> Path:
    """Plan and measure a run; returns its directory, complete. ``watching``: who may look on.

    Raises:
        UsageError, InfrastructureError: nothing was measured, or the run failed; its directory says so.
        KeyboardInterrupt: interrupted; sealed trials are kept.
    """
    profile = planned_profile(options, load_profile(options.profile))
    if options.target_url:
        refuse_what_needs_own(profile)
        given_target(options.target_url)  # What is missing is said before anything starts.
    refuse_borrowed_cache(profile)
    browser = browser_place() if options.visits else None
    if options.target_url is None:
        progress.step("shop data")
        app_server.prepare_data(progress.step)
    facts = fingerprint()
    environment = {**facts, "selftest": last_stamp(facts)}
    directory = RunDir.create(parent, profile.name, {"seed": options.seed, "environment": environment})
    with recorded(directory), ExitStack() as stack:
        own = "" if options.target_url else "cache server, shop, "
        progress.step(f"{own}Locust{' and browser' if browser else ''} start")
        bench = stack.enter_context(bench_for(directory, options, browser, watching or Watching(), progress))
        progress.step("time of one recompute, measured")
        began_wall_s = time.time()
        plan = plan_run(options, profile, bench.target, bench.cache.url, bench.own_target)
        if options.target_url:
            given_target(options.target_url).require_events(began_wall_s)
        directory.update(
            plan=plan.as_dict(),
            reproduce=plan.reproduce,
            environment={
                **directory.manifest["environment"],
                "browser": (browser.version or bench.fleet.browser_version) if browser else None,
                "cache_server": bench.cache.version,
                **told(bench.target.identity(), facts),
                "pinned": _pinned(options),
            },
        )
        progress.planned(plan, directory.path)
        arms = [planned.arm.label for planned in plan.arms]
        bench.fleet.tell({"facts": {"profile": profile.name, "arms": arms, "hot_entry": profile.hot_entry}})
        sound: set[str] = set()
        for trial in (trial for trials in plan.order for trial in trials):
            if not _measure(bench, plan, trial, sound, progress):
                sound.add(trial.arm)
        for trial in plan.second_chances(sound):
            _measure(bench, plan, trial, sound, progress)
        progress.step("services end")
    return directory.path


def _measure(bench: Bench, plan: Plan, trial: TrialId, sound: Collection[str], progress: Progress) -> list[Mark]:
    """One trial, from reset to seal; ``sound``: arms that have a sound one. Returns why it should not count, if so."""
    arm = plan.arm(trial.arm).arm
    serving = bench.at(arm.url)
    target = serving.target
    clock = _Phases()
    progress.trial(trial, "reset", 0.0)
    with clock.phase("reset"):
        epoch = target.reset(plan.target_parameters)
        bench.events.collect(epoch - 1)  # What came late belongs to no trial.
        empty_bytes = counters(bench.cache.url).memory_bytes
        folder = bench.run.open_trial(trial)
    with clock.phase("rest"):
        at_rest_ms = bench.at_rest_ms()
    progress.trial(trial, "warm", 0.0)
    with clock.phase("warm"):
        target.seed(arm.strategy, plan.warm_shares(trial.round))
    used = Used(bench, serving.app, empty_bytes)
    order = TrialOrder(
        url=arm.url,
        strategy=arm.strategy,
        spec=plan.spec(trial.round),
        headers={"X-Cache-Strategy": arm.strategy},
        write_headers={"X-Rig-Token": target.token},
        requests_path=str(folder.requests_stream),
        pages_path=str(folder.pages_lines),
        control_url=bench.control_url,
        pictures=str(folder.pictures),
        about=_about(plan, trial),
    )
    start_wall = datetime.now(UTC)
    planned = build(order.spec).disturbances
    means = Means(
        target=target,
        strategy=arm.strategy,
        cache=bench.cache,
        app=serving.app.service if serving.app else None,
        events=bench.events.folder,
    )
    disturbing = disturber(planned, means, bench.fleet.tell)
    with clock.phase("measure"), disturbing as disturbed:
        result = bench.fleet.run(
            order, lambda at_s, _: progress.trial(trial, "measure", at_s), on_start=disturbed.start
        )
    used.stop()
    progress.trial(trial, "settle", plan.amounts.window_s)
    with clock.phase("settle"):
        if serving.app and result["drained_s"] >= result["end_s"] + DRAIN_S:
            serving.app.abandon()
        settled = target.settle(arm.strategy, plan.profile.settle_bodies, plan.options.seed + trial.round)
    progress.trial(trial, "seal", plan.amounts.window_s)
    visits = recorded_visits(read_json_lines(folder.pages_lines))
    found = marks(stream_batches(folder.requests_stream), result, visits, disturbed.facts, order.in_flight)
    origin = bench.events.collect(epoch)  # What the traced visit has computed is no longer the trial's.
    traced = not found and trial.arm not in sound
    facts = {
        "round": trial.round,
        "arm": trial.arm,
        "strategy": arm.strategy,
        "epoch": epoch,
        "start_wall": start_wall.isoformat(timespec="milliseconds"),
        **{name: result[name] for name in ("start_s", "end_s", "drained_s", "schedule_digest", "requests", "pages")},
        **{name: result.get(name, default) for name, default in _CREW.items()},
        "marks": found,
        "disturbances": disturbed.facts,
        **used.cache,
        "cpu_s": {**result["cpu_s"], **used.cpu_s},
        "settle": settled,
        "control_at_rest_ms": at_rest_ms,
        "paint": bench.fleet.trace(arm.url.rstrip("/") + plan.profile.hot_path, order.headers) if traced else None,
    }
    folder.seal(origin, {**facts, "phases_s": clock.seconds})
    return found


def _pinned(options: RunOptions) -> dict[str, str | None]:
    """CPUs of target and instrument, as far as rig has a say in them."""
    target, instrument = pinning()
    return {"target": None if options.target_url else target, "instrument": instrument}


def _about(plan: Plan, trial: TrialId) -> dict[str, Any]:
    """What those who watch are told of a trial; one measured again comes after all the others."""
    order = [planned for trials in plan.order for planned in trials]
    number = order.index(trial) + 1 if trial in order else len(order) + 1
    return {"round": trial.round, "arm": trial.arm, "number": number, "of": max(number, len(order))}


class _Phases:
    """Seconds spent in each phase of a trial."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        begin = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - begin, 3)
