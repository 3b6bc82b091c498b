"""The selftest's judgement of LCP against known delays: a broken measuring is seen, the machine's pauses are not it."""

from __future__ import annotations

import random

import pytest

from rig.model import VisitOutcome
from rig.report.selftest import line, verdict
from rig.selftest.calibration import DELAYS_MS, VISITS, checks_of, fit, order
from rig.selftest.check import at_least, shown

URL = "http://127.0.0.1:1/image.png?delay_ms=100"


def visit(lcp_ms, outcome=VisitOutcome.MEASURED, cause=None, url=URL):
    return {"lcp_ms": lcp_ms, "outcome": outcome, "cause": cause, "resource_url": url}


def calibrated(slope=1.0, offset_ms=60.0, scatter_ms=16.7):
    """As many visits as the selftest makes, to a browser whose frames begin when they like."""
    frames = random.Random(7)
    return [(delay, visit(slope * delay + offset_ms + frames.uniform(0, scatter_ms))) for delay in order(VISITS)]


def judged(points):
    return {check.name.removeprefix("calibration: "): check for check in checks_of(points, [visit(40.0)])}


def missed(points):
    return {name for name, check in judged(points).items() if not check.ok}


def test_a_sound_instrument_passes_and_its_offset_is_shown():
    """Slope 1 within 1 %; the constant part has no tolerance."""
    found = judged(calibrated())
    assert missed(calibrated()) == set()
    assert found["LCP / delay"].measured == pytest.approx(1.0, abs=0.005)
    assert found["the browser's own"].measured == pytest.approx(60 + 16.7 / 2, abs=3)
    assert found["the browser's own"].truth is None
    assert found["LCP p50 without delay"].measured == 40.0
    assert missed(calibrated(offset_ms=400.0)) == set()


@pytest.mark.parametrize("slope", [1.05, 1.02, 0.98, 0.0])
def test_a_wrong_slope_is_missed(slope):
    """A clock that runs wrong, and an LCP that is read before the image is there."""
    assert missed(calibrated(slope=slope)) == {"LCP / delay"}


def test_scatter_is_missed():
    """The middle half of 80 ms uniform spans 40."""
    assert "scatter (IQR)" in missed(calibrated(scatter_ms=80.0))


def test_a_pause_of_the_machine_under_one_visit_changes_nothing():
    """Least squares would be tilted by 1 % by it: the longest delay, 600 ms late, in one visit of a hundred."""
    points = calibrated()
    late = next(i for i, (delay, _) in enumerate(points) if delay == max(DELAYS_MS))
    points[late] = (points[late][0], visit(points[late][1]["lcp_ms"] + 600.0))
    assert missed(points) == set()


def test_one_visit_of_a_hundred_may_be_lost_and_two_may_not():
    """Starved, failed with a cause, or with the LCP of something else: not measured."""
    points = calibrated()
    points[0] = (points[0][0], visit(None, VisitOutcome.FAILED, "timeout"))
    assert missed(points) == set()
    points[1] = (points[1][0], visit(1900.0, VisitOutcome.STARVED, "frame_withheld"))
    assert missed(points) == {"visits measured"}
    points[1] = (points[1][0], visit(30.0, url=None))
    assert missed(points) == {"visits measured"}


def test_a_visit_without_an_end_is_missed():
    """Failed without a cause is lost, and so is measured without an LCP."""
    points = calibrated()
    points[0] = (points[0][0], visit(None, VisitOutcome.FAILED))
    assert missed(points) == {"visits with an end"}


def test_a_browser_that_measured_nothing_misses_everything_but_its_ends():
    """No slope is no pass."""
    points = [(delay, visit(None, VisitOutcome.FAILED, "browser_crashed")) for delay in order(2)]
    found = {check.name: check for check in checks_of(points, [])}
    assert [name for name, check in found.items() if check.ok] == ["calibration: visits with an end"]
    assert found["calibration: LCP / delay"].measured is None


def test_the_order_is_seeded_and_whole():
    """Each delay as often as the others, in the same order each time, and not one after the other."""
    assert order(3) == order(3)
    assert sorted(order(3)) == sorted([*DELAYS_MS] * 3)
    assert order(3) != sorted(order(3))


def test_a_fit_needs_two_values_of_x():
    """The line through two points is the line through two points."""
    assert fit([(100.0, 150.0), (200.0, 250.0)]) == (1.0, 50.0)
    with pytest.raises(ValueError):  # statistics.StatisticsError is one
        fit([(100.0, 150.0), (100.0, 151.0)])


def test_a_figure_without_a_truth_is_shown_and_not_counted():
    """It has no verdict of its own, unless there is no figure."""
    rows = [check.as_dict() for check in (shown("offset", 61.96, "ms"), at_least("measured", 99, 99, 100, "visits"))]
    assert line(rows[0]).split() == ["offset", "61.96", "shown", "only,", "ms"]
    assert line(rows[1]).split() == ["ok", "measured", "99", "100", "99", "to", "100"]
    assert "all 1 checks hold" in verdict(rows)
    assert line(shown("offset", None, "ms").as_dict()).startswith("MISSED")
    assert not at_least("measured", 98, 99, 100, "visits").ok
