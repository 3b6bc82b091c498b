"""A Locust web UI with rig's tab and a made-up run, for test_live_tab.py; ends with its standard input.

One trial has ended, the second goes on: a calm half, then a stampede a client would feel. Names hold markup.
"""

from __future__ import annotations

import sys
import time

import gevent
import numpy as np
from gevent.fileobject import FileObject
from locust import User
from locust.env import Environment

from rig.measure.load.live.batch import Timings
from rig.measure.load.live.feed import LiveFeed
from rig.measure.load.live.tab import add_tab

NASTY = "<img src=x onerror=alert(1)>"
ARMS = ("fixed-timeout", NASTY)
RATE, WINDOW_S = 200, 24.0
HERD = (6.0, 7.5)


class Idle(User):
    def run(self) -> None:
        gevent.sleep(3600)


def reads(start_s: float, begin_s: float, end_s: float, dice: np.random.Generator) -> Timings:
    """Reads due in [begin, end) after the trial's start: 5 ms, in the herd up to 1.5 s; every 50th failed."""
    due = np.arange(begin_s, end_s, 1 / RATE)
    inside = (due >= HERD[0]) & (due < HERD[1])
    spent = np.where(inside, HERD[1] - due, 0) + dice.exponential(0.005, len(due))
    failed = np.arange(len(due)) % 50 == 49
    done = np.where(failed, np.nan, start_s + due + spent)
    return Timings(intended_s=start_s + due, done_s=done, failed=failed, is_write=np.zeros(len(due), bool))


def visits(start_s: float, until_s: float) -> list[dict[str, object]]:
    caches = ("HIT", "STALE", "WAIT", "MISS", "BYPASS", None)
    rows: list[dict[str, object]] = [
        {
            "navigation_s": start_s + 0.5 + number,
            "path": NASTY if number % 3 else "/p/moon-jar/",
            "outcome": "failed" if number == 4 else "measured",
            "cause": "not_started" if number == 4 else None,
            "cache": caches[number % len(caches)],
            "lcp_ms": None if number == 4 else 60.0 + 40 * number,
        }
        for number in range(int(until_s))
    ]
    return rows


def trial(feed: LiveFeed, number: int, start_s: float, until_s: float, dice: np.random.Generator) -> None:
    """Trial ``number`` up to ``until_s`` seconds after its start."""
    feed.trial_began(1, ARMS[number - 1], number, len(ARMS), start_s, WINDOW_S)
    feed.requests(reads(start_s, 0.0, until_s, dice))
    for row in visits(start_s, until_s):
        feed.visit(row)
    for at_s in (1.3, 4.1, 8.2):
        feed.marker("write", start_s + at_s, "product:moon-jar", entries=["product:moon-jar"])
    feed.marker("write", start_s + 2.2, "product:other", entries=["product:other"])
    feed.marker("expiry", start_s + HERD[0], "product:moon-jar", entries=["product:moon-jar"])
    herd = {"peak": 16, "cause": "expiry", "recomputes": 16}
    feed.marker("stampede", start_s + HERD[0], f"entry {NASTY}", until_s=start_s + HERD[1], **herd)
    feed.marker("disturbance", start_s + 3.0, "flush")
    feed.marker("disturbance", start_s + 4.5, "cache-outage", until_s=start_s + 5.5)
    feed.recomputes_open([(start_s + HERD[0], 16), (start_s + HERD[1], 0), (start_s + until_s, 0)])


def main() -> None:
    environment = Environment(user_classes=[Idle])
    environment.create_local_runner()
    web_ui = environment.create_web_ui("127.0.0.1", 0, delayed_start=True)
    feed = LiveFeed()
    add_tab(web_ui, feed, conducted=True)
    web_ui.start()
    while web_ui.server is None or not web_ui.server.started:
        gevent.sleep(0.01)
    dice = np.random.default_rng(1)
    feed.run_began({"profile": f"hot-key {NASTY}", "arms": list(ARMS), "hot_entry": "product:moon-jar"})
    trial(feed, 1, time.monotonic() - 60, WINDOW_S, dice)
    feed.trial_ended({"marks": ["late generator"], "error": None})
    start_s, told_s = time.monotonic() - 10, 10.0
    trial(feed, 2, start_s, told_s, dice)
    print(web_ui.server.server_port, flush=True)
    watched = gevent.spawn(FileObject(sys.stdin.fileno(), "rb", closefd=False).read)
    while not watched.ready():
        gevent.sleep(0.25)
        now_s = min(WINDOW_S, time.monotonic() - start_s)
        if now_s > told_s:
            feed.requests(reads(start_s, told_s, now_s, dice))
            told_s = now_s


if __name__ == "__main__":
    main()
