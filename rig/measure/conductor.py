"""The main job: rounds × arms, each trial reset → warm → measure → drain → settle → seal."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from rig.journal import RunDir, read_json_lines, stream_batches
from rig.measure.disturbances import disturber
from rig.measure.load.fleet_client import Crewing, FleetClient, Watching
from rig.measure.load.order import TrialOrder
from rig.measure.origin_events import OriginEvents
from rig.measure.planning import plan_run, refuse_borrowed_cache
from rig.measure.services import app_server
from rig.measure.services.browser import find_browser
from rig.measure.services.cache_server import CacheServer, cache_server, commands_processed
from rig.measure.soundness import marks
from rig.measure.target import Target
from rig.model import Mark, RunStatus, TrialId
from rig.plan.environment import fingerprint, pinning
from rig.plan.plan import Plan, RunOptions, planned_profile
from rig.plan.profile import load_profile, profile_file
from rig.plan.schedule import build

PAGES_AT_ONCE = 2
"""One browser page is a closed loop: it would meet one visit of a stampede that covers several."""
MASTER_PORT = 5557
"""Locust's own."""
_SETTLE_SAMPLE = 1
_CREW: dict[str, Any] = {"workers": 1, "lost_workers": [], "foreign_workers": []}


class Progress(Protocol):
    """What the conductor tells whoever watches."""

    def step(self, text: str) -> None:
        """A step of the start-up or the end."""

    def waiting(self, command: Sequence[str] | None, wanted: int, connected: int) -> None:
        """Workers are waited for; ``command`` is what to start by hand, None where rig starts them."""

    def watched(self, address: str) -> None:
        """Locust's web UI is open."""

    def planned(self, plan: Plan, run_dir: Path) -> None:
        """The plan stands; trials begin."""

    def trial(self, trial: TrialId, phase: str, window_s: float) -> None:
        """Trial ``trial``: ``phase`` goes on, ``window_s`` seconds into its window."""


@dataclass(frozen=True, slots=True)
class _Bench:
    """Everything that runs for the length of a run."""

    run: RunDir
    target: Target
    cache: CacheServer
    app: app_server.AppServer
    fleet: FleetClient
    events: OriginEvents


def run(options: RunOptions, parent: Path, progress: Progress, ui_port: int | None = None) -> Path:
    """Plan and measure a run; returns its directory, complete. ``ui_port``: where Locust's web UI is wanted.

    Raises:
        UsageError, InfrastructureError: nothing was measured, or the run failed; its directory says so.
        KeyboardInterrupt: interrupted; sealed trials are kept.
    """
    profile = planned_profile(options, load_profile(options.profile))
    refuse_borrowed_cache(profile)
    browser = find_browser() if options.visits else None
    progress.step("shop data")
    app_server.prepare_data(progress.step)
    directory = RunDir.create(parent, profile.name, {"seed": options.seed, "environment": fingerprint()})
    with _recorded(directory), ExitStack() as stack:
        progress.step("cache server, shop, Locust and browser start")
        bench = stack.enter_context(_bench(directory, options, browser.path if browser else None, ui_port, progress))
        progress.step("time of one recompute, measured")
        plan = plan_run(options, profile, bench.target, bench.cache.url)
        directory.update(
            plan=plan.as_dict(),
            reproduce=plan.reproduce,
            environment={
                **directory.manifest["environment"],
                "browser": browser.version if browser else None,
                "cache_server": bench.cache.version,
                "pinned": dict(zip(("target", "instrument"), pinning(), strict=True)),
            },
        )
        progress.planned(plan, directory.path)
        arms = [planned.arm.label for planned in plan.arms]
        bench.fleet.tell({"facts": {"profile": profile.name, "arms": arms, "hot_entry": profile.hot_entry}})
        sound = set()
        for trial in (trial for trials in plan.order for trial in trials):
            if not _measure(bench, plan, trial, progress):
                sound.add(trial.arm)
        for trial in plan.second_chances(sound):
            _measure(bench, plan, trial, progress)
        progress.step("services end")
    return directory.path


def _measure(bench: _Bench, plan: Plan, trial: TrialId, progress: Progress) -> list[Mark]:
    """One trial, from reset to seal. Returns why it should not count, if so."""
    arm = plan.arm(trial.arm).arm
    clock = _Phases()
    progress.trial(trial, "reset", 0.0)
    with clock.phase("reset"):
        epoch = bench.target.reset(plan.target_parameters)
        bench.events.collect(epoch - 1)  # What came late belongs to no trial.
        folder = bench.run.open_trial(trial)
    progress.trial(trial, "warm", 0.0)
    with clock.phase("warm"):
        bench.target.seed(arm.strategy, plan.warm_shares(trial.round))
    used = _Used(bench)
    order = TrialOrder(
        url=arm.url,
        strategy=arm.strategy,
        spec=plan.spec(trial.round),
        headers={"X-Cache-Strategy": arm.strategy},
        write_headers={"X-Rig-Token": bench.target.token},
        requests_path=str(folder.requests_stream),
        pages_path=str(folder.pages_lines),
        about=_about(plan, trial),
    )
    start_wall = datetime.now(UTC)
    planned = build(order.spec).disturbances
    disturbing = disturber(planned, bench.target, bench.cache, arm.strategy, bench.fleet.tell)
    with clock.phase("measure"), disturbing as disturbed:
        result = bench.fleet.run(
            order, lambda at_s, _: progress.trial(trial, "measure", at_s), on_start=disturbed.start
        )
    used.stop()
    progress.trial(trial, "settle", plan.amounts.window_s)
    with clock.phase("settle"):
        settled = bench.target.settle(arm.strategy, _SETTLE_SAMPLE, plan.options.seed + trial.round)
    progress.trial(trial, "seal", plan.amounts.window_s)
    visits = sum(1 for _ in read_json_lines(folder.pages_lines))
    found = marks(stream_batches(folder.requests_stream), result, visits, disturbed.facts)
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
        "cache_commands": used.commands,
        "cpu_s": {**result["cpu_s"], **used.cpu_s},
        "settle": settled,
    }
    folder.seal(bench.events.collect(epoch), {**facts, "phases_s": clock.seconds})
    return found


