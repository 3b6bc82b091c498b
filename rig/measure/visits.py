"""Page visits to any URLs, without a load beside them: what ``rig pages`` does. No Locust, no control endpoints."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import gevent
import pyarrow as pa

from rig.journal import table_of
from rig.measure.pages.client import BrowserClient
from rig.measure.pages.pictures import Pictures
from rig.measure.pages.protocol import VisitOptions
from rig.measure.services.browser import find_browser
from rig.samples import PAGES

SAID = "browser process: "


@dataclass(frozen=True, slots=True, kw_only=True)
class PagesOptions:
    """Which pages to visit, how often, and how. ``every_s``: begin of one visit to the next; None: back to back."""

    urls: Sequence[str]
    visits: int = 10
    """Of each URL."""
    pages: int = 1
    """Open at once."""
    every_s: float | None = None
    seed: int = 1
    timeout_s: float = 30.0
    headers: Mapping[str, str] = field(default_factory=dict)
    how: VisitOptions = field(default_factory=VisitOptions)
    screenshots: Path | None = None
    """A folder for pictures of the slowest visits."""

    @property
    def scheduled(self) -> int:
        """How many visits that makes."""
        return len(self.urls) * self.visits


@dataclass(frozen=True, slots=True)
class Visited:
    """What came of it."""

    table: pa.Table
    """Of :data:`rig.samples.PAGES`, in the order of the schedule; without one, a visit is due when its turn came."""
    cpu_s: float | None
    """Of the browser, from the first navigation to the last visit's end; None where a part of it is lost."""
    restarts: int
    """How often the browser had to be replaced."""
    browser: str
    said: Sequence[str] = ()
    """By the browser process: what stands behind a failure that one word does not explain."""


def order_of_visits(urls: Sequence[str], visits: int, seed: int) -> list[str]:
    """Every URL once a round, in a seeded random order: what drifts meets all of them alike."""
    chance = random.Random(seed)
    return [url for _ in range(visits) for url in chance.sample(urls, len(urls))]


def visit_pages(options: PagesOptions, on_progress: Callable[[int], None]) -> Visited:
    """Visit the pages; ``on_progress`` gets the number of visits that have ended.

    Raises:
        InfrastructureError: there is no browser, or it does not start.
        UsageError: an option names what there is not.
    """
    browser = find_browser()
    with (
        tempfile.TemporaryDirectory(prefix="rig-pages-") as logs,
        BrowserClient(
            browser.path, pages=options.pages, options=options.how, log_path=Path(logs) / "browser.log"
        ) as client,
    ):
        before_s = client.cpu_s()
        rows = _Visits(options, client, on_progress).run()
        after_s = client.cpu_s()
        log = (Path(logs) / "browser.log").read_text(encoding="utf-8", errors="replace")
    return Visited(
        table=table_of(rows, PAGES),
        # What a killed browser used is lost with it, and its successor's start is no visit's.
        cpu_s=None if before_s is None or after_s is None or client.restarts else after_s - before_s,
        restarts=client.restarts,
        browser=browser.version,
        said=[line for line in log.splitlines() if line.startswith(SAID)],
    )


class _Visits:
    """The visits under way: as many greenlets as pages, or one a visit where there is a schedule."""

    def __init__(self, options: PagesOptions, client: BrowserClient, on_progress: Callable[[int], None]) -> None:
        self._options = options
        self._client = client
        self._on_progress = on_progress
        self._pictures = Pictures(options.screenshots) if options.screenshots else None
        self._urls = order_of_visits(options.urls, options.visits, options.seed)
        self._rows: dict[int, dict[str, Any]] = {}

    def run(self) -> list[dict[str, Any]]:
        """Make all visits; rows in the order of the schedule."""
        numbers = iter(range(len(self._urls)))
        if self._options.every_s is None:
            visiting = [gevent.spawn(self._one_after_the_other, numbers) for _ in range(self._options.pages)]
        else:
            visiting = list(self._by_schedule(numbers, self._options.every_s))
        try:
            gevent.joinall(visiting, raise_error=True)
        finally:
            gevent.killall(visiting)
        return [self._without_lost_picture(row) for _, row in sorted(self._rows.items())]

    def _one_after_the_other(self, numbers: Iterator[int]) -> None:
        for number in numbers:
            self._visit(number, time.monotonic())

    def _by_schedule(self, numbers: Iterator[int], every_s: float) -> Iterator[gevent.Greenlet]:
        begin_s = time.monotonic()
        for number in numbers:
            due_s = begin_s + number * every_s
            gevent.sleep(max(0.0, due_s - time.monotonic()))
            yield gevent.spawn(self._visit, number, due_s)

    def _visit(self, number: int, due_s: float) -> None:
        options, url = self._options, self._urls[number]
        visit = self._client.visit(url, options.headers, options.timeout_s, pictures=self._pictures)
        visit.pop("paint")
        kept = self._pictures.keep(visit, number) if self._pictures else None
        path = urlsplit(url).path or "/"
        own = {"index": number, "path": path, "intended_s": due_s, "control": False}
        self._rows[number] = {**visit, **own, "screenshot": None if kept is None else str(kept)}
        self._on_progress(len(self._rows))

    def _without_lost_picture(self, row: dict[str, Any]) -> dict[str, Any]:
        """A picture that gave way to a slower visit's is named no more."""
        kept = row["screenshot"] is not None and Path(row["screenshot"]).exists()
        return {**row, "screenshot": row["screenshot"] if kept else None}
