"""The bench: everything that runs for the length of a run, and what a trial used of it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from rig.journal import RunDir
from rig.measure.address import is_loopback, own_address_towards
from rig.measure.given import given_target
from rig.measure.load.fleet_client import Crewing, FleetClient, Watching
from rig.measure.origin_events import OriginEvents
from rig.measure.services import app_server
from rig.measure.services.browser_place import Place
from rig.measure.services.cache_server import CacheServer, cache_server, counters
from rig.measure.services.control_page import control_page
from rig.measure.target import Target
from rig.model import TrialId, UsageError
from rig.plan.environment import pinning
from rig.plan.plan import Plan, RunOptions
from rig.plan.profile import profile_file

PAGES_AT_ONCE = 2
"""One browser page is a closed loop: it would meet one visit of a stampede that covers several."""


class Progress(Protocol):
    """What the conductor tells whoever watches."""

    def step(self, text: str) -> None:
        """A step of the start-up or the end."""

    def waiting(self, command: Sequence[str] | None, wanted: int, connected: int) -> None:
        """Workers are waited for; ``command`` is what to start by hand, None where rig starts them."""

    def watched(self, address: str) -> None:
        """Locust's web UI is open."""

    def scraped(self, address: str) -> None:
        """Prometheus can ask there."""

    def planned(self, plan: Plan, run_dir: Path) -> None:
        """The plan stands; trials begin."""

    def trial(self, trial: TrialId, phase: str, window_s: float) -> None:
        """Trial ``trial``: ``phase`` goes on, ``window_s`` seconds into its window."""


@dataclass(frozen=True, slots=True)
class Serving:
    """One app server, and how to talk to it."""

    target: Target
    app: app_server.AppServer | None
    """None where somebody else has started it."""


@dataclass(frozen=True, slots=True)
class Bench:
    """Everything that runs for the length of a run."""

    run: RunDir
    main: Serving
    cache: CacheServer
    fleet: FleetClient
    events: OriginEvents
    start: Callable[[str], Serving]
    """Starts an app server for one strategy alone: same data, cache, events and token; it ends with the bench."""
    control_url: str | None = None
    """The control page; None where no page is visited."""
    own: dict[str, Serving] = field(default_factory=dict)
    """Those started, by URL."""

    @property
    def target(self) -> Target:
        """The process that serves all strategies that need none of their own."""
        return self.main.target

    def own_target(self, strategy: str) -> Target:
        """A process started with ``strategy``, which patches what the others use."""
        serving = self.start(strategy)
        self.own[serving.target.url] = serving
        return serving.target

    def at(self, url: str) -> Serving:
        """Whoever answers an arm's URL."""
        return self.own.get(url, self.main)

    def at_rest_ms(self) -> list[float] | None:
        """LCP of the control page before anything is offered, ms; None where no page is visited."""
        return self.fleet.rest(self.control_url) if self.control_url else None


