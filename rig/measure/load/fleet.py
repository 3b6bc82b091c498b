"""The fleet: one Locust process and one browser for all trials of a run, and workers where they are asked for.

``python -m rig.measure.load.fleet LOCUSTFILE …`` reads orders as JSON lines from standard input and answers on standard
output; RIG_BROWSER_PLACE says where its browser is. It ends, with all it started, when its input ends. Locust patches
the standard library at import, so nothing of this runs in the conductor's process.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, Any

import gevent
import numpy as np
import pyarrow as pa
from gevent.fileobject import FileObject
from gevent.queue import Queue
from locust import events
from locust.env import Environment
from locust.log import setup_logging
from locust.user import User
from locust.util.load_locustfile import load_locustfile

from rig.journal import StreamSink
from rig.measure.load.control_visits import at_rest
from rig.measure.load.crew import Crew
from rig.measure.load.hands import Hands
from rig.measure.load.live import conducted
from rig.measure.load.live.batch import timings
from rig.measure.load.live.plain import live_feed
from rig.measure.load.order import order_from
from rig.measure.load.pair import run_pair
from rig.measure.load.recorder import PACK, Offered, Outcome, Recorder, Target
from rig.measure.load.trial import LEAD_S, Trial
from rig.measure.load.users import set_browser, set_trial
from rig.measure.load.visitor import VISIT_TIMEOUT_S, VisitRunner
from rig.measure.pages.client import BrowserClient
from rig.measure.pages.protocol import VisitOptions
from rig.measure.services.browser_place import PLACE
from rig.measure.services.supervisor import die_with_parent, pin
from rig.model import InfrastructureError, Kind, RigError
from rig.samples import REQUESTS

_PROGRESS_S = 0.5
_CONNECT_S = 30.0
_REMOTE_S = 600.0
"""How long workers on other hosts may take to be started by hand."""
_conductor: IO[str] = sys.stdout
"""Who ordered us; :func:`main` keeps it apart from what others print."""


class Fleet:
    """Runs one trial after another on one Locust environment."""

    def __init__(self, locustfile: Path, browser: BrowserClient | None) -> None:
        user_classes = list(load_locustfile(str(locustfile))[0].values())
        self.environment = Environment(user_classes=user_classes, events=events)
        self.environment.rig_fleet = True  # type: ignore[attr-defined]
        self.browser = browser
        self.crew: Crew | None = None
        _load_what_loads_late()
        if browser is not None:
            browser.start()
            set_browser(self.environment, browser)

    def run_trial(self, order: dict[str, Any]) -> dict[str, Any]:
        """One trial, from its order to its counts."""
        asked = order_from(order)
        sink = StreamSink(Path(asked.requests_path or os.devnull), REQUESTS)
        try:
            trial = Trial(asked, sink.write)
        except RigError as caught:
            sink.close()
            return {"error": str(caught), "known": True}
        error: str | None = "the trial was broken off"
        browser_before = self._browser_cpu_s()
        try:
            crewed = self._run_crew(trial, sink) if self.crew else self._run_alone(trial)
            error = trial.error or crewed["error"]
        except InfrastructureError as caught:
            error = str(caught)
        finally:
            trial.close()
            sink.close()
            conducted.trial_ended(self.environment, error)
        browser_s = self._browser_cpu_s()
        if error:
            return {"error": error}
        return {
            **crewed,
            "done": True,
            "start_s": trial.start_s,
            "end_s": trial.end_s,
            "schedule_digest": trial.schedule.digest,
            "pages": {"scheduled": len(trial.schedule.visit_path)},
            "wrong_arm": trial.wrong_arm,
            "cpu_s": {
                "generator": crewed["cpu_s"],
                "browser": None if browser_s is None or browser_before is None else browser_s - browser_before,
            },
        }

    def run_pair(self, order: dict[str, Any]) -> dict[str, Any]:
        """Two targets at once; always by this process alone."""
        return run_pair(order, self.browser)

    def rest(self, control_url: str) -> dict[str, Any]:
        """LCP of the control page while nothing else goes on."""
        return {"at_rest_ms": at_rest(self.browser, control_url) if self.browser else []}

    def trace(self, visit: dict[str, Any]) -> dict[str, Any]:
        """One visit under tracing, between trials: what the page costs to paint, null where that was not measured."""
        if self.browser is None:
            return {"traced": None}
        asked = (visit["url"], visit["headers"], VISIT_TIMEOUT_S)
        return {"traced": self.browser.visit(*asked, trace=True)["paint"]}

    def close(self) -> None:
        """End Locust and the browser."""
        if self.environment.runner:
            self.environment.runner.quit()
        if self.browser is not None:
            self.browser.close()

    def _run_alone(self, trial: Trial) -> dict[str, Any]:
        """All in this process, as Locust users."""
        set_trial(self.environment, trial)
        runner, classes = self.environment.runner, self.environment.user_classes
        assert runner is not None
        begin_cpu_s = time.process_time()
        trial.begin(time.monotonic() + LEAD_S)
        self._say_started(trial)
        typed: list[type[User]] = classes
        runner.start(len(typed), spawn_rate=len(typed), wait=False)
        try:
            while not (trial.requests_done.is_set() and trial.visits_done.is_set()):
                self._say_progress(trial, trial.recorder.count)
                gevent.wait([trial.requests_done, trial.visits_done], timeout=_PROGRESS_S, count=2)
            cpu_s = time.process_time() - begin_cpu_s
        finally:
            runner.stop()
        counts = trial.counts
        if counts is None:
            return {"error": trial.error or "the requests ended without a count"}
        return {
            "requests": {
                "scheduled": counts.scheduled,
                "sent": counts.sent,
                "dropped": counts.dropped,
                "recorded": trial.recorder.count,
            },
            "drained_s": counts.drained_s,
            "cpu_s": cpu_s,
            "error": None,
        }

    def _run_crew(self, trial: Trial, sink: StreamSink) -> dict[str, Any]:
        """Requests by the workers; page visits from here, where the browser is."""
        crew = self.crew
        assert crew is not None
        seen, live = 0, live_feed(self.environment)

        def take(batch: pa.RecordBatch) -> None:
            nonlocal seen
            seen += batch.num_rows
            sink.write(batch)
            if live is not None:
                live.requests(timings(batch, judged=crew.one_clock))

        def report() -> bool:
            self._say_progress(trial, seen)
            return False

        crew.prepare(trial)
        trial.begin(crew.go(take))
        self._say_started(trial)
        visits = gevent.spawn(VisitRunner(self.environment.events.request, trial, self.browser, live).run)
        crew.wait_done(trial, report)
        visits.get()
        return crew.result(len(trial.schedule.at_s))

    def _say_started(self, trial: Trial) -> None:
        conducted.trial_began(self.environment, trial)
        say({"started": trial.start_s})

    def _say_progress(self, trial: Trial, recorded: int) -> None:
        say({"progress": max(0.0, time.monotonic() - trial.start_s), "recorded": recorded})

    def _browser_cpu_s(self) -> float | None:
        return self.browser.cpu_s() if self.browser else None


def _load_what_loads_late() -> None:
    """pyarrow imports pandas at its first conversion: 1.7 s in which nothing is sent. Now, not in the first trial."""
    offered = Offered(np.zeros(1, np.int64), np.zeros(1), np.zeros(1, np.int32), [Target(Kind.READ, "/", b"")])
    recorder = Recorder(offered, None)
    recorder.keep(PACK(0, recorder.learn(0, Outcome(200, None, "HIT", "home=1")), 0.0, 0.0, 0.0))
    list(recorder.flush())


def say(message: dict[str, Any]) -> None:
    """One line to the conductor."""
    _conductor.write(json.dumps(message) + "\n")
    _conductor.flush()


def _keep_prints_out() -> None:
    """What a locustfile prints goes to the log: standard output was the conductor's."""
    global _conductor
    _conductor = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    sys.stdout = sys.stderr


