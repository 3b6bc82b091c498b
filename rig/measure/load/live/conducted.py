"""Whoever watches a run that rig conducts: Locust's web UI with the live picture in it, Prometheus, or both."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gevent
from locust.env import Environment
from locust.web import WebUI

from rig.measure.load.live.events import LiveEvents
from rig.measure.load.live.exporter import serve_metrics
from rig.measure.load.live.feed import LiveFeed
from rig.measure.load.live.plain import live_feed, set_live
from rig.measure.load.live.tab import add_tab
from rig.measure.load.trial import Trial
from rig.model import InfrastructureError

HOST = "127.0.0.1"
_OPEN_S = 20.0
_POLL_S = 0.01


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the run can be watched; None: there it can't."""

    ui: str | None = None
    metrics: str | None = None


def let_watch(
    environment: Environment, *, ui_port: int | None, metrics: tuple[str, int] | None, events: Path | None
) -> Addresses:
    """Open what is asked for. ``ui_port``: of Locust's UI, on loopback; ``metrics``: host and port for Prometheus;
    ``events``: the folder of the target's event files.

    Raises:
        InfrastructureError: a port can't be used, or a page is not installed.
    """
    if ui_port is None and metrics is None:
        return Addresses()
    feed = LiveFeed()
    ui = None if ui_port is None else _open_ui(environment, ui_port, feed)
    scraped = None if metrics is None else serve_metrics(feed, *metrics)
    set_live(environment, feed)
    if events is not None:
        gevent.spawn(LiveEvents(events, feed).watch)
    return Addresses(ui, scraped)


def _open_ui(environment: Environment, port: int, feed: LiveFeed) -> str:
    # Locust's UI reads the command line at each request of its page, and ours is not its own.
    sys.argv = sys.argv[:1]
    web_ui = environment.create_web_ui(HOST, port, delayed_start=True)
    add_tab(web_ui, feed, conducted=True)
    web_ui.start()
    _wait_until_it_answers(web_ui, port)
    return f"http://{HOST}:{port}/"


def _wait_until_it_answers(web_ui: WebUI, port: int) -> None:
    """Locust opens the port in a greenlet of its own, after ``start`` has returned; an address told is to answer."""
    deadline_s = time.monotonic() + _OPEN_S
    while not (web_ui.server and web_ui.server.started):
        if (web_ui.greenlet is not None and web_ui.greenlet.dead) or time.monotonic() > deadline_s:
            raise InfrastructureError(f"port {port} on {HOST}: Locust's web UI could not open it; run it again")
        gevent.sleep(_POLL_S)


def told(environment: Environment, message: dict[str, Any]) -> None:
    """What the conductor says besides orders: facts of the run, and markers of what it did."""
    if (feed := live_feed(environment)) is None:
        return
    if "facts" in message:
        feed.run_began(message["facts"])
    if "marker" in message:
        marker = message["marker"]
        feed.marker(marker["kind"], marker["at_s"], marker["text"], until_s=marker["until_s"])


def trial_began(environment: Environment, trial: Trial) -> None:
    """The trial's clock is fixed."""
    if (feed := live_feed(environment)) is not None:
        about = {"round": None, "arm": "", "number": 1, "of": 1, **trial.order.about}
        feed.trial_began(
            about["round"],
            about["arm"],
            about["number"],
            about["of"],
            trial.start_s,
            trial.order.spec.window_s,
            due_s=trial.due_s,
            in_flight=trial.in_flight,
        )


def trial_ended(environment: Environment, error: str | None) -> None:
    """It has ended, or broke; whether it was sound is judged elsewhere."""
    if (feed := live_feed(environment)) is not None:
        feed.trial_ended({"error": error})