@contextmanager
def bench_for(
    directory: RunDir, options: RunOptions, browser: Place | None, watching: Watching, progress: Progress
) -> Iterator[Bench]:
    """Start everything, and end everything whatever happens.

    Raises:
        UsageError: ``--target-url`` without what belongs to it, or a browser that can't reach the target.
        InfrastructureError: something does not come up, or the target that runs already can't be measured from here.
    """
    if browser and browser.elsewhere:
        require_reach(browser, options)
    target_cpus, instrument_cpus = pinning()
    logs, work = directory.path / "logs", directory.path / "work"
    given = given_target(options.target_url) if options.target_url else None
    events = given.events if given else work / "events"
    if given is None:
        events.mkdir(parents=True)
    token = secrets.token_urlsafe(24)
    with ExitStack() as stack:
        # The fleet is the slowest to start: begun first, waited for last.
        host, master_port = options.master_address
        fleet = stack.enter_context(
            FleetClient(
                profile_file(options.profile),
                logs=logs,
                browser=browser.where if browser else None,
                pages=PAGES_AT_ONCE,
                cpus=instrument_cpus,
                crewing=Crewing(
                    workers=options.workers or (1 if options.master else 0),
                    remote=options.master is not None,
                    bind=host,
                    port=master_port,
                ),
                watching=replace(watching, events=events),
            )
        )
        ours = own_address_towards(browser.where) if browser and browser.elsewhere else "127.0.0.1"
        control_url = stack.enter_context(control_page(logs, instrument_cpus, ours)) if browser else None
        cache = stack.enter_context(cache_server(logs, target_cpus))
        env = {
            "RIG_MEASURE": "1",
            "RIG_TOKEN": token,
            "RIG_EVENT_DIR": str(events),
            **cache.env,
        }
        if given is None and app_server.database_name() == "sqlite":
            app_server.copy_database(work / "shop.sqlite3")
            env["SHOP_DB"] = str(work / "shop.sqlite3")
        env["DJANGO_ALLOWED_HOSTS"] = f"127.0.0.1,localhost,{host}"

        def start(strategy: str | None = None) -> Serving:
            if given is not None and strategy is not None:
                raise UsageError(
                    f"strategy {strategy}: needs a target of its own, and --target-url names one that runs;"
                    " leave --target-url out, or the strategy"
                )
            if given is not None:
                given.require_measurable()
                return Serving(given.target, None)
            own = {"CACHE_STRATEGY": strategy} if strategy else {}
            app = stack.enter_context(
                app_server.app_server(
                    host=host,
                    port=app_server.free_port(host),
                    env=env | own,
                    logs=logs,
                    cpus=target_cpus,
                    name=f"app-{strategy}" if strategy else "app",
                )
            )
            return Serving(Target(app.url, token), app)

        main = start()
        fleet.wait_ready(lambda waiting: progress.waiting(waiting["command"], waiting["wanted"], waiting["connected"]))
        if fleet.address:
            progress.watched(fleet.address)
        if fleet.metrics_address:
            progress.scraped(fleet.metrics_address)
        yield Bench(directory, main, cache, fleet, OriginEvents(events), start, control_url)
    app_server.remove_work(work)


def require_reach(browser: Place, options: RunOptions) -> None:
    """Refuse a target on loopback to a browser of another host: every visit would fail.

    Raises:
        UsageError: it is so; names what to change.
    """
    its_host = urlsplit(browser.where).hostname or ""
    host = (urlsplit(options.target_url).hostname or "") if options.target_url else options.master_address[0]
    if is_loopback(host) and not is_loopback(its_host):
        option = "--target-url" if options.target_url else "--master"
        raise UsageError(
            f"RIG_BROWSER_URL: a browser on {its_host} can't open pages on {host}; give {option} an address of this"
            " machine that others reach"
        )


class Used:
    """What a trial cost the target: processor seconds, and what the cache server did and held for it.

    Null across a restart of the cache server: its counters began anew, and what it did before it was killed is lost.
    So is the processor time of a worker that was killed, and of a target that somebody else has started.
    ``empty_bytes``: what the server held before the trial.
    """

    def __init__(self, bench: Bench, app: app_server.AppServer | None, empty_bytes: int | None = None) -> None:
        self._bench, self._app, self._starts = bench, app, bench.cache.starts
        self._empty_bytes = empty_bytes
        self._asked, self._own, self._cpu_s = counters(bench.cache.url), bench.cache.own_commands, self._seconds()
        self._workers = self._pids()
        self.cache: dict[str, int | None] = {}
        self.cpu_s: dict[str, float | None] = {}

    def stop(self) -> None:
        """The trial is over."""
        whole = self._bench.cache.starts == self._starts
        now, before = counters(self._bench.cache.url), self._asked
        # Our own asking is one of them.
        own = self._bench.cache.own_commands - self._own + 1
        self.cache = {
            "cache_commands": now.commands - before.commands - own if whole else None,
            "cache_round_trips": _less(now.round_trips, before.round_trips, own) if whole else None,
            # What a server frees meanwhile may be more than a few small entries take: then that is not known.
            "cache_memory_bytes": (_less(now.memory_bytes, self._empty_bytes) or None) if whole else None,
            "cache_keys": now.keys,
        }
        after = self._seconds()
        self.cpu_s = {name: after[name] - before for name, before in self._cpu_s.items()}
        if not whole:
            self.cpu_s["cache"] = None
        if self._app is None or not self._workers <= self._pids():
            self.cpu_s["app"] = None

    def _pids(self) -> set[int]:
        return {process.pid for process in self._app.service.tree()} if self._app else set()

    def _seconds(self) -> dict[str, float]:
        cache = self._bench.cache.service
        used = {"app": self._app.service.cpu_s()} if self._app else {}
        return {**used, "cache": cache.cpu_s()} if cache is not None else used


def _less(now: int | None, before: int | None, own: int = 0) -> int | None:
    return None if now is None or before is None else max(0, now - before - own)
