"""The browser process's protocol, and what it makes of raw numbers. No browser here."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import Any

import pytest

from rig.measure.pages.chromium import page_script
from rig.measure.pages.judge import STARVED_MS, began_s, note_figures, note_response, starved
from rig.measure.pages.protocol import Order, Visit, encode, encode_order, encode_visit, parse_order
from rig.measure.services.browser import find_browser
from rig.model import InfrastructureError
from rig.samples import PAGES

URL = "http://127.0.0.1:8000/product/7"


def test_a_visit_has_the_columns_of_the_journal() -> None:
    """A reply is a row of the pages table but for what only the caller knows, and what only a traced visit has."""
    assert {field.name for field in fields(Visit)} - {"paint"} == set(PAGES.names) - {
        "index",
        "path",
        "intended_s",
        "control",
    }


def test_an_order_survives_the_pipe() -> None:
    """What the client writes is what the process reads, also with a line break in it, on one line."""
    order = Order(id=7, url=URL + "?q=a\nb", headers={"X-Cache-Strategy": "lease"}, deadline_s=1.5)
    line = encode_order(order)
    assert line.count(b"\n") == 1
    assert parse_order(line) == order


@pytest.mark.parametrize(
    "line",
    [b"", b"{", b"[]", b"{}", b'{"id":1,"url":"u","headers":[],"deadline_s":1}', b'{"id":1,"url":"u","headers":{}}'],
)
def test_what_is_no_order_is_refused(line: bytes) -> None:
    """Garbage is a ValueError, whatever is wrong with it."""
    with pytest.raises(ValueError, match=r"."):
        parse_order(line)


def test_a_reply_is_valid_json() -> None:
    """What was not measured is null; NaN never gets out."""
    reply = json.loads(encode_visit(3, Visit(url=URL, cause="timeout")))
    assert (reply["id"], reply["outcome"], reply["cause"], reply["lcp_ms"]) == (3, "failed", "timeout", None)
    with pytest.raises(ValueError, match="JSON"):
        encode({"lcp_ms": float("nan")})


def test_starved_is_above_the_limit_only() -> None:
    """The limit itself is still the page's."""
    assert not starved(100 + STARVED_MS, 100)
    assert starved(100 + STARVED_MS + 0.1, 100)


@pytest.mark.parametrize(
    ("blocking_ends", "long_tasks", "busy_ms", "expected"),
    [
        ([], [], 0, True),
        ([900], [], 0, False),  # a slow stylesheet
        ([500, 300], [], 0, True),  # one that came long before
        ([1200], [], 0, True),  # one that came after the paint held nothing back
        ([], [(150, 210)], 0, False),  # the page's own long task in the wait
        ([], [(50, 100)], 0, True),  # one that ended before it
        ([], [(1000, 1100)], 0, True),  # one that began after it
        ([], [], 649, True),  # work that explains a part
        ([], [], 650, False),  # work that leaves no more than the limit
    ],
)
def test_a_wait_with_a_reason_is_not_starvation(
    blocking_ends: list[float], long_tasks: list[tuple[float, float]], busy_ms: float, expected: bool
) -> None:
    """LCP at 1000 ms, its resource at 100 ms."""
    assert starved(1000, 100, blocking_ends, long_tasks, busy_ms) is expected


def test_a_resource_still_loading_is_no_wait() -> None:
    """A picture may be painted before its last byte."""
    assert not starved(1000, 1400)


def test_response_headers() -> None:
    """Facts of the cache are taken as they are; an age that is no number is unknown."""
    visit = Visit(url=URL)
    facts = {"x-cache": "STALE", "x-cache-strategy": "lease", "x-content-version": "home=12", "age": "7"}
    note_response(visit, 200, facts)
    found = (visit.status, visit.cache, visit.strategy, visit.content_version, visit.age_s)
    assert found == (200, "STALE", "lease", "home=12", 7)
    note_response(visit, 200, {"age": "soon"})
    assert (visit.age_s, visit.cache) == (None, None)


@pytest.mark.parametrize(
    ("header", "age_s"), [("2147483647", 2**31 - 1), ("2147483648", None), ("9" * 5000, None), ("-1", None)]
)
def test_an_age_beyond_the_journals_column_is_unknown(header: str, age_s: int | None) -> None:
    """One header must not end a run."""
    visit = Visit(url=URL)
    note_response(visit, 200, {"age": header})
    assert visit.age_s == age_s


