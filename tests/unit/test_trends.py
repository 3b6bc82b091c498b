"""Changes from run to run: nulls stay null, planted changes are found, and few runs decide nothing."""

from __future__ import annotations

import math
import random
from copy import deepcopy
from typing import Any

import pytest
from scipy import stats

from rig.analysis.comparable import comparability, conditions_of
from rig.analysis.trends import FEWEST_BEFORE, LEVEL, Mark, groups_of, trend
from tests.unit.test_compare import MANIFEST, changed

STEADY = [500.0, 510.0, 495.0, 505.0, 490.0, 503.0]


def marks(values: list[float], step: float = 4.0) -> list[Mark]:
    return [point.mark for point in trend([[value] for value in values], step)]


def test_the_band_is_the_prediction_interval_of_the_logarithms():
    """Against scipy's t: mean of the logs before, and their scatter widened for one run more."""
    points = trend([[value] for value in STEADY], 0.1)
    logs = [math.log(value) for value in STEADY[:5]]
    half = stats.t.ppf((1 + LEVEL) / 2, 4) * stats.tstd(logs) * math.sqrt(1 + 1 / 5)
    middle = sum(logs) / 5
    assert points[5].expected_low == pytest.approx(math.exp(middle - half))
    assert points[5].expected_high == pytest.approx(math.exp(middle + half))
    assert points[5].before == 5


def test_too_few_runs_decide_nothing():
    """However far apart they are."""
    assert set(marks([100.0, 900.0, 100.0, 900.0])) == {Mark.TOO_FEW}
    assert FEWEST_BEFORE == 4


def test_a_single_run_is_out_of_line_and_no_part_of_what_follows():
    found = marks([*STEADY, 900.0, 500.0, 505.0])
    assert found[6:] == [Mark.OUT, Mark.WITHIN, Mark.WITHIN]


def test_two_runs_in_a_row_on_one_side_are_a_change_that_began_with_the_first():
    points = trend([[value] for value in [*STEADY, 900.0, 910.0, 905.0, 890.0, 900.0]], 4.0)
    assert [point.mark for point in points[6:]] == [
        Mark.CHANGE, Mark.WITHIN, Mark.TOO_FEW, Mark.TOO_FEW, Mark.WITHIN,
    ]  # fmt: skip
    assert points[6].factor == pytest.approx(1.8, rel=0.02)
    up_and_down = marks([*STEADY, 900.0, 200.0, 500.0])
    assert up_and_down[6:] == [Mark.OUT, Mark.OUT, Mark.WITHIN]


def test_runs_that_agree_to_the_digit_prove_no_more_than_the_digit():
    """Chromium tells LCP in steps of 4 ms: one step is no news, two are."""
    assert marks([300.0] * 5 + [304.0])[-1] is Mark.WITHIN
    assert marks([300.0] * 5 + [308.1])[-1] is Mark.OUT


def test_intervals_over_rounds_need_two_and_figures_of_zero_are_not_judged():
    one, three = trend([[500.0], [490.0, 500.0, 510.0]], 4.0)
    assert (one.lower, one.upper) == (None, None)
    expected = stats.t.interval(0.95, 2, loc=500, scale=10 / math.sqrt(3))
    assert (three.lower, three.upper) == pytest.approx(expected)
    assert set(marks([0.0, 0.0, 5.0, 0.0, 9.0, 7.0])) == {Mark.TOO_FEW}


def test_histories_without_a_change_show_almost_none_and_planted_ones_are_found():
    """Of 20 runs alike about 1 in 1,500 begins a "change" (here: 6 of 4,000 at most); a doubling is seen."""
    dice = random.Random(8)
    null = [marks([500 * math.exp(dice.gauss(0, 0.1)) for _ in range(20)]).count(Mark.CHANGE) for _ in range(200)]
    assert sum(null) <= 6
    planted = 0
    for _ in range(100):
        values = [500 * (1 if n < 10 else 2) * math.exp(dice.gauss(0, 0.1)) for n in range(14)]
        planted += Mark.CHANGE in marks(values)[9:12]
    assert planted >= 95


def test_runs_are_judged_only_beside_those_they_may_be_compared_with():
    """Groups follow the facts that refuse a comparison, amounts within their tolerance."""
    other_django = changed("environment", "packages", "django", value="5.3")
    near, far = changed("plan", "rate_rps", value=53.0), changed("plan", "rate_rps", value=70.0)
    unlike_kernel = changed("environment", "system", value="Linux 6.2")
    assert groups_of([MANIFEST, other_django, near, MANIFEST, far, unlike_kernel, far]) == [0, 1, 0, 0, 2, 0, 2]
    assert groups_of([{}, {}]) == [0, 0]


def test_what_the_index_keeps_of_a_manifest_compares_as_the_whole_does():
    whole: dict[str, Any] = deepcopy(MANIFEST)
    other = changed("plan", "threads", value=8)
    assert conditions_of(whole) == conditions_of(conditions_of(whole))
    assert comparability(conditions_of(whole), conditions_of(other)) == comparability(whole, other)