def serve(fleet: Fleet, addresses: conducted.Addresses) -> None:
    """Carry out orders until the input ends. What is no order is for those who watch, and is heard at once."""
    version = fleet.browser.ready.get("version") if fleet.browser else None
    say({"ready": True, "ui": addresses.ui, "metrics": addresses.metrics, "browser": version})
    jobs: Queue[Callable[[], dict[str, Any]]] = Queue()
    serving = gevent.getcurrent()

    def listen() -> None:
        for line in FileObject(sys.stdin.fileno(), "rb", closefd=False):
            message = json.loads(line)
            if "order" in message:
                jobs.put(partial(fleet.run_trial, message["order"]))
            elif "pair" in message:
                jobs.put(partial(fleet.run_pair, message["pair"]))
            elif "rest" in message:
                jobs.put(partial(fleet.rest, message["rest"]))
            elif "trace" in message:
                jobs.put(partial(fleet.trace, message["trace"]))
            else:
                conducted.told(fleet.environment, message)
        # Nobody waits for a trial under way any more: it must not go on loading its target.
        gevent.kill(serving)

    gevent.spawn(listen)
    with contextlib.suppress(gevent.GreenletExit):
        while True:
            say(jobs.get()())


def main() -> None:
    """Entry point of the fleet process."""
    die_with_parent()
    options = _arguments()
    _keep_prints_out()
    pin(options.cpus)
    with contextlib.suppress(PermissionError):
        # It needs little of its CPU, but on time. Only an administrator may ask for that; others share as they come.
        os.nice(-5)
    setup_logging("INFO")
    browser = None
    if place := os.environ.get(PLACE):
        chosen = options.browser_cpus or options.cpus
        cpus = {int(cpu) for cpu in chosen.split(",")} if chosen else None
        browser = BrowserClient(
            place,
            pages=options.pages,
            cpus=cpus,
            options=VisitOptions(interact=not options.no_interact),
            log_path=options.browser_log,
        )
    fleet = Fleet(options.locustfile, browser)
    with contextlib.ExitStack() as stack:
        stack.callback(fleet.close)
        try:
            if options.workers:
                stack.enter_context(_crewed(fleet, options))
            else:
                fleet.environment.create_local_runner()
            addresses = conducted.let_watch(
                fleet.environment, ui_port=options.ui_port, metrics=_endpoint(options), events=options.events
            )
        except InfrastructureError as error:
            say({"error": str(error)})
            return
        # What is loaded by now stays: a full collection over it would stop the generator for tens of milliseconds.
        gc.collect()
        gc.freeze()
        serve(fleet, addresses)


