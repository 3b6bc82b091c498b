"""Figures over page visits: outcomes, LCP in and out of stampedes, what is kept out of quantiles."""

from __future__ import annotations

import pytest

from rig.analysis.pages import cause_figures, figures
from rig.analysis.stampede import Stampede
from tests.tables import pages, visit

NOT_STARTED = visit(
    9.0, None, None, outcome="failed", cause="not_started", started_s=None, navigation_s=None, done_s=None
)
HERD = Stampede(entry="another", cause="expiry", begin_s=2.0, end_s=3.0, peak=3, recomputes=3)


def split(*rows, stampedes=(HERD,)):
    return cause_figures([(pages(*rows), stampedes)])


def test_every_visit_ends_as_measured_failed_or_starved():
    """scheduled = measured + failed + starved, with the causes of failure."""
    found = figures([pages(visit(), visit(outcome="starved"), visit(outcome="failed", cause="status"), NOT_STARTED)])
    assert (found["scheduled"], found["measured"], found["failed"], found["starved"]) == (4, 1, 2, 1)
    assert found["failures"] == {"status": 1, "not_started": 1}


def test_starved_and_failed_visits_are_in_no_quantile():
    """One measured visit of 60 ms beside a starved one of 2 s and a failed one of 9 s: every quantile is 60 ms."""
    found = figures([pages(visit(), visit(0, 2000.0, outcome="starved"), visit(0, 9000.0, outcome="failed"))])
    assert found["lcp_ms"] == pytest.approx({"p50": 60, "p75": 60, "p95": 60, "iqr": 0})
    split_ = split(visit(), visit(2.5, 2000.0, outcome="starved", cache="HIT"), stampedes=[HERD])
    assert (split_["inside_stampede"]["count"], split_["by_cache"]) == (0, {})


def test_parts_are_means_and_the_rest_medians():
    """Parts must add up, so they are means; FCP, CLS and INP are medians."""
    rows = [visit(0, 60, ttfb, fcp_ms=fcp, load_delay_ms=1.0) for ttfb, fcp in ((10, 10), (10, 20), (40, 90))]
    found = figures([pages(*rows)])
    assert found["parts_ms"] == {
        "ttfb": pytest.approx(20),
        "load_delay": 1.0,
        "load_duration": None,
        "render_delay": None,
    }
    assert (found["fcp_ms"], found["inp_ms"]) == (20, None)


def test_lateness_of_visits_is_shown():
    """Begun 0 and 400 ms after their time; a visit that was never begun has no lateness."""
    found = figures([pages(visit(), visit(1.0, started_s=1.4), NOT_STARTED)])
    assert found["visit_slip_ms"] == pytest.approx({"p50": 200, "max": 400})


def test_wall_time_runs_from_the_first_navigation_to_the_last_end():
    """Per window, and windows are added: 1 to 3.06 s and 0 to 0.06 s are 2.12 s."""
    one = pages(visit(1.0), visit(3.0, 60.0))
    assert figures([one, pages(visit(0.0))], browser_cpu_s=1.5)["wall_s"] == pytest.approx(2.12)
    assert figures([one], browser_cpu_s=1.5)["cpu_s"] == 1.5


def test_without_visits_nothing_is_measured():
    """Counts are 0; LCP, wall time and lateness are unknown."""
    found = figures([pages()])
    assert (found["scheduled"], found["wall_s"], found["lcp_ms"]["p50"], found["cls"]) == (0, None, None, None)


@pytest.mark.parametrize(
    ("at_s", "ttfb_ms", "inside"),
    [(1.5, 500.0, True), (1.5, 499.0, False), (3.0, 5.0, True), (3.001, 5.0, False), (1.0, 5000.0, True)],
)
def test_a_visit_is_inside_when_its_wait_for_the_server_overlaps_a_stampede(at_s, ttfb_ms, inside):
    """[navigation, first byte] against [2 s, 3 s], edges included, of any entry: threads are shared."""
    found = split(visit(at_s, 9000.0, ttfb_ms))
    assert (found["inside_stampede"]["count"], found["outside_stampede"]["count"]) == (int(inside), int(not inside))


def test_a_visit_of_unknown_time_is_in_neither_group():
    """Neither navigation nor first byte known: not called calm."""
    found = split(visit(navigation_s=None), visit(ttfb_ms=None))
    assert found["unplaced"] == 2
    assert found["outside_stampede"]["count"] == 0


def test_visits_meet_the_stampedes_of_their_own_trial():
    """The same clock times in two trials: only where there was a stampede are they inside."""
    found = cause_figures([(pages(visit(2.5)), [HERD]), (pages(visit(2.5), visit(2.6)), [])])
    assert (found["inside_stampede"]["count"], found["outside_stampede"]["count"]) == (1, 2)


def test_slow_means_more_than_twice_the_calm_median():
    """Calm median 60 ms: 120 ms is not slow, 120.1 ms is, wherever it happened."""
    found = split(visit(), visit(), visit(0, 120.0), visit(2.5, 120.1))
    assert found["slow_share"] == pytest.approx(0.25)


def test_without_calm_visits_nobody_is_slow_or_not():
    """Twice an unknown median is unknown."""
    assert split(visit(2.5, 900.0))["slow_share"] is None


def test_lcp_is_split_by_what_the_cache_did():
    """Each X-Cache value with its count, LCP and TTFB; a visit without one belongs to none."""
    found = split(visit(0, 60, 5, cache="HIT"), visit(0, 900, 800, cache="MISS"), visit())["by_cache"]
    assert {
        status: (group["count"], group["lcp_ms"]["p50"], group["ttfb_ms"]["p75"]) for status, group in found.items()
    } == {
        "HIT": (1, 60, 5),
        "MISS": (1, 900, 800),
    }


def test_the_thread_queue_is_ttfb_less_the_servers_own_time():
    """TTFB 805 ms of which the server worked 5: 800 ms in the queue. Unknown where the server doesn't say."""
    found = split(visit(2.5, 900, 805.0, server_total_ms=5.0), visit())
    assert found["inside_stampede"]["thread_queue_ms"]["p50"] == pytest.approx(800)
    assert found["outside_stampede"]["thread_queue_ms"]["p50"] is None


def test_page_weight_is_the_median():
    rows = [visit(dom_nodes=nodes, layouts=2) for nodes in (210, 212, 500)]
    found = split(*rows)
    assert (found["dom_nodes"], found["layouts"], found["style_recalcs"]) == (212, 2, None)
