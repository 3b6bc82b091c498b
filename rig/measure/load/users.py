"""The two Locust users of every profile: one sends the requests, one sends the browser.

Both work through the schedule of the trial that stands on the Locust environment; with plain ``locust -f`` there
is none, so they make one from the profile and end the run after it.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gevent
import pyarrow as pa
from gevent.event import Event
from gevent.lock import Semaphore
from locust import User, events, task
from locust.runners import WorkerRunner

from rig.measure.load import locust_stats, worker
from rig.measure.load.live.batch import timings
from rig.measure.load.live.plain import live_feed, plain_trial_began, plain_trial_ended, show_plain
from rig.measure.load.order import TrialOrder
from rig.measure.load.trial import LEAD_S, Trial
from rig.measure.load.visitor import VisitRunner
from rig.measure.pages.client import BrowserClient
from rig.model import UsageError
from rig.plan.profile import Profile
from rig.plan.schedule import ScheduleSpec

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from locust.env import Environment

_log = logging.getLogger("rig")
_PLAIN_RATE_RPS = 20.0
_TRIAL, _BROWSER = "rig_trial", "rig_browser"
_MAKING = Semaphore()


def users(profile: Profile | None) -> tuple[type[User], type[User]]:
    """``Shopper, Visitor = users(PROFILE)``: the Locust user classes of a profile; None: every trial is ordered."""

    @events.init.add_listener
    def show(environment: Environment, **_: object) -> None:
        if profile is not None:
            show_plain(environment, profile.name)

    class Shopper(User):
        """Sends the profile's requests: an open model in one user."""

        fixed_count = 1

        @task
        def requests(self) -> None:
            trial = current_trial(self.environment, profile)
            with _ending(trial, trial.requests_done):
                trial.send_requests(lambda batch: _tell(self.environment, batch))
            _rest(self.environment, trial)

    class Visitor(User):
        """Opens the profile's pages in a real browser; LCP appears in Locust's statistics."""

        fixed_count = 1

        @task
        def visits(self) -> None:
            trial = current_trial(self.environment, profile)
            browser = getattr(self.environment, _BROWSER, None)
            with _ending(trial, trial.visits_done):
                live = live_feed(self.environment)
                VisitRunner(self.environment.events.request, trial, browser, live).run()
            _rest(self.environment, trial)

    return Shopper, Visitor


def current_trial(environment: Environment, profile: Profile | None) -> Trial:
    """The trial under way; with plain Locust, one made from the profile and the command line."""
    with _MAKING:  # Resolving the host lets the other user run, and it must find this trial, not make its own.
        trial = getattr(environment, _TRIAL, None)
        if trial is None:
            if profile is None:
                raise UsageError("this locustfile has no profile; it is for rig's own orders")
            trial = Trial(_plain_order(environment, profile))
            trial.begin(time.monotonic() + LEAD_S)
            if not trial.schedule.visit_path:
                # Locust starts one user unless told otherwise; without visits nobody waits for the second.
                trial.visits_done.set()
            set_trial(environment, trial)
            plain_trial_began(environment, trial)
    return trial


def set_trial(environment: Environment, trial: Trial | None) -> None:
    """Put ``trial`` on the Locust environment."""
    setattr(environment, _TRIAL, trial)


def set_browser(environment: Environment, browser: BrowserClient) -> None:
    """Put the browser on the Locust environment."""
    setattr(environment, _BROWSER, browser)


def _tell(environment: Environment, batch: pa.RecordBatch) -> None:
    """Tell whoever watches of a batch of samples."""
    if (live := live_feed(environment)) is not None:
        live.requests(timings(batch))
    locust_stats.feed(environment, batch)


@contextmanager
def _ending(trial: Trial, done: Event) -> Iterator[None]:
    """Say that a user's part of the trial ended, also when it broke: nobody waits for ever."""
    try:
        yield
    except Exception as error:
        trial.error = f"{type(error).__name__}: {error}"
        _log.exception("the trial broke")
    finally:
        done.set()


def _rest(environment: Environment, trial: Trial) -> None:
    """Nothing more to do in this trial. Plain Locust has no one else to end the run."""
    if not getattr(environment, "rig_fleet", False) and trial.requests_done.is_set() and trial.visits_done.is_set():
        trial.close()
        plain_trial_ended(environment, trial)
        set_trial(environment, None)  # Who starts the test again from the web UI begins another one.
        if environment.runner:
            gevent.spawn(environment.runner.stop if environment.web_ui else environment.runner.quit)
    gevent.sleep(3600)


def _plain_order(environment: Environment, profile: Profile) -> TrialOrder:
    options: Any = environment.parsed_options
    token = os.environ.get("RIG_TOKEN")
    if not token:
        _log.warning("RIG_TOKEN is not set: reads only, the shop takes writes from a browser or with its token")
    window = float(options.window)
    return TrialOrder(
        url=environment.host or "http://127.0.0.1:8000",
        strategy=options.strategy or None,
        headers={"X-Cache-Strategy": options.strategy} if options.strategy else {},
        write_headers={"X-Rig-Token": token} if token else {},
        spec=ScheduleSpec(
            seed=int(options.seed),
            round=0,
            window_s=window,
            read_rate_rps=float(options.rate),
            reads=profile.reads,
            hot_writes=profile.hot_writes if token else 0,
            other_writes=profile.other_writes if token else 0,
            hot_form=profile.write_forms.get(profile.hot_path),
            other_forms=tuple(profile.write_forms[path] for path in profile.other_write_paths),
            visits=round(profile.visits_per_s * window) if options.visits else 0,
            visit_paths=profile.visits,
            curve=profile.curve,
            write_groups=profile.write_groups if token else (),
        ),
    )


@events.init_command_line_parser.add_listener
def _arguments(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("rig")
    group.add_argument("--rate", type=float, default=_PLAIN_RATE_RPS, help="reads per second (open model)")
    group.add_argument("--window", type=float, default=60.0, help="seconds to offer load")
    group.add_argument("--seed", type=int, default=1, help="seed of the schedule")
    group.add_argument("--strategy", default="", help="flag value to ask for (measurement mode only)")
    group.add_argument(
        "--metrics-port", default="", help="PORT on loopback, or ADDRESS:PORT, at which Prometheus finds /metrics"
    )
    group.add_argument("--visits", action="store_true", help="open pages in a browser too")


@events.init.add_listener
def _take_orders(environment: Environment, **_: object) -> None:
    if isinstance(environment.runner, WorkerRunner):
        worker.take_orders(environment.runner)


@events.init.add_listener
def _start_browser(environment: Environment, **_: object) -> None:
    options: Any = environment.parsed_options
    if options is None or not getattr(options, "visits", False):
        return
    from rig.measure.services.browser import find_browser

    browser = BrowserClient(find_browser().path, log_path=Path(os.devnull))
    browser.start()
    set_browser(environment, browser)


@events.quitting.add_listener
def _stop_browser(environment: Environment, **_: object) -> None:
    browser = getattr(environment, _BROWSER, None)
    if browser is not None:
        browser.close()
