"""The fleet: one Locust process and one browser for all trials of a run.

``python -m rig.measure.load.fleet LOCUSTFILE --browser PATH …`` reads orders as JSON lines from standard input and
answers on standard output. It ends, with its browser, when its input ends. Locust patches the standard library at
import, so nothing of this runs in the conductor's process.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import gevent
from gevent.fileobject import FileObject
from locust import events
from locust.env import Environment
from locust.log import setup_logging
from locust.user import User
from locust.util.load_locustfile import load_locustfile

from rig.measure.load.order import order_from
from rig.measure.load.recorder import Recorder
from rig.measure.load.trial import Trial
from rig.measure.load.users import set_browser, set_trial
from rig.measure.pages.client import BrowserClient
from rig.measure.services.supervisor import die_with_parent, pin
from rig.model import Kind

_PROGRESS_S = 0.5


class Fleet:
    """Runs one trial after another on one Locust environment."""

    def __init__(self, locustfile: Path, browser: BrowserClient | None) -> None:
        user_classes = list(load_locustfile(str(locustfile))[0].values())
        self.environment = Environment(user_classes=user_classes, events=events)
        self.environment.rig_fleet = True  # type: ignore[attr-defined]
        self.runner = self.environment.create_local_runner()
        self.browser = browser
        _load_what_loads_late()
        if browser is not None:
            browser.start()
            set_browser(self.environment, browser)

    def run_trial(self, order: dict[str, Any]) -> dict[str, Any]:
        """One trial, from its order to its counts."""
        trial = Trial(order_from(order))
        set_trial(self.environment, trial)
        say({"started": trial.start_s})
        cpu_before, browser_before = time.process_time(), self._browser_cpu_s()
        classes: list[type[User]] = self.environment.user_classes
        self.runner.start(len(classes), spawn_rate=len(classes), wait=False)
        while not (trial.requests_done.is_set() and trial.visits_done.is_set()):
            say({"progress": max(0.0, time.monotonic() - trial.start_s), "recorded": trial.recorder.count})
            gevent.wait([trial.requests_done, trial.visits_done], timeout=_PROGRESS_S, count=2)
        cpu_s, browser_s = time.process_time() - cpu_before, self._browser_cpu_s()
        self.runner.stop()
        trial.close()
        if trial.error or trial.outcome is None:
            return {"error": trial.error or "the requests ended without a count"}
        return {
            "done": True,
            "start_s": trial.start_s,
            "end_s": trial.end_s,
            "drained_s": trial.outcome.drained_s,
            "schedule_digest": trial.schedule.digest,
            "requests": {
                "scheduled": trial.outcome.scheduled,
                "sent": trial.outcome.sent,
                "dropped": trial.outcome.dropped,
                "recorded": trial.recorder.count,
            },
            "pages": {"scheduled": len(trial.schedule.visit_path)},
            "wrong_arm": trial.wrong_arm,
            "cpu_s": {
                "generator": cpu_s,
                "browser": None if browser_s is None or browser_before is None else browser_s - browser_before,
            },
        }

    def close(self) -> None:
        """End Locust and the browser."""
        self.runner.quit()
        if self.browser is not None:
            self.browser.close()

    def _browser_cpu_s(self) -> float | None:
        return self.browser.cpu_s() if self.browser else None


def _load_what_loads_late() -> None:
    """pyarrow imports pandas at its first conversion: 1.7 s in which nothing is sent. Now, not in the first trial."""
    recorder = Recorder(None)
    recorder.add(0, Kind.READ, "/", 0.0, 0.0, 0.0, 200, None, "HIT", "home=1", 0.0)
    recorder.close()


def say(message: dict[str, Any]) -> None:
    """One line to the conductor."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def serve(fleet: Fleet) -> None:
    """Carry out orders until the input ends. An order may come while another runs only to find it ended."""
    say({"ready": True})
    for line in FileObject(sys.stdin.fileno(), "rb", closefd=False):
        say(fleet.run_trial(json.loads(line)))


def main() -> None:
    """Entry point of the fleet process."""
    die_with_parent()
    parser = argparse.ArgumentParser()
    parser.add_argument("locustfile", type=Path)
    parser.add_argument("--browser", default="")
    parser.add_argument("--pages", type=int, default=1)
    parser.add_argument("--cpus", default="")
    parser.add_argument("--browser-log", type=Path, default=None)
    options = parser.parse_args()
    pin(options.cpus)
    with contextlib.suppress(PermissionError):
        # It needs little of its CPU, but on time. Only an administrator may ask for that; others share as they come.
        os.nice(-5)
    setup_logging("INFO")
    browser = None
    if options.browser:
        cpus = {int(cpu) for cpu in options.cpus.split(",")} if options.cpus else None
        browser = BrowserClient(options.browser, pages=options.pages, cpus=cpus, log_path=options.browser_log)
    fleet = Fleet(options.locustfile, browser)
    # What is loaded by now stays: a full collection over it would stop the generator for tens of milliseconds.
    gc.collect()
    gc.freeze()
    try:
        serve(fleet)
    finally:
        fleet.close()


if __name__ == "__main__":
    main()
