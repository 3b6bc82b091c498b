"""Visits to the control page: some at rest before a trial, some between the page visits of its window."""

from __future__ import annotations

import time
from typing import Any

import gevent

from rig.measure.load.trial import Trial
from rig.measure.pages.client import BrowserClient
from rig.model import VisitOutcome

VISIT_TIMEOUT_S = 20.0
WARM_UPS = 2
"""A browser that stood still, or was just started, is slower at first."""
AT_REST = 5


def at_rest(browser: BrowserClient, url: str) -> list[float]:
    """LCP of the control page with nothing else going on, ms; visits that were not measured are left out."""
    visits = [browser.visit(url, {}, VISIT_TIMEOUT_S, control=True) for _ in range(WARM_UPS + AT_REST)]
    measured = [visit for visit in visits[WARM_UPS:] if visit["outcome"] == VisitOutcome.MEASURED]
    return [visit["lcp_ms"] for visit in measured]


def between_visits(browser: BrowserClient, trial: Trial) -> None:
    """Visit the control page at the instants the schedule has for it; journalled, and told to nobody who watches.

    The browser has a page for it alone, so that no visit of the schedule waits for one of these.
    """
    url, first = trial.order.control_url, len(trial.schedule.visit_path)
    if url is None:
        return
    for number, at_s in enumerate(trial.schedule.control_at_s, first):
        intended_s = trial.start_s + float(at_s)
        gevent.sleep(max(0.0, intended_s - time.monotonic()))
        visit = browser.visit(url, {}, VISIT_TIMEOUT_S, begin_by_s=trial.end_s, control=True)
        row: dict[str, Any] = {"index": number, "path": "/", "intended_s": intended_s, "control": True}
        visit.pop("paint", None)  # Of traced visits, which are none of a trial's.
        trial.visits.add({**visit, **row})
