"""Where the users of a Locust environment find its live picture; and the picture with plain ``locust -f``.

Without a conductor only the trial under way is known: no plan, no rounds, and the target's events only where
``RIG_EVENT_DIR`` names the folder the target was started with.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

import gevent
from locust.env import Environment

from rig.measure.address import parse_listen
from rig.measure.load.live.events import LiveEvents
from rig.measure.load.live.exporter import serve_metrics
from rig.measure.load.live.feed import LiveFeed
from rig.measure.load.live.tab import add_tab
from rig.measure.load.trial import Trial
from rig.model import RigError

_log = logging.getLogger("rig")
_LIVE = "rig_live"
_NO_STRATEGY = "as the target is set"


def set_live(environment: Environment, feed: LiveFeed) -> None:
    """Put ``feed`` on the Locust environment: its users tell it of requests and visits."""
    setattr(environment, _LIVE, feed)


def live_feed(environment: Environment) -> LiveFeed | None:
    """The environment's live picture; None: nobody watches."""
    return getattr(environment, _LIVE, None)


def show_plain(environment: Environment, profile: str) -> None:
    """Add the tab to the web UI of a plain Locust run, if it has one, and serve metrics where ``--metrics-port`` asks
    for them. What fails is said, and the run goes on all the same.
    """
    feed = LiveFeed()
    opened = [_tries(way, environment, feed) for way in (_add_tab, _serve_metrics)]
    if not any(opened):
        return
    feed.run_began({"profile": profile})
    set_live(environment, feed)
    if folder := os.environ.get("RIG_EVENT_DIR"):
        gevent.spawn(LiveEvents(Path(folder), feed).watch)


def _tries(way: Callable[[Environment, LiveFeed], bool], environment: Environment, feed: LiveFeed) -> bool:
    try:
        return way(environment, feed)
    except RigError as error:
        _log.warning("%s", error)
        return False


def _add_tab(environment: Environment, feed: LiveFeed) -> bool:
    if environment.web_ui is None:
        return False
    add_tab(environment.web_ui, feed)
    return True


def _serve_metrics(environment: Environment, feed: LiveFeed) -> bool:
    asked = getattr(environment.parsed_options, "metrics_port", "")
    if not asked:
        return False
    _log.info("metrics for Prometheus: %s", serve_metrics(feed, *parse_listen("--metrics-port", asked)))
    return True


def plain_trial_began(environment: Environment, trial: Trial) -> None:
    """A trial of plain Locust begins: each start of the test is one."""
    if (feed := live_feed(environment)) is not None:
        number = feed.trials + 1
        arm = trial.order.strategy or _NO_STRATEGY
        window_s = trial.order.spec.window_s
        feed.trial_began(
            None, arm, number, number, trial.start_s, window_s, due_s=trial.due_s, in_flight=trial.in_flight
        )


def plain_trial_ended(environment: Environment, trial: Trial) -> None:
    """It has ended, or broke."""
    if (feed := live_feed(environment)) is not None:
        feed.trial_ended({"error": trial.error})
