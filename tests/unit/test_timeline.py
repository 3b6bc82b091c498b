"""One trial as a picture over time."""

from __future__ import annotations

import json
import math

import pytest

from rig.analysis.lcp_parts import PARTS, mean_parts, parts_of
from rig.analysis.stampede import Stampede, recomputes
from rig.analysis.timeline import (
    bucket_count,
    expiries_within,
    in_flight,
    response_buckets,
    stampedes_within,
    timeline,
    writes,
)
from rig.analysis.visits import stampede_met, visits
from tests import tables
from tests.synthetic import build
from tests.synthetic_samples import HOT_ENTRY, TTL_S, VISITS

START_S = 1000.0


def stampede(begin_s: float, end_s: float, peak: int = 2, entry: str = "p") -> Stampede:
    return Stampede(entry=entry, cause="expiry", begin_s=begin_s, end_s=end_s, peak=peak, recomputes=peak)


class TestResponses:
    def buckets(self, *rows, window_s=0.4):
        return response_buckets(tables.requests(*rows), START_S, window_s, 0.1)

    def test_buckets_hold_slowest_median_and_number(self):
        rows = [tables.request(START_S + 0.12, took_s) for took_s in (0.01, 0.02, 0.5)]
        found = self.buckets(*rows)
        assert found.count == [0, 3, 0, 0]
        assert found.max_ms[1] == pytest.approx(500)
        assert found.median_ms[1] == pytest.approx(20)

    def test_a_bucket_without_a_read_has_no_time_rather_than_zero(self):
        found = self.buckets(tables.request(START_S))
        assert found.max_ms[1:] == [None, None, None]
        assert found.median_ms[3] is None

    def test_the_intended_start_decides_the_bucket_however_late_it_was_sent(self):
        found = self.buckets(tables.request(START_S + 0.05, 0.9, slip_s=0.25))
        assert found.count == [1, 0, 0, 0]
        assert found.max_ms[0] == pytest.approx(900)

    def test_the_edge_belongs_to_the_later_bucket(self):
        assert self.buckets(tables.request(START_S + 0.1)).count == [0, 1, 0, 0]
        assert self.buckets(tables.request(START_S + 0.3)).count == [0, 0, 0, 1]

    def test_writes_are_left_out(self):
        assert self.buckets(tables.request(START_S, kind="write")).count == [0, 0, 0, 0]

    def test_a_timeout_counts_at_its_deadline_and_as_failed(self):
        found = self.buckets(tables.request(START_S, 5.0, status=None, cause="timeout"))
        assert (found.count[0], found.failed[0]) == (1, 1)
        assert found.max_ms[0] == pytest.approx(5000)

    def test_a_refused_read_counts_as_failed_and_has_no_time(self):
        found = self.buckets(tables.request(START_S, None, status=None, cause="refused"))
        assert (found.count[0], found.failed[0], found.max_ms[0]) == (1, 1, None)

    def test_no_read_at_all_is_no_error(self):
        assert self.buckets().count == [0, 0, 0, 0]

    @pytest.mark.parametrize(("window_s", "expected"), [(24, 240), (0.3, 3), (24.05, 241), (0.01, 1)])
    def test_buckets_cover_the_window_and_no_more(self, window_s, expected):
        """24 / 0.1 is a little more than 240 in floating point."""
        assert bucket_count(window_s, 0.1) == expected


class TestInFlight:
    def open_in(self, *spans, window_s=0.5):
        rows = [tables.recompute(START_S + begin, None if end is None else START_S + end) for begin, end in spans]
        return in_flight(recomputes(tables.origin(*rows)), START_S, window_s, 0.1)

    def test_the_most_open_at_once_within_each_bucket(self):
        assert self.open_in((0.11, 0.45), (0.12, 0.18), (0.13, 0.14)) == [0, 3, 1, 1, 1]

    def test_one_after_the_other_is_one_at_a_time(self):
        assert max(self.open_in((0.1, 0.2), (0.2, 0.3))) == 1

    def test_one_open_from_before_the_window_counts(self):
        assert self.open_in((-1.0, 0.25)) == [1, 1, 1, 0, 0]

    def test_nothing_recomputed_is_zero_everywhere(self):
        assert self.open_in() == [0] * 5


class TestMoments:
    def test_stampedes_are_relative_to_the_start_and_touch_the_window(self):
        found = stampedes_within(
            [stampede(1009, 1012), stampede(990, 999.5), stampede(1030, 1031), stampede(999, 1001)], START_S, 10
        )
        assert [(one.begin_s, one.end_s) for one in found] == [(-1, 1), (9, 12)]

    def test_writes_are_ticks_at_their_commit_and_know_the_hot_entry(self):
        origin = tables.origin(
            tables.write(1, START_S + 1.0, START_S + 1.2, entries=("hot", "home")),
            tables.write(2, START_S + 2.0, START_S + 2.2, entries=("other",)),
            tables.write(3, START_S + 3.0, START_S + 3.2, entries=("hot",), outcome="rolled_back"),
            tables.write(4, START_S + 99, START_S + 99.2, entries=("hot",)),
        )
        assert writes(origin, START_S, 10, "hot", hot=True) == [pytest.approx(1.2)]
        assert writes(origin, START_S, 10, "hot", hot=False) == [pytest.approx(2.2)]

    def test_expiries_are_those_of_the_hot_entry_within_the_window(self):
        found = [("hot", START_S + 2), ("other", START_S + 3), ("hot", START_S - 1), ("hot", START_S + 11)]
        assert expiries_within(found, START_S, 10, "hot") == [2]


