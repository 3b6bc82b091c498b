"""What a disturbance did, from synthetic tables in which the truth is known."""

from __future__ import annotations

import pytest

from rig.analysis.disturbances import back_after_s, figures, phases_of, stale_for_s
from rig.analysis.reads import reads_of
from rig.analysis.staleness import commits_of
from rig.analysis.summary import summarise
from rig.report.chart_data import chart_data, pictures
from rig.report.disturbances import blocks
from rig.report.html import render
from rig.report.terminal import as_text
from tests import tables
from tests.synthetic import build

START_S, WINDOW_S = 1000.0, 20.0
NBSP = "\u00a0"


def facts(*disturbances, start_s=START_S):
    return {"start_s": start_s, "end_s": start_s + WINDOW_S, "disturbances": list(disturbances)}


def disturbed(begin_s, end_s=None, kind="cache-outage", start_s=START_S, **more):
    begin = None if begin_s is None else start_s + begin_s
    end = None if end_s is None else start_s + end_s
    known = {"kind": kind, "entry": None, "planned_s": begin, "begin_s": begin, "end_s": end, "error": None}
    return {**known, **more}


def reads(took_s, fails=lambda at_s: False, start_s=START_S, a_second=10):
    """Ten reads a second; ``took_s`` and ``fails`` of seconds into the window."""
    rows = []
    for number in range(int(WINDOW_S * a_second)):
        at_s = number / a_second
        failed = {"status": 500, "cause": "status"} if fails(at_s) else {}
        rows.append(tables.request(start_s + at_s, took_s(at_s), **failed))
    return tables.requests(*rows)


def outage(at_s):
    """Slow while it lasts (5 to 8 s) and for two seconds after it."""
    return 2.0 if 8 <= at_s < 10 else 0.004 if 5 <= at_s < 8 else 0.01


def test_planted_failures_and_times_come_back_phase_by_phase():
    """Ten failures a second from 5 to 8 s; p95 of 10 ms before, 4 ms during, 2 s after in the first two seconds."""
    table = reads(outage, fails=lambda at_s: 5 <= at_s < 8)
    (row,) = figures([(facts(disturbed(5.0, 8.0)), table)], [[None]])
    assert (row["kind"], row["at_s"], row["lasted_s"], row["trials"]) == ("cache-outage", 5.0, 3.0, 1)
    assert [row[phase]["failures_per_s"] for phase in ("before", "during", "after")] == [0, 10, 0]
    assert [row[phase]["requests"] for phase in ("before", "during", "after")] == [50, 30, 120]
    assert row["before"]["p95_ms"] == pytest.approx(10)
    assert row["during"]["p95_ms"] == pytest.approx(4)
    assert row["after"]["p95_ms"] == pytest.approx(2000)
    assert row["back_after_s"] == 2


def test_nothing_happened_is_shown_as_nothing():
    """A disturbance without an effect: no failure, the same p95, back at once."""
    (row,) = figures([(facts(disturbed(5.0, 8.0)), reads(lambda at_s: 0.01))], [[None]])
    assert row["after"]["p95_ms"] == pytest.approx(row["before"]["p95_ms"])
    assert row["during"]["failures_per_s"] == row["back_after_s"] == 0


@pytest.mark.parametrize(
    ("ones", "why"),
    [
        ([disturbed(0.5, 8.0)], "nothing before"),
        ([disturbed(4.0, 6.0), disturbed(12.0, kind="flush")], "next disturbance"),
        ([disturbed(4.0, 6.0)], "window"),
    ],
)
def test_not_seen_to_be_back_has_its_reason(ones, why):
    """Slow for ever from 4 s on: "not back" is said only of what could have been seen."""
    row, *_ = figures([(facts(*ones), reads(lambda at_s: 1.0 if at_s >= 4 else 0.01))], [[None] * len(ones)])
    assert row["back_after_s"] is None
    assert row["back_unknown"] == why


def test_a_momentary_one_has_no_during():
    """Null, not an empty phase with figures of 0."""
    (row,) = figures([(facts(disturbed(5.0, kind="flush")), reads(lambda at_s: 1.0 if 5 <= at_s < 8 else 0.01))], [[]])
    assert row["during"] is None and row["lasted_s"] is None
    assert row["back_after_s"] == 3


