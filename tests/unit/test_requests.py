"""Figures over requests: what counts, what is left out, what is unknown."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rig.analysis.quantiles import plain, spread
from rig.analysis.requests import by_stampede, cache_figures, figures, queue_empty_at_end, write_figures
from rig.analysis.stampede import Stampede
from tests.tables import request, requests

CAUSES = (None, "status", "timeout", "drain", "refused", "reset", "truncated", "protocol", "connect_timeout", "dropped")


def test_quantiles_are_exact_and_linear_between_samples():
    """Of 1..5 the median is 3, p75 is 4, p90 lies between the last two: Hyndman and Fan's type 7."""
    found = spread([5, 1, 4, 2, 3], "mean", "p50", "p75", "p90", "p999", "max", "iqr")
    assert found == pytest.approx({"mean": 3, "p50": 3, "p75": 4, "p90": 4.6, "p999": 4.996, "max": 5, "iqr": 2})


def test_quantiles_of_nothing_are_unknown():
    """Neither an empty list nor one of NaN has a median, and it is not 0."""
    assert spread([], "p50", "mean") == {"p50": None, "mean": None}
    assert spread([float("nan")], "max", "iqr") == {"max": None, "iqr": None}


def test_nan_never_reaches_json():
    """Whatever is not a finite number becomes null, at any depth; numpy's types become JSON's own."""
    assert plain({"a": [np.float64("nan"), np.int64(3), (float("inf"),)], "b": np.bool_(True), "c": None}) == {
        "a": [None, 3, [None]],
        "b": True,
        "c": None,
    }


def test_response_counts_from_the_intended_start_and_service_from_the_send():
    """A request sent 30 ms late that took 50 ms on the wire has a response time of 80 ms."""
    found = figures([requests(request(1.0, took_s=0.08, slip_s=0.03))], window_s=1.0)
    assert found["response_ms"]["p50"] == pytest.approx(80)
    assert found["service_ms"]["p50"] == pytest.approx(50)
    assert found["slip_ms"] == pytest.approx({"p50": 30, "p99": 30, "max": 30})


def test_a_freeze_shows_in_every_quantile_as_analysis_predicts():
    """One freeze of S = 2 s in T = 20 s at uniform arrivals: p99 = S - 0.01 T, mean = S²/2T, within one gap."""
    gap_s = 0.005
    arrivals = np.arange(0, 20, gap_s)
    rows = [request(at, took_s=max(0.0, 12.0 - at) if at >= 10 else 0.0) for at in arrivals]
    found = figures([requests(*rows)], window_s=20.0)
    assert found["response_ms"]["p99"] == pytest.approx(1800, abs=1000 * gap_s)
    assert found["response_ms"]["mean"] == pytest.approx(100, abs=1000 * gap_s)


def test_time_outs_count_at_their_deadline_and_refusals_are_only_counted():
    """A time-out of 2 s is a response time of 2 s; refused and reset connections have none."""
    found = figures(
        [
            requests(
                request(0.0, took_s=0.1),
                request(0.0, took_s=2.0, status=None, cause="timeout"),
                request(0.0, took_s=3.0, status=None, cause="connect_timeout"),
                request(0.0, took_s=4.0, status=None, cause="drain"),
                request(0.0, took_s=None, status=None, cause="refused"),
                request(0.0, took_s=9.0, status=None, cause="reset"),
                request(0.0, took_s=9.0, status=200, cause="truncated"),
            )
        ],
        window_s=10.0,
    )
    assert found["response_ms"]["max"] == pytest.approx(4000)
    assert found["response_ms"]["mean"] == pytest.approx((100 + 2000 + 3000 + 4000) / 4)
    assert found["failed"] == 6
    assert sum(found["failures"].values()) == 6
    assert found["rate_rps"] == pytest.approx(0.1)


def test_error_responses_have_a_time_and_are_failures():
    """A 500 that came back whole counts in the quantiles, in `failed`, and in `statuses` as text."""
    found = figures([requests(request(took_s=0.3, status=500, cause="status"), request(took_s=0.1))], window_s=1.0)
    assert found["response_ms"]["max"] == pytest.approx(300)
    assert (found["failed"], found["failures"], found["statuses"]) == (1, {"status": 1}, {"200": 1, "500": 1})


def test_status_400_is_a_failure_even_without_a_cause_and_399_is_not():
    """The edge of failure is status 400."""
    found = figures([requests(request(status=399), request(status=400))], window_s=1.0)
    assert found["failures"] == {"status": 1}


def test_a_request_without_status_or_cause_is_no_success():
    """A row that says neither what came back nor why it failed counts as failed, cause 'unrecorded'."""
    assert figures([requests(request(status=None))], window_s=1.0)["failures"] == {"unrecorded": 1}


def test_dropped_requests_are_not_sent_and_not_failed():
    """scheduled = sent + dropped; `failed` is within `sent`."""
    found = figures(
        [requests(request(), request(sent_s=None, took_s=None, status=None, cause="dropped"))], window_s=1.0
    )
    assert (found["scheduled"], found["sent"], found["dropped"], found["failed"]) == (2, 1, 1, 0)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(CAUSES), st.floats(0, 5), st.floats(0, 1)), max_size=30))
