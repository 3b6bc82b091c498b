"""LCP against pages whose LCP is known: delays, Server-Timing, frames withheld on purpose and a slow stylesheet."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gevent
import psutil

from rig.measure.pages.calibration import CalibrationServer
from rig.measure.pages.client import BrowserClient
from rig.measure.services.browser import find_browser
from rig.model import VisitOutcome
from rig.plan.environment import pinning
from rig.selftest import calibration
from rig.selftest.check import Check, exactly

DEADLINE_S = 20.0
WARM_UP_VISITS = 5
PLANTED_VISITS = 5
STYLE_MS = 600.0
HELD_MS = 300.0
WITHHELD_S = 1.5
"""How long frames are withheld: 300 ms of it the image is not there yet, so 1.2 s are the withheld frame's."""
POLL_S = 0.002

SERVER_TIMING = (
    r'cache;desc=hit;dur=0.125, db;dur=1.5;desc="3 queries, 2 rows; \"cold\" C:\\x", render, '
    r"x-a!#$%&'*+.^_`|~9;dur=1e3;desc=, total ; dur=12.75, total;desc=again;dur=0, "
    r'b;desc="Bücher = Büchlein; ×2";dur="2.5"'
)
SERVER_TIMING_READ = [
    ("cache", "hit", 0.125),
    ("db", r'3 queries, 2 rows; "cold" C:\x', 1.5),
    ("render", "", 0.0),
    ("x-a!#$%&'*+.^_`|~9", "", 1000.0),
    ("total", "", 12.75),
    ("total", "again", 0.0),
    ("b", "Bücher = Büchlein; ×2", 2.5),
]
"""The same, as https://www.w3.org/TR/server-timing/ has it read: without a duration it is 0."""


@dataclass(frozen=True, slots=True)
class Lab:
    """A browser as a run uses it, one page, and the server of known pages."""

    browser: BrowserClient
    server: CalibrationServer

    def visit(self, url: str) -> dict[str, Any]:
        """Visit one page; returns the fields of a visit."""
        return self.browser.visit(url, {}, DEADLINE_S)


@contextlib.contextmanager
def lab() -> Iterator[Lab]:
    """Browser and server, for as long as the block lasts, the browser where a run would have it.

    Raises:
        InfrastructureError: there is no browser, or it does not start.
    """
    path, cpus = find_browser().path, pinning()[1]
    own_cpus = [int(cpu) for cpu in cpus.split(",")] if cpus else None
    with (
        tempfile.TemporaryDirectory(prefix="rig-selftest-") as folder,
        CalibrationServer(SERVER_TIMING) as server,
        BrowserClient(path, cpus=own_cpus, log_path=Path(folder) / "browser.log") as browser,
    ):
        yield Lab(browser, server)


def checks(say: Callable[[str], None]) -> Iterator[Check]:
    """All checks of the pages side; ``say`` hears what is being measured. About a minute and a half.

    Raises:
        InfrastructureError: there is no browser, or it does not start.
    """
    say("browser starts")
    with lab() as here:
        say(f"{len(calibration.DELAYS_MS)} known delays, {calibration.VISITS} visits each")
        yield from calibrated(here, calibration.VISITS)
        yield from server_timing(here)
        say(f"{PLANTED_VISITS} withheld frames and {PLANTED_VISITS} slow stylesheets")
        yield from withheld_frames(here, PLANTED_VISITS)
        yield from slow_stylesheets(here, PLANTED_VISITS)


def calibrated(here: Lab, visits: int) -> Iterator[Check]:
    """LCP against the delay of its image, so many visits a delay.

    One page at a time: with two, half the time would do, but each would be painted while the other starts.
    """
    for _ in range(WARM_UP_VISITS):
        here.visit(here.server.url(0))
    undelayed = [here.visit(here.server.url(0)) for _ in range(visits)]
    delayed = [(delay_ms, here.visit(here.server.url(delay_ms))) for delay_ms in calibration.order(visits)]
    yield from calibration.checks_of(delayed, undelayed)


def server_timing(here: Lab) -> Iterator[Check]:
    """Names, descriptions and durations are those sent, in their order."""
    read = json.loads(here.visit(here.server.url(0))["server_timing"] or "[]")
    entries = [(entry["name"], entry["description"], entry["duration_ms"]) for entry in read]
    same = sum(sent == got for sent, got in zip(SERVER_TIMING_READ, entries, strict=False))
    yield exactly("Server-Timing: entries sent", len(entries), len(SERVER_TIMING_READ))
    yield exactly("Server-Timing: entries read exactly", same, len(SERVER_TIMING_READ))


def withheld_frames(here: Lab, visits: int) -> Iterator[Check]:
    """An image that is there, and no frame to show it in: the browser's process for frames is stopped meanwhile."""
    ends = [_withheld(here) for _ in range(visits)]
    flagged = sum(end["outcome"] == VisitOutcome.STARVED and end["cause"] == "frame_withheld" for end in ends)
    yield exactly("withheld frame: flagged as starved", flagged, visits, "visits")


def slow_stylesheets(here: Lab, visits: int) -> Iterator[Check]:
    """A late paint that the page itself is the reason of: measured, and no starvation."""
    ends = [here.visit(here.server.styled_url(STYLE_MS)) for _ in range(visits)]
    flagged = sum(end["outcome"] == VisitOutcome.STARVED for end in ends)
    late = sum(end["outcome"] == VisitOutcome.MEASURED and end["lcp_ms"] >= STYLE_MS for end in ends)
    yield exactly("slow stylesheet: flagged as starved", flagged, 0, "visits")
    yield exactly("slow stylesheet: measured as late", late, visits, "visits")


def _withheld(here: Lab) -> dict[str, Any]:
    """One visit under which frames stop when the image was asked for, and come again long after it is there."""
    here.server.held.clear()
    visiting = gevent.spawn(here.visit, here.server.url(HELD_MS))
    with gevent.Timeout(DEADLINE_S, False):
        while not here.server.held.is_set() and not visiting.ready():
            gevent.sleep(POLL_S)
        with stopped(frame_makers(here.browser.ready["pid"])):
            gevent.sleep(WITHHELD_S)
    return dict(visiting.get())


def frame_makers(pid: int) -> list[psutil.Process]:
    """Chromium's GPU process, which presents frames also where there is no GPU, among all below ``pid``."""
    try:
        family = psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []  # The browser is gone: its visit says so.
    return list(filter(_is_frame_maker, family))


def _is_frame_maker(process: psutil.Process) -> bool:
    try:
        return "--type=gpu-process" in process.cmdline()
    except psutil.Error:
        return False


@contextlib.contextmanager
def stopped(processes: Sequence[psutil.Process]) -> Iterator[None]:
    """Keep processes stopped while the block lasts; none is left so, however it ends."""
    try:
        for process in processes:
            with contextlib.suppress(psutil.Error):
                process.suspend()
        yield
    finally:
        for process in processes:
            with contextlib.suppress(psutil.Error):
                process.resume()