class TestBack:
    def back(self, took_s, fails=lambda at_s: False, one=None):
        table = reads(took_s, fails)
        return back_after_s(table, phases_of(facts(one or disturbed(5.0, 8.0)))[0])

    def test_twice_the_ordinary_second_is_back_and_more_is_not(self):
        """Above 50 ms the factor rules: 100 ms before, 200 ms is back, 201 ms is not."""
        assert self.back(lambda at_s: 0.2 if at_s >= 8 else 0.1) == 0
        assert self.back(lambda at_s: 0.201 if at_s >= 8 else 0.1) is None

    def test_fifty_milliseconds_more_are_nothing(self):
        """Of 4 ms twice is 8 ms, which any hit behind a recompute exceeds."""
        assert self.back(lambda at_s: 0.054 if at_s >= 8 else 0.004) == 0
        assert self.back(lambda at_s: 0.0541 if at_s >= 8 else 0.004) is None

    def test_a_fast_failure_is_not_back(self):
        assert self.back(lambda at_s: 0.01, fails=lambda at_s: 8 <= at_s < 11) == 3

    def test_a_slow_second_before_does_not_hide_a_slow_one_after(self):
        """The ordinary second is the median one, not the worst."""
        assert self.back(lambda at_s: 3.0 if at_s < 1 or at_s >= 8 else 0.01) is None

    def test_never_before_the_window_began_nothing_is_known(self):
        assert self.back(lambda at_s: 0.01, one=disturbed(0.0, 8.0)) is None


def test_one_that_did_not_happen_has_no_figures():
    """Null throughout; the others keep theirs."""
    gone = disturbed(None, kind="flush", error="broke")
    row, other = figures([(facts(gone, disturbed(5.0, 8.0)), reads(lambda at_s: 0.01))], [[None, None]])
    assert (row["trials"], row["at_s"], row["before"], row["back_after_s"]) == (0, None, None, None)
    assert other["trials"] == 1 and other["before"]["requests"] == 50


def test_after_one_ends_where_the_next_begins():
    """Phases of two disturbances do not overlap."""
    first, second = phases_of(facts(disturbed(4.0, 6.0), disturbed(12.0, kind="flush")))
    assert (first.from_s, first.until_s) == (START_S, START_S + 12)
    assert (second.from_s, second.until_s) == (START_S + 6, START_S + WINDOW_S)


def test_trials_are_pooled_and_the_slowest_recovery_counts():
    """Failures per second of both together; never back in one is never back."""
    quick, slow = reads(lambda at_s: 0.01), reads(outage, fails=lambda at_s: 5 <= at_s < 8, start_s=2000.0)
    trials = [
        (facts(disturbed(5.0, 8.0)), quick),
        (facts(disturbed(5.0, 8.0, start_s=2000.0), start_s=2000.0), slow),
    ]
    (row,) = figures(trials, [[None], [None]])
    assert row["trials"] == 2
    assert row["during"]["failures_per_s"] == 5
    assert row["back_after_s"] == 2
    never = (facts(disturbed(5.0, 8.0)), reads(lambda at_s: 1.0 if at_s >= 5 else 0.01))
    assert figures([trials[0], never], [[None], [None]])[0]["back_after_s"] is None


def test_without_disturbances_there_are_no_rows():
    """Trials measured before there were any have no such fact."""
    assert figures([({"start_s": 0.0, "end_s": 1.0}, tables.requests(tables.request()))], [[]]) == []
    assert figures([], []) == []


