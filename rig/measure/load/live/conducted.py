"""Locust's web UI over a run that rig conducts, with the live picture in it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import gevent
from locust.env import Environment

from rig.measure.load.live.events import LiveEvents
from rig.measure.load.live.feed import LiveFeed
from rig.measure.load.live.plain import live_feed, set_live
from rig.measure.load.live.tab import add_tab
from rig.measure.load.trial import Trial

HOST = "127.0.0.1"


def open_ui(environment: Environment, port: int, events: Path) -> str:
    """Serve the UI on loopback; ``events`` is the folder of the target's event files. Returns its address."""
    # Locust's UI reads the command line at each request of its page, and ours is not its own.
    sys.argv = sys.argv[:1]
    web_ui = environment.create_web_ui(HOST, port, delayed_start=True)
    feed = LiveFeed()
    add_tab(web_ui, feed, conducted=True)
    set_live(environment, feed)
    web_ui.start()
    gevent.spawn(LiveEvents(events, feed).watch)
    return f"http://{HOST}:{port}/"


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
        about = trial.order.about
        feed.trial_began(
            about["round"], about["arm"], about["number"], about["of"], trial.start_s, trial.order.spec.window_s
        )


def trial_ended(environment: Environment, error: str | None) -> None:
    """It has ended, or broke; whether it was sound is judged elsewhere."""
    if (feed := live_feed(environment)) is not None:
        feed.trial_ended({"error": error})
