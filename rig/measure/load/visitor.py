"""Sends the browser to pages by schedule. Every scheduled visit ends as measured, failed or starved."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import gevent

from rig.measure.load.control_visits import between_visits
from rig.measure.load.live.feed import LiveFeed
from rig.measure.load.trial import Trial
from rig.measure.pages.client import BrowserClient
from rig.measure.pages.pictures import Pictures
from rig.model import VisitOutcome

VISIT_TIMEOUT_S = 20.0


class VisitRunner:
    """Runs the visits of one trial. ``bus`` is Locust's request event, ``live`` the picture someone watches."""

    def __init__(self, bus: Any, trial: Trial, browser: BrowserClient | None, live: LiveFeed | None = None) -> None:
        self._bus = bus
        self._live = live
        self._trial = trial
        self._browser = browser
        self._pictures = Pictures(Path(trial.order.pictures)) if trial.order.pictures else None

    def run(self) -> None:
        """Offer each visit when it is due; the browser begins it when a page is free. Return when all have ended."""
        trial = self._trial
        visits = []
        if self._browser is not None:
            visits.append(gevent.spawn(between_visits, self._browser, trial))
            for index, (at_s, path) in enumerate(
                zip(trial.schedule.visit_at_s, trial.schedule.visit_path, strict=True)
            ):
                intended_s = trial.start_s + float(at_s)
                gevent.sleep(max(0.0, intended_s - time.monotonic()))
                visits.append(gevent.spawn(self._visit, index, path, intended_s))
        gevent.joinall(visits)

    def _visit(self, index: int, path: str, intended_s: float) -> None:
        assert self._browser is not None
        trial = self._trial
        url = trial.order.url.rstrip("/") + path
        # The browser is a closed loop: what it could not begin in the window is failed, cause not_started.
        visit = self._browser.visit(
            url, dict(trial.order.headers), VISIT_TIMEOUT_S, begin_by_s=trial.end_s, pictures=self._pictures
        )
        row: dict[str, Any] = {**visit, "index": index, "path": path, "intended_s": intended_s, "control": False}
        row.pop("paint", None)  # Of traced visits, which are none of a trial's.
        if row["outcome"] == VisitOutcome.MEASURED and self._is_wrong_arm(row):
            trial.wrong_arm += 1
            row |= {"outcome": VisitOutcome.FAILED, "cause": "wrong_arm"}
        row["screenshot"] = self._keep_picture(row)
        trial.visits.add(row)
        if self._live is not None:
            self._live.visit(row)
        self._tell_locust(path, row)

    def _keep_picture(self, row: dict[str, Any]) -> str | None:
        """File the picture among those of the slowest; its name from the run directory, None where it is not kept."""
        kept = self._pictures.keep(row, row["index"]) if self._pictures else None
        return None if kept is None else str(kept.relative_to(kept.parents[3]))

    def _is_wrong_arm(self, row: dict[str, Any]) -> bool:
        expected = self._trial.order.strategy
        return expected is not None and row.get("strategy") != expected

    def _tell_locust(self, path: str, row: dict[str, Any]) -> None:
        measured = row["outcome"] == VisitOutcome.MEASURED
        self._bus.fire(
            request_type="LCP",
            name=path,
            response_time=row.get("lcp_ms") or 0.0,
            response_length=0,
            exception=None if measured else RuntimeError(f"{row['outcome']}: {row.get('cause')}"),
            context={},
        )