def _about(plan: Plan, trial: TrialId) -> dict[str, Any]:
    """What those who watch are told of a trial; one measured again comes after all the others."""
    order = [planned for trials in plan.order for planned in trials]
    number = order.index(trial) + 1 if trial in order else len(order) + 1
    return {"round": trial.round, "arm": trial.arm, "number": number, "of": max(number, len(order))}


@contextmanager
def _bench(
    directory: RunDir, options: RunOptions, browser: Path | None, ui_port: int | None, progress: Progress
) -> Iterator[_Bench]:
    """Start everything, and end everything whatever happens."""
    target_cpus, instrument_cpus = pinning()
    logs, work = directory.path / "logs", directory.path / "work"
    events = work / "events"
    events.mkdir(parents=True)
    token = secrets.token_urlsafe(24)
    with ExitStack() as stack:
        # The fleet is the slowest to start: begun first, waited for last.
        host = options.master or "127.0.0.1"
        fleet = stack.enter_context(
            FleetClient(
                profile_file(options.profile),
                logs=logs,
                browser=browser,
                pages=PAGES_AT_ONCE,
                cpus=instrument_cpus,
                crewing=Crewing(
                    workers=options.workers or (1 if options.master else 0),
                    remote=options.master is not None,
                    bind=host,
                    port=MASTER_PORT if options.master else 0,
                ),
                ui=None if ui_port is None else Watching(ui_port, events),
            )
        )
        cache = stack.enter_context(cache_server(logs, target_cpus))
        env = {
            "RIG_MEASURE": "1",
            "RIG_TOKEN": token,
            "RIG_EVENT_DIR": str(events),
            "RIG_REDIS_URL": cache.url,
        }
        if app_server.database_name() == "sqlite":
            app_server.copy_database(work / "shop.sqlite3")
            env["SHOP_DB"] = str(work / "shop.sqlite3")
        env["DJANGO_ALLOWED_HOSTS"] = f"127.0.0.1,localhost,{host}"
        port = app_server.free_port(host)
        app = stack.enter_context(app_server.app_server(host=host, port=port, env=env, logs=logs, cpus=target_cpus))
        fleet.wait_ready(lambda waiting: progress.waiting(waiting["command"], waiting["wanted"], waiting["connected"]))
        if fleet.address:
            progress.watched(fleet.address)
        yield _Bench(directory, Target(app.url, token), cache, app, fleet, OriginEvents(events))
    app_server.remove_work(work)


@contextmanager
def _recorded(directory: RunDir) -> Iterator[None]:
    """The manifest says how the run ended, however it ends."""
    try:
        yield
    except KeyboardInterrupt:
        directory.finish(RunStatus.INTERRUPTED)
        raise
    except BaseException as error:
        directory.update(error=f"{error}")
        directory.finish(RunStatus.FAILED)
        raise
    directory.finish(RunStatus.COMPLETE)


class _Used:
    """What a trial cost the target: processor seconds, and commands of the cache server.

    Null across a restart of the cache server: its counters began anew, and what it did before it was killed is lost.
    """

    def __init__(self, bench: _Bench) -> None:
        self._bench, self._starts = bench, bench.cache.starts
        self._commands, self._cpu_s = self._processed(), self._seconds()
        self.commands: int | None = None
        self.cpu_s: dict[str, float | None] = {}

    def stop(self) -> None:
        """The trial is over."""
        whole = self._bench.cache.starts == self._starts
        # Our own asking is one of them.
        self.commands = self._processed() - self._commands - 1 if whole else None
        after = self._seconds()
        self.cpu_s = {name: after[name] - before for name, before in self._cpu_s.items()}
        if not whole:
            self.cpu_s["cache"] = None

    def _processed(self) -> int:
        return commands_processed(self._bench.cache.url) - self._bench.cache.own_commands

    def _seconds(self) -> dict[str, float]:
        cache = self._bench.cache.service
        used = {"app": self._bench.app.service.cpu_s()}
        return {**used, "cache": cache.cpu_s()} if cache is not None else used


class _Phases:
    """Seconds spent in each phase of a trial."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        begin = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - begin, 3)
