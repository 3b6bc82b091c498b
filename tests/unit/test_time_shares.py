"""How much of the time goes to stampedes, here and computed for times to live people use."""

from __future__ import annotations

import pytest

from rig.analysis.origin import Window
from rig.analysis.stampede import recomputes, stampedes
from rig.analysis.time_shares import figures
from tests.tables import origin, recompute


def window(*rows, end_s: float = 10.0) -> Window:
    found = recomputes(origin(*rows))
    return Window(
        start_s=0.0, end_s=end_s, until_s=end_s, recomputes=found, stampedes=stampedes(found), expiries=[],
        writes_committed=0, requests_and_visits=0, cache_commands=None,
    )  # fmt: skip


def test_stampedes_of_two_entries_at_once_count_once():
    herd = [recompute(begin, 3.0, entry=entry) for entry in ("a", "b") for begin in (1.0, 2.0)]
    assert figures([window(*herd)], 6.0)["in_stampede"] == pytest.approx(0.2)


def test_for_a_longer_ttl_the_same_stampede_comes_less_often():
    """2 s in 10 s under 6 s: one sixth of 6 / 3,600 in an hour's."""
    found = figures([window(recompute(1.0, 3.0), recompute(1.5, 3.0))], 6.0)
    assert found["computed"] == pytest.approx({"60": 0.02, "300": 0.004, "3600": 0.2 * 6 / 3600})
    assert figures([window(recompute(1.0, 3.0), recompute(1.5, 3.0))], None)["computed"]["60"] is None


def test_what_stores_nothing_has_no_stampedes():
    rows = [recompute(1.0, 3.0, outcome="discarded"), recompute(1.5, 3.0, outcome="discarded")]
    assert figures([window(*rows)], 6.0)["in_stampede"] is None


def test_a_stampede_that_outlasts_the_window_counts_within_it():
    assert figures([window(recompute(9.0, 14.0), recompute(9.5, 14.0))], 6.0)["in_stampede"] == pytest.approx(0.1)