def figures(**changes: Any) -> dict[str, Any]:
    lcp = {
        "value": 180.0,
        "element": "main>img",
        "url": URL + ".png",
        "ttfb": 40.0,
        "load_delay": 10.0,
        "load_duration": 100.0,
        "render_delay": 30.0,
        "resource_end": 150.0,
    }
    raw = {
        "time_origin": 1_700_000_000_000.0,
        "now": 200.0,
        "lcp": lcp,
        "fcp": 60.0,
        "cls": 0.0,
        "response_start": 40.0,
        "response_end": 45.0,
        "server_timing": [
            {"name": "cache", "description": "hit", "duration": 0.2},
            {"name": "total", "description": "", "duration": 31.5},
        ],
        "waterfall": [{"url": URL, "kind": "document", "start_ms": 0.0}],
        "blocking_ends": [],
        "long_tasks": [],
        "dom_nodes": 40,
    }
    return {**raw, **changes}


WORK = {"LayoutCount": 3, "RecalcStyleCount": 4, "TaskDuration": 0.02}


def test_figures_become_columns() -> None:
    """Parts, clock, counters and Server-Timing as documented in the journal."""
    visit = Visit(url=URL)
    note_figures(visit, figures(), WORK, navigation_s=1000.0)
    row = asdict(visit)
    assert row["outcome"] == "measured"
    assert row["cause"] is None
    assert row["navigation_s"] == 1000.0
    assert [row[f"{part}_ms"] for part in ("ttfb", "load_delay", "load_duration", "render_delay")] == [40, 10, 100, 30]
    assert (row["lcp_ms"], row["fcp_ms"], row["cls"], row["inp_ms"]) == (180, 60, 0, None)
    assert (row["dom_nodes"], row["layouts"], row["style_recalcs"]) == (40, 3, 4)
    assert json.loads(row["server_timing"])[1] == {"name": "total", "description": "", "duration_ms": 31.5}
    assert row["server_total_ms"] == 31.5


@pytest.mark.parametrize(("ahead_s", "expected_s"), [(0.0, 1000.0), (3600.0, 1000.01), (-3600.0, 999.99)])
def test_another_hosts_clock_does_not_misplace_a_visit(ahead_s: float, expected_s: float) -> None:
    """The page's figures were 200 ms old at an instant from 1000.19 to 1000.21 s: that bounds what its clock says."""
    found = began_s(figures(), ahead_s - 1_699_999_000.0, asked_s=1000.19, told_s=1000.21)
    assert found == pytest.approx(expected_s, abs=1e-6)


def test_no_candidate_is_a_failure_with_its_ttfb() -> None:
    """A page without LCP is not a fast page."""
    visit = Visit(url=URL)
    note_figures(visit, figures(lcp=None, fcp=None, cls=None), WORK, 0.0)
    assert (visit.outcome, visit.cause, visit.lcp_ms, visit.ttfb_ms) == ("failed", "no_lcp", None, 40.0)


def test_a_starved_visit_keeps_its_figures() -> None:
    """It is counted and shown, and kept out of quantiles by its outcome."""
    visit = Visit(url=URL)
    lcp = {**figures()["lcp"], "value": 1180.0, "render_delay": 1030.0}
    note_figures(visit, figures(lcp=lcp), WORK, 0.0)
    assert (visit.outcome, visit.cause, visit.lcp_ms) == ("starved", "frame_withheld", 1180.0)


def test_text_waits_for_the_document() -> None:
    """A text LCP has no resource of its own: a document that trickles in is not starvation."""
    lcp = {**figures()["lcp"], "value": 900.0, "url": None, "resource_end": None}
    visit = Visit(url=URL)
    note_figures(visit, figures(lcp=lcp, response_end=880.0), WORK, 0.0)
    assert visit.outcome == "measured"


@pytest.mark.parametrize(("timing", "text"), [(None, None), ([], "[]")])
def test_no_server_timing_is_no_total(timing: list[Any] | None, text: str | None) -> None:
    """Not visible to the page is null; visible and empty is empty. Neither has a total of 0."""
    visit = Visit(url=URL)
    note_figures(visit, figures(server_timing=timing), WORK, 0.0)
    assert (visit.server_timing, visit.server_total_ms) == (text, None)


def test_the_page_script_is_for_the_top_frame_and_leaves_no_global() -> None:
    """web-vitals' own global would meet the page's."""
    script = page_script()
    assert script.startswith("if (window === window.top) (() => {")
    assert "onLCP" in script


def test_a_named_browser_is_never_replaced(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """RIG_BROWSER that is not there, or is no browser, is an error that names it."""
    monkeypatch.setenv("RIG_BROWSER", str(tmp_path / "chromium"))
    with pytest.raises(InfrastructureError, match=f"RIG_BROWSER={tmp_path}/chromium: no such file"):
        find_browser()
    (tmp_path / "chromium").write_text("#!/bin/sh\necho Chromium 1.2.3\nexit 1\n")
    with pytest.raises(InfrastructureError, match="is not executable"):
        find_browser()
    (tmp_path / "chromium").chmod(0o755)
    with pytest.raises(InfrastructureError, match="does not start"):
        find_browser()