@contextlib.contextmanager
def _crewed(fleet: Fleet, options: argparse.Namespace) -> Iterator[None]:
    """Workers for as long as the block lasts: processes of ours, or those that others start by hand."""
    crew = Crew(fleet.environment, options.bind, options.port)
    with Hands(options.locustfile, options.bind, crew.port, cpus=options.cpus, logs=options.logs) as hands:
        ours, deadline_s = (0, _REMOTE_S) if options.remote else (options.workers, _CONNECT_S)

        def tell(connected: int) -> None:
            by_hand = hands.command() if options.remote else None
            say({"waiting": {"command": by_hand, "wanted": options.workers, "connected": connected}})

        def replace_lost() -> None:
            """Between trials; who does not come back is done without."""
            if hands.keep(ours):
                with contextlib.suppress(InfrastructureError):
                    crew.wait_for(ours, _CONNECT_S, lambda connected: None)

        hands.keep(ours)
        crew.wait_for(options.workers, deadline_s, tell)
        crew.before_trial = replace_lost
        fleet.crew = crew
        yield


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("locustfile", type=Path)
    parser.add_argument("--pages", type=int, default=1)
    parser.add_argument("--cpus", default="")
    parser.add_argument("--browser-cpus", default="")
    parser.add_argument("--no-interact", action="store_true")
    parser.add_argument("--browser-log", type=Path, default=None)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--remote", action="store_true")
    parser.add_argument("--bind", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--ui-port", type=int, default=None)
    parser.add_argument("--metrics-host", default="127.0.0.1")
    parser.add_argument("--metrics-port", type=int, default=None)
    parser.add_argument("--events", type=Path, default=None)
    parser.add_argument("--logs", type=Path, default=Path())
    return parser.parse_args()


def _endpoint(options: argparse.Namespace) -> tuple[str, int] | None:
    return None if options.metrics_port is None else (options.metrics_host, options.metrics_port)


if __name__ == "__main__":
    main()