def test_counts_always_add_up(rows):
    """Whatever happens: scheduled = sent + dropped, failures sum to failed, failed is within sent, p50 <= max."""
    table = requests(
        *(
            request(at, took_s=took, cause=cause, status=200 if cause is None else None)
            | ({"sent_s": None, "done_s": None} if cause == "dropped" else {})
            for cause, at, took in rows
        )
    )
    found = figures([table], window_s=5.0)
    assert found["scheduled"] == found["sent"] + found["dropped"] == len(rows)
    assert sum(found["failures"].values()) == found["failed"] <= found["sent"]
    if found["response_ms"]["p50"] is not None:
        assert found["response_ms"]["p50"] <= found["response_ms"]["p99"] <= found["response_ms"]["max"]


def test_rate_is_achieved_not_offered():
    """100 requests in a window of 10 s are 10/s, and fewer per second where the last answers came 10 s late."""
    on_time = [request(at / 10, took_s=0.05) for at in range(100)]
    late = [request(at / 10, took_s=0.05 + at / 10) for at in range(100)]
    assert figures([requests(*on_time)], window_s=10.0)["rate_rps"] == pytest.approx(10)
    assert figures([requests(*late)], window_s=10.0)["rate_rps"] == pytest.approx(100 / 19.85)


def test_windows_are_pooled():
    """Two windows of 1 s with 2 and 4 requests are 3/s over 6 requests."""
    two, four = requests(*[request()] * 2), requests(*[request(took_s=0.2)] * 4)
    found = figures([two, four], window_s=1.0)
    assert (found["sent"], found["rate_rps"]) == (6, pytest.approx(3))
    assert found["response_ms"]["p50"] == pytest.approx(200)


def test_generator_cost_is_null_when_unknown():
    """0.5 s for 1,000 requests are 500 µs each; unknown seconds are not 0."""
    table = requests(*[request()] * 1000)
    assert figures([table], window_s=1.0, generator_cpu_s=0.5)["cpu_us_per_request"] == pytest.approx(500)
    assert figures([table], window_s=1.0)["cpu_us_per_request"] is None


def test_an_empty_window_measures_nothing():
    """Counts are 0, times are unknown."""
    found = figures([requests()], window_s=1.0)
    assert (found["scheduled"], found["rate_rps"]) == (0, 0)
    assert found["response_ms"]["p95"] is None


def test_cache_ratios_are_over_reads_that_said_what_the_cache_did():
    """Writes and responses without X-Cache are no reads of the cache; outcomes that never came have no entry."""
    table = requests(
        request(cache="HIT"),
        request(cache="HIT", took_s=0.3),
        request(cache="STALE"),
        request(cache="WAIT"),
        request(cache="MISS"),
        request(kind="write", cache="MISS"),
        request(),
    )
    found = cache_figures([table])
    assert (found["hit_ratio"], found["stale_served_ratio"], found["waited_ratio"]) == pytest.approx((0.4, 0.2, 0.2))
    assert found["by_cache"]["HIT"] == pytest.approx({"count": 2, "p50": 200, "p95": 290})
    assert "BYPASS" not in found["by_cache"]


def test_cache_ratios_are_null_where_no_response_says():
    """A target without X-Cache has no hit ratio, not one of 0."""
    assert cache_figures([requests(request())])["hit_ratio"] is None


def test_writes_are_timed_apart():
    """Only begun writes count; their failures are counted among them."""
    table = requests(
        request(took_s=9.0),
        request(kind="write", took_s=0.02),
        request(kind="write", took_s=None, status=None, cause="reset"),
    )
    assert write_figures([table]) == pytest.approx({"count": 2, "failed": 1, "p50_ms": 20, "p99_ms": 20})


def test_requests_inside_a_stampede_overlap_it():
    """A request still under way at the stampede's first instant is inside; one that ended before is not."""
    herd = Stampede(entry="other", cause="expiry", begin_s=2.0, end_s=3.0, peak=2, recomputes=2)
    table = requests(request(1.0, took_s=1.0), request(1.0, took_s=0.999), request(3.0), request(3.001))
    found = by_stampede([(table, [herd])])
    assert (found["inside_stampede"]["count"], found["outside_stampede"]["count"]) == (2, 2)


@pytest.mark.parametrize(
    ("row", "empty"),
    [
        (request(9.49, took_s=0.51), True),
        (request(9.49, took_s=0.52), False),
        (request(9.5, took_s=9.0), True),
        (request(1.0, sent_s=None, took_s=None, status=None, cause="dropped"), False),
        (request(1.0, took_s=None, status=None, cause="refused"), True),
    ],
)
def test_queue_is_empty_when_only_the_last_half_second_is_open(row, empty):
    """Up to 0.5 s before the end may be open; a dropped request was never served; a refused one has ended."""
    assert queue_empty_at_end(requests(row), end_s=10.0) is empty
