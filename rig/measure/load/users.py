"""The two Locust users of every profile: one sends the requests, one sends the browser.

Both work through the schedule of the trial that stands on the Locust environment; with plain ``locust -f`` there
is none, so they make one from the profile and end the run after it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gevent
from gevent.event import Event
from locust import User, events, task

from rig.measure.load.open_model import Dispatcher
from rig.measure.load.order import TrialOrder
from rig.measure.load.trial import Trial
from rig.measure.load.visitor import VisitRunner
from rig.measure.pages.client import BrowserClient
from rig.plan.profile import Profile
from rig.plan.schedule import ScheduleSpec

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from locust.env import Environment

_log = logging.getLogger("rig")
_FLUSH_S = 1.0
_PLAIN_RATE_RPS = 20.0
_TRIAL, _BROWSER = "rig_trial", "rig_browser"


def users(profile: Profile) -> tuple[type[User], type[User]]:
    """``Shopper, Visitor = users(PROFILE)``: the Locust user classes of a profile."""

    class Shopper(User):
        """Sends the profile's requests: an open model in one user."""

        fixed_count = 1

        @task
        def requests(self) -> None:
            trial = current_trial(self.environment, profile)
            with _ending(trial, trial.requests_done):
                _send_requests(self.environment, trial)
            _rest(self.environment, trial)

    class Visitor(User):
        """Opens the profile's pages in a real browser; LCP appears in Locust's statistics."""

        fixed_count = 1

        @task
        def visits(self) -> None:
            trial = current_trial(self.environment, profile)
            browser = getattr(self.environment, _BROWSER, None)
            with _ending(trial, trial.visits_done):
                VisitRunner(self.environment.events.request, trial, browser).run()
            _rest(self.environment, trial)

    return Shopper, Visitor


def current_trial(environment: Environment, profile: Profile) -> Trial:
    """The trial under way; with plain Locust, one made from the profile and the command line."""
    trial = getattr(environment, _TRIAL, None)
    if trial is None:
        trial = Trial(_plain_order(environment, profile))
        if not trial.schedule.visit_path:
            # Locust starts one user unless told otherwise; without visits nobody waits for the second.
            trial.visits_done.set()
        set_trial(environment, trial)
    return trial


def set_trial(environment: Environment, trial: Trial) -> None:
    """Put ``trial`` on the Locust environment."""
    setattr(environment, _TRIAL, trial)


def set_browser(environment: Environment, browser: BrowserClient) -> None:
    """Put the browser on the Locust environment."""
    setattr(environment, _BROWSER, browser)


def _send_requests(environment: Environment, trial: Trial) -> None:
    flusher = gevent.spawn(_flush_forever, environment, trial)
    dispatcher = Dispatcher(trial.host, trial.port, recorder=trial.recorder, check=trial.check, limits=trial.limits)
    index, targets = trial.targets()
    window = trial.order.spec.window_s
    trial.outcome = dispatcher.run(trial.schedule.at_s, index, targets, trial.start_s, window)
    flusher.kill()
    feed_locust(environment, trial)


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


def _flush_forever(environment: Environment, trial: Trial) -> None:
    while True:
        gevent.sleep(_FLUSH_S)
        feed_locust(environment, trial)


def feed_locust(environment: Environment, trial: Trial) -> None:
    """Flush the journal and tell Locust's event bus about each sample, with times from the intended start."""
    for kind, path, response_ms, cause in trial.recorder.flush():
        environment.events.request.fire(
            request_type="POST" if kind == "write" else "GET",
            name=path,
            response_time=response_ms,
            response_length=0,
            exception=RuntimeError(cause) if cause else None,
            context={},
        )


def _rest(environment: Environment, trial: Trial) -> None:
    """Nothing more to do in this trial. Plain Locust has no one else to end the run."""
    if not getattr(environment, "rig_fleet", False) and trial.requests_done.is_set() and trial.visits_done.is_set():
        trial.close()
        if environment.runner:
            gevent.spawn(environment.runner.quit)
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
    group.add_argument("--visits", action="store_true", help="open pages in a browser too")


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
