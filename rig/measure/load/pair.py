"""Two targets under one schedule at once: each read goes to one of them by a coin, each write to both.

Both sides are sent by one process, through one loop: what makes the generator late makes both late. Page visits are
made one after the other while the schedule's head is calm, so that there are never two at once.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path
from typing import Any

import gevent

from rig.journal import StreamSink
from rig.measure.load.order import PairOrder, PlannedVisit, TrialOrder, pair_from
from rig.measure.load.trial import LEAD_S, Trial
from rig.measure.pages.client import BrowserClient
from rig.model import InfrastructureError, RigError, VisitOutcome
from rig.samples import REQUESTS

VISIT_TIMEOUT_S = 10.0


def run_pair(data: dict[str, Any], browser: BrowserClient | None) -> dict[str, Any]:
    """One launch's traffic, from its order to its counts: ``sides`` and ``visits`` in the order's own order."""
    order = pair_from(data)
    begin_cpu_s = time.process_time()
    browser_before = browser.cpu_s() if browser else None
    try:
        with ExitStack() as stack:
            trials = [_opened(side, stack) for side in order.sides]
            start_s = time.monotonic() + LEAD_S
            for trial in trials:
                trial.begin(start_s)
            visiting = gevent.spawn(_visit, order, trials, browser)
            sending = [gevent.spawn(trial.send_requests, lambda batch: None) for trial in trials]
            gevent.joinall([visiting, *sending], raise_error=True)
            visits = visiting.get()
    except RigError as error:
        return {"error": str(error), "known": True}
    browser_after = browser.cpu_s() if browser else None
    return {
        "done": True,
        "start_s": start_s,
        "end_s": trials[0].end_s,
        "schedule_digest": trials[0].schedule.digest,
        "sides": [_counts(trial) for trial in trials],
        "visits": visits,
        "cpu_s": {
            "generator": time.process_time() - begin_cpu_s,
            "browser": _used(browser_before, browser_after) if browser else 0.0,
        },
    }


def _used(before_s: float | None, after_s: float | None) -> float | None:
    return None if before_s is None or after_s is None else after_s - before_s


def _opened(order: TrialOrder, stack: ExitStack) -> Trial:
    """A side's trial, its journals open for as long as the stack."""
    if order.requests_path is None:
        raise InfrastructureError("pair: a side has no journal; give requests_path")
    sink = StreamSink(Path(order.requests_path), REQUESTS)
    stack.callback(sink.close)
    trial = Trial(order, sink.write)
    stack.callback(trial.close)
    return trial


def _counts(trial: Trial) -> dict[str, Any]:
    counts = trial.counts
    if counts is None:
        raise InfrastructureError("pair: the requests ended without a count")
    return {
        "requests": {
            "scheduled": counts.scheduled,
            "sent": counts.sent,
            "dropped": counts.dropped,
            "recorded": trial.recorder.count,
        },
        "drained_s": counts.drained_s,
        "wrong_arm": trial.wrong_arm,
        "pages": {"scheduled": 0},
    }


def _visit(order: PairOrder, trials: Sequence[Trial], browser: BrowserClient | None) -> list[dict[str, Any]]:
    """Visit after visit, while cycles fit into the calm part.

    Time runs out because visits were slow. To cut a cycle off, or to leave a page out, would drop the slow ones of
    whichever arm has them: so a cycle that has begun is finished, and each page has one.
    """
    found: list[dict[str, Any]] = []
    if browser is None or not order.visits:
        return found
    until_s = trials[0].start_s + order.visits_until_s
    gevent.sleep(max(0.0, trials[0].start_s + order.visits_from_s - time.monotonic()))
    seen: set[str] = set()
    for _, members in groupby(order.visits, key=lambda planned: planned.cycle):
        cycle = list(members)
        if time.monotonic() >= until_s and cycle[0].path in seen:
            continue
        seen.add(cycle[0].path)
        for planned in cycle:
            found.append(_visited(planned, order.visit_headers, trials[planned.side], browser, len(found)))
            # Lost already, and counted as lost: the rest would add nothing but time.
            if found[-1]["outcome"] != VisitOutcome.MEASURED and time.monotonic() >= until_s:
                break
    return found


def _visited(
    planned: PlannedVisit, headers: Mapping[str, str], trial: Trial, browser: BrowserClient, number: int
) -> dict[str, Any]:
    due_s = time.monotonic()
    url = trial.order.url.rstrip("/") + planned.path
    visit = browser.visit(url, headers, VISIT_TIMEOUT_S, tab=planned.side)
    visit.pop("paint", None)
    own = {"index": number, "path": planned.path, "intended_s": due_s, "control": False, "screenshot": None}
    trial.visits.add({**visit, **own})
    told = ("outcome", "cause", "status", "lcp_ms")
    return {
        "side": planned.side,
        "path": planned.path,
        "cycle": planned.cycle,
        "took_s": time.monotonic() - due_s,
        **{name: visit[name] for name in told},
    }