class TestVisits:
    def test_a_visit_met_a_stampede_that_was_open_while_it_waited_for_its_first_byte(self):
        rows = tables.pages(
            tables.visit(START_S + 0.5, ttfb_ms=400),
            tables.visit(START_S + 0.5, ttfb_ms=600),
            tables.visit(START_S + 2.0, ttfb_ms=5),
            tables.visit(START_S + 2.1, ttfb_ms=5),
        )
        found = visits(rows, [stampede(1.0, 2.0)], START_S)
        assert [visit.stampede for visit in found] == [None, 0, 0, None]

    def test_of_several_stampedes_the_greatest_counts(self):
        met = [stampede(0, 2, peak=2), stampede(0, 2, peak=9, entry="q"), stampede(0, 2, peak=3, entry="r")]
        assert stampede_met(met, 1, 1) == 1

    def test_a_visit_never_begun_stands_where_it_was_due(self):
        row = tables.visit(START_S + 3, None, None, started_s=None, navigation_s=None, outcome="failed", cause="late")
        (found,) = visits(tables.pages(row), [], START_S)
        assert (found.at_s, found.outcome, found.cause) == (3, "failed", "late")
        assert found.lcp_ms is None
        assert found.parts_ms is None

    def test_no_visits_is_no_error(self):
        assert visits(tables.pages(), [], START_S) == []


class TestParts:
    def page(self, timing=None, lcp_ms=200.0, ttfb_ms=100.0):
        entries = [{"name": name, "description": "", "duration_ms": value} for name, value in (timing or {}).items()]
        return {
            "lcp_ms": lcp_ms,
            "ttfb_ms": ttfb_ms,
            "load_delay_ms": 10.0,
            "load_duration_ms": 20.0,
            "server_timing": json.dumps(entries) if timing else None,
        }

    def test_parts_add_up_to_the_lcp(self):
        found = parts_of(self.page({"cache": 1, "lock": 2, "origin": 50, "db": 45, "render": 5, "total": 60}))
        assert sum(found.values()) == pytest.approx(200)
        assert found["queue"] == pytest.approx(40)
        assert found["origin"] == pytest.approx(50)
        assert found["server"] == pytest.approx(2)
        assert found["resource"] == pytest.approx(30)
        assert found["paint"] == pytest.approx(70)

    def test_without_server_timing_nothing_is_called_a_queue(self):
        found = parts_of(self.page())
        assert (found["queue"], found["server"]) == (0, 100)

    def test_overlapping_spans_shrink_to_the_total(self):
        found = parts_of(self.page({"cache": 40, "origin": 120, "total": 80}))
        assert found["cache"] + found["origin"] == pytest.approx(80)
        assert found["server"] == pytest.approx(0)
        assert sum(found.values()) == pytest.approx(200)

    def test_a_total_above_the_ttfb_leaves_no_negative_queue(self):
        assert parts_of(self.page({"total": 130}))["queue"] == 0

    @pytest.mark.parametrize("text", ["", "[", "{}", '[{"name": "total"}]', '[{"name": "total", "duration_ms": "x"}]'])
    def test_damaged_server_timing_is_as_good_as_none(self, text):
        assert parts_of({**self.page(), "server_timing": text})["server"] == 100

    def test_a_visit_without_lcp_has_no_parts(self):
        assert parts_of(self.page(lcp_ms=math.nan)) is None

    def test_the_mean_of_no_visits_is_unknown(self):
        assert mean_parts([]) is None
        assert set(mean_parts([dict.fromkeys(PARTS, 1.0)])) == set(PARTS)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return build(tmp_path_factory.mktemp("runs"), arms=("fixed-timeout", "write-through"), rounds=1)


class TestWholeTrial:
    def test_a_timeout_stampedes_at_its_expiries(self, run):
        (trial,) = run.of_arm("fixed-timeout")
        found = timeline(trial, HOT_ENTRY)
        assert max(found.recomputes_hot) == 16
        assert [one.cause for one in found.stampedes] == ["expiry"] * len(found.stampedes)
        assert len(found.stampedes) == len(found.expiries) == 3
        for one, expired_s in zip(found.stampedes, found.expiries, strict=True):
            # The next read comes soon after: 29 a second are due.
            assert 0 <= one.begin_s - expired_s < 0.5
        assert found.expiries[1] - found.expiries[0] == pytest.approx(TTL_S + 1.6, abs=0.2)

    def test_series_cover_the_window_and_visits_are_all_there(self, run):
        for trial in run.trials:
            found = timeline(trial, HOT_ENTRY)
            assert len(found.responses.count) == len(found.recomputes) == 240
            assert sum(found.responses.count) == sum(trial.frame("requests")["kind"].astype(object) == "read")
            assert len(found.visits) == VISITS

    def test_what_never_recomputes_has_no_stampede(self, run):
        (trial,) = run.of_arm("write-through")
        assert timeline(trial, HOT_ENTRY).stampedes == []

    def test_the_same_seed_gives_the_same_samples(self, run, tmp_path):
        again = build(tmp_path, arms=("fixed-timeout", "write-through"), rounds=1)
        for one, other in zip(run.trials, again.trials, strict=True):
            assert timeline(one, HOT_ENTRY) == timeline(other, HOT_ENTRY)