class TestStale:
    def stale_for(self, *rows, one=None, commit=(1005.0, 1005.01)):
        requests = tables.requests(*rows)
        origin = tables.origin(tables.write(1, 1001.0, 1001.01), tables.write(2, *commit))
        found = reads_of(requests, tables.pages(), {"/p/": "p"})
        one = one or disturbed(5.02, kind="unseen-write", entry="p", planned_s=START_S + 4.99)
        return stale_for_s(facts(one), found, commits_of(origin))

    def test_old_pages_are_timed_from_the_unseen_commit_to_the_last_stale_read(self):
        rows = [tables.request(at, content_version=f"p={v}") for at, v in ((1006.0, 1), (1011.01, 1), (1012.0, 2))]
        assert self.stale_for(*rows) == [pytest.approx(6.0)]

    def test_nobody_read_it_afterwards_is_unknown(self):
        assert self.stale_for(tables.request(1004.0, content_version="p=1")) == [None]

    def test_the_first_read_was_new_already(self):
        assert self.stale_for(tables.request(1006.0, content_version="p=2")) == [0.0]

    def test_an_ordinary_write_is_not_taken_for_it(self):
        """Only what was committed between due and done."""
        row = tables.request(1006.0, content_version="p=1")
        assert self.stale_for(row, commit=(1004.0, 1004.01)) == [None]

    def test_one_that_writes_nothing_has_none(self):
        row = tables.request(1006.0, content_version="p=1")
        assert self.stale_for(row, one=disturbed(5.0, kind="flush")) == [None]


class TestWords:
    def arms(self, **changes):
        table = reads(outage, fails=lambda at_s: 5 <= at_s < 8)
        (row,) = figures([(facts(disturbed(5.0, 8.0)), table)], [[None]])
        return {"fixed-timeout": {"disturbances": [{**row, **changes}]}}

    def test_a_sentence_has_every_measured_figure(self):
        (block,) = blocks(self.arms())
        assert block.title.replace(NBSP, " ") == "cache-outage, 5 s into the window for 3 s"
        ((label, text),) = block.effects
        assert (label, text.replace(NBSP, " ")) == (
            "fixed-timeout",
            "failures 0/s before, 10/s during, 0/s after; p95 10 ms before, 4 ms during, 2,000 ms after;"
            " p95 was back 2 s after its end",
        )

    def test_what_was_not_measured_is_not_made_up(self):
        text = blocks(self.arms(back_after_s=None, before=dict.fromkeys(("failures_per_s", "p95_ms"))))[0].effects[0][1]
        assert "not measured before" in text and "not back within the window" in text
        text = blocks(self.arms(back_after_s=None, back_unknown="nothing before"))[0].effects[0][1]
        assert "not known" in text and "not back" not in text
        assert "None" not in text

    def test_stale_pages_are_a_lower_bound(self):
        assert "at least 12" in blocks(self.arms(stale_for_s=12.0))[0].effects[0][1]
        assert "no old page" in blocks(self.arms(stale_for_s=0.0))[0].effects[0][1]

    def test_an_arm_without_a_sound_trial_has_no_sentence(self):
        """And a run without disturbances no block."""
        arms = {"delete-many": {"disturbances": None}, **self.arms()}
        assert [label for label, _ in blocks(arms)[0].effects] == ["fixed-timeout"]
        assert blocks({"a": {"disturbances": []}, "b": {}}) == []


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run whose every trial was disturbed twice."""
    twice = (("cache-outage", 5.0, 8.0), ("flush", 12.0, None))
    return build(tmp_path_factory.mktemp("runs"), ("fixed-timeout", "delete-many"), disturbances=twice)


@pytest.fixture(scope="module")
def summary(run):
    return summarise(run)


class TestShown:
    def test_the_summary_has_a_row_for_each_in_every_arm(self, summary):
        for arm in summary["arms"].values():
            assert [(row["kind"], row["trials"]) for row in arm["disturbances"]] == [("cache-outage", 2), ("flush", 2)]

    def test_the_terminal_says_what_each_did_to_each_strategy(self, run, summary):
        """Within 80 columns, between the table and the warnings."""
        text = as_text(summary, run.manifest, "report.html")
        assert max(map(len, text.splitlines())) == 80
        places = [
            text.index(part) for part in ("cache-outage, 5 s", "fixed-timeout: failures", "flush, 12 s", "report ")
        ]
        assert places == sorted(places)

    def test_the_page_says_the_same_and_draws_them_on_the_timelines(self, run, summary):
        """Charts get instants relative to the window; a momentary one has no end."""
        page = render(run, summary)
        assert "cache-outage, 5 s into the window for 3 s" in page
        drawn = chart_data(list(summary["arms"]), pictures(run), summary)["trials"]
        assert all(
            trial["disturbances"]
            == [
                {"kind": "cache-outage", "begin_s": 5.0, "end_s": 8.0},
                {"kind": "flush", "begin_s": 12.0, "end_s": None},
            ]
            for trial in drawn
        )
