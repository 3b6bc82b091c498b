"""Why an LCP was slow, by what the cache did; and the steps of the pipeline, which must add up."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rig.analysis.lcp_causes import HIT_QUEUED, cause_of, queued_above_ms
from rig.analysis.lcp_parts import PARTS
from rig.analysis.pages import cause_figures
from rig.analysis.stampede import Stampede
from tests.tables import pages, visit

HERD = Stampede(entry="another", cause="expiry", begin_s=2.0, end_s=3.0, peak=3, recomputes=3)


def timed(**durations):
    """Server-Timing as the column has it."""
    return json.dumps([{"name": name, "description": "", "duration_ms": ms} for name, ms in durations.items()])


def served(at_s, lcp_ms, cache, queue_ms=1.0, worked_ms=4.0, **columns):
    return visit(at_s, lcp_ms, queue_ms + worked_ms, cache=cache, server_total_ms=worked_ms, **columns)


def found(*rows, stampedes=(HERD,)):
    return cause_figures([(pages(*rows), stampedes)])


@pytest.mark.parametrize(
    ("calm_ms", "above_ms"), [([], 20.0), ([1.0, 2.0, 3.0], 20.0), ([6.0], 20.0), ([7.0], 21.0), ([np.nan, 10.0], 30.0)]
)
def test_a_queue_is_three_usual_waits_and_20_ms_at_least(calm_ms, above_ms):
    assert queued_above_ms(calm_ms) == pytest.approx(above_ms)


@pytest.mark.parametrize(
    ("cache", "queue_ms", "cause"),
    [
        ("HIT", 20.0, "HIT"),
        ("HIT", 20.1, HIT_QUEUED),
        ("MISS", 900.0, "MISS"),
        ("WAIT", None, "WAIT"),
        ("STALE", 0.0, "STALE"),
        ("BYPASS", 0.0, "BYPASS"),
        ("HIT", None, None),
        ("HIT", float("nan"), None),
        (None, 5.0, None),
        ("teapot", 5.0, None),
    ],
)
def test_only_a_hit_can_have_queued_and_exactly_at_the_limit_it_has_not(cache, queue_ms, cause):
    """A hit whose wait is not known is no calm hit: its cause is unknown."""
    assert cause_of(cache, queue_ms, 20.0) == cause


def test_planted_causes_are_recovered_inside_and_outside():
    """A hit of 60 ms, a queued one of 900 in the herd, a miss of 1,500 in it, a wait of 700 outside."""
    groups = found(
        served(0.0, 60, "HIT"),
        served(2.2, 900, "HIT", queue_ms=800),
        served(2.1, 1500, "MISS", worked_ms=1400),
        served(5.0, 700, "WAIT", worked_ms=600),
        visit(6.0, 50),
    )["by_cause"]
    assert list(groups) == ["HIT", HIT_QUEUED, "WAIT", "MISS"]
    inside = {
        cause: (one["inside_stampede"]["count"], one["outside_stampede"]["count"]) for cause, one in groups.items()
    }
    assert inside == {"HIT": (0, 1), HIT_QUEUED: (1, 0), "WAIT": (0, 1), "MISS": (1, 0)}
    assert groups[HIT_QUEUED]["inside_stampede"]["lcp_ms"]["p50"] == 900
    assert groups[HIT_QUEUED]["outside_stampede"]["lcp_ms"]["p50"] is None
    assert groups["MISS"]["share"] == 0.25


@pytest.mark.parametrize(("lcp_ms", "band"), [(2500, "good"), (2500.1, "needs improvement"), (4000.1, "poor")])
def test_bands_are_those_of_web_vitals(lcp_ms, band):
    assert found(served(0.0, lcp_ms, "MISS"))["by_cause"]["MISS"]["lab_band"] == band


def full(at_s, queue_ms, origin_ms, db_ms, paint_ms=30.0):
    total_ms = origin_ms + 3.0
    ttfb_ms = queue_ms + total_ms
    timing = timed(cache=1.0, lock=0.0, origin=origin_ms, db=db_ms, render=1.5, total=total_ms)
    more = {"load_delay_ms": 4.0, "load_duration_ms": 6.0, "render_delay_ms": paint_ms, "fcp_ms": ttfb_ms + 12}
    return visit(at_s, ttfb_ms + 10 + paint_ms, ttfb_ms, server_timing=timing, server_total_ms=total_ms, **more)


def test_means_of_the_steps_add_up_to_the_mean_lcp_in_and_out_of_stampedes():
    steps = found(full(0.0, 1, 0, 0), full(6.0, 3, 0, 0), full(2.1, 300, 500, 450), full(2.2, 700, 0, 0))["pipeline_ms"]
    for side in ("mean_inside_stampede", "mean_outside_stampede"):
        mean = steps[side]
        assert mean["count"] == 2
        assert sum(mean[part] for part in PARTS) == pytest.approx(mean["lcp"])
    inside = steps["mean_inside_stampede"]
    assert (inside["queue"], inside["origin"], inside["db"]) == pytest.approx((500, 250, 225))
    assert inside["critical_path"] == pytest.approx(12)
    assert steps["median"]["resource"] == pytest.approx(10)


def test_the_database_is_never_more_than_the_origin_it_lies_within():
    assert found(full(0.0, 1, 50, 80))["pipeline_ms"]["median"]["db"] == pytest.approx(50)


def test_a_server_that_does_not_say_what_it_did_has_no_known_steps():
    """Its TTFB is one figure: no queue, cache or origin of 0 ms is made up, and no mean that would not add up."""
    steps = found(visit(0.0, 60, 20, load_delay_ms=4.0, fcp_ms=30.0))["pipeline_ms"]
    assert {steps["median"][name] for name in ("queue", "cache", "lock", "origin", "db", "render")} == {None}
    assert steps["median"]["critical_path"] == 10
    assert steps["mean_outside_stampede"]["count"] == 0
    assert steps["mean_outside_stampede"]["lcp"] is None
