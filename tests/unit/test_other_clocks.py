"""Samples timed with another host's clock: their own times hold, what needs the target's clock is null."""

from __future__ import annotations

import pytest

from rig.analysis.arms import arm_figures, derive
from tests.tables import origin, pages, recompute, request, requests, visit, write

STALE = [request(at, took_s=0.01, cache="HIT", content_version="p=1") for at in (3.0, 4.0, 5.0)]
EVENTS = [recompute(-1.0, -0.9, ttl_s=60.0), write(1, -2.0, -1.9), write(2, 2.0, 2.1)]
ARM = {"label": "a", "max_staleness_s": 60.0}


def _figures(worker: int, foreign: list[int], visits: list = ()):
    tables = {
        "requests": requests(*({**row, "worker": worker} for row in STALE)),
        "pages": pages(*visits),
        "origin": origin(*EVENTS),
    }
    facts = {"round": 1, "start_s": 0.0, "end_s": 10.0, "foreign_workers": foreign}
    return arm_figures([derive(facts, tables, entries={"/p/": "p"})], ARM, {"entries": {"/p/": "p"}})


def test_reads_of_this_hosts_clock_are_judged():
    """The control: the same three reads are stale."""
    stale = _figures(worker=1, foreign=[0])["staleness"]
    assert (stale["reads"], stale["stale"], stale["other_clock"]) == (3, 3, 0)


def test_reads_of_another_clock_are_not_judged_and_not_called_fresh():
    """Null, never 0: two clocks can't say which came first."""
    found = _figures(worker=0, foreign=[0])
    stale = found["staleness"]
    assert stale["other_clock"] == 3
    for key in ("reads", "stale", "indeterminate", "stale_ratio", "age_p99_s", "age_max_s", "time_to_fresh_p50_s"):
        assert stale[key] is None, key
    assert found["requests"]["response_ms"]["p50"] == pytest.approx(10.0)


def test_page_visits_are_judged_also_when_the_requests_came_from_elsewhere():
    """The browser is on the conductor's host, whoever sends the requests."""
    stale = _figures(worker=0, foreign=[0], visits=[visit(4.0, content_version="p=1", path="/p/")])["staleness"]
    assert (stale["reads"], stale["stale"], stale["other_clock"]) == (1, 1, 3)
