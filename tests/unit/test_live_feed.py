"""The live picture: what it holds, that it stays small, and that a watcher who asks for changes misses nothing."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from rig.journal import table_of
from rig.measure.load.live.batch import Timings, timings
from rig.measure.load.live.feed import MOST_TRIALS, LiveFeed
from rig.measure.load.live.picture import BUCKETS_S, KINDS, MOST_BUCKETS, MOST_KEPT, LiveTrial
from rig.samples import REQUESTS

START_S = 5000.0


def batch(due_s, spent_ms, failed=None, is_write=None):
    due = START_S + np.asarray(due_s, float)
    none = np.zeros(len(due), bool)
    return Timings(
        intended_s=due,
        done_s=due + np.asarray(spent_ms, float) / 1000,
        failed=none if failed is None else np.asarray(failed),
        is_write=none if is_write is None else np.asarray(is_write),
    )


def visit(at_s, lcp_ms=80.0, outcome="measured", **more):
    return {"path": "/", "outcome": outcome, "cause": None, "cache": "HIT", "lcp_ms": lcp_ms, **more} | {
        "navigation_s": None,
        "started_s": None,
        "intended_s": START_S + at_s,
        **more,
    }


@pytest.fixture
def feed():
    made = LiveFeed()
    made.run_began({"profile": "hot-key", "arms": ["a", "b"], "hot_entry": "product:1"})
    made.trial_began(1, "a", 1, 4, START_S, 10.0)
    return made


def buckets(feed, since=0):
    columns = feed.delta(since)["trial"]["buckets"]
    return {
        number: {name: columns[name][n] for name in columns if name != "number"}
        for n, number in enumerate(columns["number"])
    }


def test_a_read_counts_in_the_bucket_of_its_intended_start(feed):
    """However late it ended; a hair before an edge belongs to the edge."""
    feed.requests(batch([0.31, 0.32, 0.4 - 1e-12, 9.99], [100, 300, 7, 4000]))
    found = buckets(feed)
    assert len(found) == 100
    assert [found[n]["count"] for n in (2, 3, 4, 99)] == [0, 2, 1, 1]
    assert [found[n]["max_ms"] for n in (2, 3, 99)] == [None, 300.0, 4000.0]


def test_medians_are_within_one_per_cent(feed):
    spent = np.random.default_rng(3).lognormal(3, 2, 4001).clip(0.2, 90_000)
    feed.requests(batch(np.full(4001, 5.05), spent))
    assert buckets(feed)[50]["median_ms"] == pytest.approx(np.median(spent), rel=0.011)
    totals = feed.delta(0)["trial"]["totals"]
    assert totals["median_ms"] == pytest.approx(np.median(spent), rel=0.011)
    assert totals["p95_ms"] == pytest.approx(np.quantile(spent, 0.95), rel=0.011)
    assert totals["slowest_ms"] == round(spent.max(), 1)


def test_what_has_no_end_has_no_time_and_writes_are_no_reads(feed):
    feed.requests(batch([1.0, 1.0, 1.0], [5, math.nan, 900], [False, True, True], [False, False, True]))
    assert buckets(feed)[10] | {"median_ms": 0} == {
        "max_ms": 5.0,
        "median_ms": 0,
        "count": 2,
        "failed": 1,
        "recomputes": None,
    }
    totals = feed.delta(0)["trial"]["totals"]
    assert (totals["reads"], totals["failed"], totals["writes"], totals["writes_failed"]) == (2, 1, 1, 1)


def test_nothing_measured_is_null_never_zero(feed):
    totals = feed.delta(0)["trial"]["totals"]
    for name in ("median_ms", "p95_ms", "slowest_ms", "lcp_median_ms", "lcp_slowest_ms", "stampedes", "peak"):
        assert totals[name] is None, name
    feed.recomputes_open([(START_S + 1, 0)])
    assert feed.delta(0)["trial"]["totals"]["stampedes"] == 0


def test_a_bucket_keeps_the_greatest_number_of_open_recomputes(feed):
    """The number goes on through buckets in which nothing happens; what is not yet reached is unknown."""
    feed.recomputes_open([(START_S - 1, 2), (START_S + 0.25, 5), (START_S + 0.28, 1), (START_S + 0.55, 0)])
    feed.recomputes_open([(START_S + 0.72, 0)])
    found = buckets(feed)
    assert [found[n]["recomputes"] for n in range(9)] == [2, 2, 5, 1, 1, 1, 0, 0, None]


@pytest.mark.parametrize("window_s", [0.05, 24, 120, 121, 3600, 86_400, 10_000_000])
def test_the_number_of_buckets_is_bounded_whatever_the_window(window_s):
    trial = LiveTrial({}, START_S, window_s, 1)
    assert 1 <= trial.buckets <= MOST_BUCKETS
    assert trial.buckets * trial.bucket_s >= window_s * (1 - 1e-6)
    assert window_s > BUCKETS_S[0] * MOST_BUCKETS or trial.bucket_s == BUCKETS_S[0]


def test_visits_and_markers_are_bounded_and_what_is_left_out_is_counted(feed):
    for number in range(MOST_KEPT + 30):
        feed.visit(visit(number / 1000, lcp_ms=float(number)))
        feed.marker("write", START_S + number / 1000, "product:1")
    feed.marker("stampede", START_S + 1, "product:1", until_s=START_S + 2, peak=4)
    trial = feed.delta(0)["trial"]
    assert len(trial["visits"]) == MOST_KEPT
    assert [sum(one["kind"] == kind for one in trial["markers"]) for kind in KINDS] == [MOST_KEPT, 0, 1, 0]
    assert trial["totals"]["not_shown"] == 60
    assert trial["totals"]["visits"] == MOST_KEPT + 30
    assert trial["totals"]["lcp_slowest_ms"] == MOST_KEPT + 29


def test_earlier_trials_stay_as_one_row_each_and_are_bounded(feed):
    feed.requests(batch([1.0], [50]))
    feed.trial_ended({"marks": ["late generator"]})
    feed.trial_began(1, "b", 2, 4, START_S + 20, 10.0)
    delta = feed.delta(0)
    assert delta["trial"]["arm"] == "b"
    assert delta["trial"]["totals"]["reads"] == 0
    (row,) = delta["ended"]
    assert (row["arm"], row["reads"], row["marks"], row["error"]) == ("a", 1, ["late generator"], None)
    for number in range(MOST_TRIALS + 5):
        feed.trial_began(2, "b", number, 4, START_S, 1.0)
        feed.trial_ended({})
    assert len(feed.delta(0)["ended"]) == MOST_TRIALS


def test_a_trial_nobody_judged_is_neither_sound_nor_marked(feed):
    """Marks are the conductor's; plain Locust has none."""
    feed.trial_ended({"marks": []})
    assert feed.delta(0)["ended"][0]["marks"] == []
    feed.trial_ended({"error": "OSError: gone"})
    assert [feed.delta(0)["ended"][0][name] for name in ("marks", "error")] == [None, "OSError: gone"]


def test_what_comes_after_the_end_still_belongs_to_that_trial(feed):
    """The event files are read once a second, so the last markers come late."""
    feed.trial_ended({})
    held = feed.revision
    feed.recomputes_open([(START_S, 0)])
    feed.marker("stampede", START_S + 9, "product:1", until_s=START_S + 9.5, peak=7)
    (row,) = feed.delta(held)["ended"]
    assert (row["stampedes"], row["peak"]) == (1, 7)


def test_a_stampede_under_way_is_replaced_by_what_became_of_it(feed):
    feed.marker("stampede", START_S + 1, "product:1", peak=2)
    held = feed.revision
    feed.marker("stampede", START_S + 1, "product:1", until_s=START_S + 3, peak=9, cause="expiry")
    (changed,) = feed.delta(held)["trial"]["markers"]
    assert (changed["at_s"], changed["until_s"], changed["peak"]) == (1.0, 3.0, 9)
    assert feed.delta(0)["trial"]["markers"] == [changed]


def test_markers_outside_the_window_are_left_out(feed):
    for at_s, until_s in ((-3, -1), (11, 12)):
        feed.marker("stampede", START_S + at_s, "product:1", until_s=START_S + until_s, peak=2)
    feed.marker("write", START_S - 0.1, "product:1")
    assert feed.delta(0)["trial"]["markers"] == []
    feed.marker("stampede", START_S - 1, "product:1", until_s=START_S + 1, peak=2)
    assert len(feed.delta(0)["trial"]["markers"]) == 1


def test_expiries_are_those_of_the_hot_entry_and_writes_say_whether_they_concern_it(feed):
    for entry in ("product:1", "product:2"):
        feed.marker("expiry", START_S + 1, entry, entries=[entry])
        feed.marker("write", START_S + 2, entry, entries=[entry])
    found = [(one["kind"], one["text"], one["hot"]) for one in feed.delta(0)["trial"]["markers"]]
    assert sorted(found) == [
        ("expiry", "product:1", True),
        ("write", "product:1", True),
        ("write", "product:2", False),
    ]


def test_an_unknown_kind_of_marker_is_refused(feed):
    with pytest.raises(ValueError, match="'crash' is no kind of marker; give one of write"):
        feed.marker("crash", START_S, "oops")


def test_a_visit_stands_where_it_began(feed):
    feed.visit(visit(1.0, navigation_s=START_S + 1.5, started_s=START_S + 1.4))
    feed.visit(visit(2.0, lcp_ms=None, outcome="failed", cause="not_started"))
    feed.visit(visit(3.0, lcp_ms=2000.0, outcome="starved"))
    trial = feed.delta(0)["trial"]
    assert [one["at_s"] for one in trial["visits"]] == [1.5, 2.0, 3.0]
    assert trial["totals"]["lcp_slowest_ms"] == 80.0


def test_a_delta_holds_what_changed_and_no_more(feed):
    feed.requests(batch([0.1, 5.0], [5, 5]))
    feed.visit(visit(1.0))
    held = feed.revision
    quiet = feed.delta(held)
    assert (quiet["facts"], quiet["ended"], quiet["trial"]["fresh"]) == (None, [], False)
    assert quiet["trial"]["buckets"]["number"] == quiet["trial"]["visits"] == quiet["trial"]["markers"] == []
    feed.requests(batch([5.05, 6.0], [9, 9]))
    feed.marker("write", START_S + 6, "product:1")
    changed = feed.delta(held)["trial"]
    assert changed["buckets"]["number"] == [50, 60]
    assert changed["buckets"]["count"] == [2, 1]
    assert len(changed["markers"]) == 1


@pytest.mark.parametrize("seed", range(5))
def test_deltas_added_up_are_the_state(seed):
    """Whatever happens between two questions, a watcher who merges the answers has what a newcomer gets."""
    dice = np.random.default_rng(seed)
    feed, known, held = LiveFeed(), {}, 0
    for step in range(60):
        happen(feed, dice, step)
        if dice.random() < 0.4:
            delta = feed.delta(held)
            held = delta["revision"]
            merge(known, delta)
    merge(known, feed.delta(held))
    fresh: dict = {}
    merge(fresh, feed.delta(0))
    assert known == fresh


def happen(feed, dice, step):
    if step == 0 or dice.random() < 0.05:
        feed.trial_ended({})
        feed.trial_began(1, "a", step, 99, START_S, 10.0)
    due = dice.uniform(0, 10, 20)
    feed.requests(batch(due, dice.exponential(30, 20), dice.random(20) < 0.1, dice.random(20) < 0.1))
    feed.visit(visit(float(dice.uniform(0, 10))))
    begin_s = float(dice.integers(10))
    feed.marker("stampede", START_S + begin_s, "x", until_s=START_S + 10 if dice.random() < 0.5 else None, peak=step)
    feed.recomputes_open([(START_S + step / 10, int(dice.integers(5)))])


def merge(known, delta):
    trial = delta["trial"]
    if trial["fresh"]:
        known |= {"buckets": {}, "visits": [], "markers": {}}
    for n, number in enumerate(trial["buckets"]["number"]):
        known["buckets"][number] = [column[n] for column in trial["buckets"].values()]
    known["visits"] += trial["visits"]
    known["markers"] |= {(one["kind"], one["at_s"], one["text"]): one for one in trial["markers"]}
    known["totals"] = trial["totals"]
    known["ended"] = known.get("ended", {}) | {one["number"]: one for one in delta["ended"]}


def test_a_revision_of_an_earlier_process_is_older_than_everything(feed, monkeypatch):
    """So that a page left open over two runs gets all of the second."""
    monkeypatch.setattr("rig.measure.load.live.feed.time.time_ns", lambda: (feed.revision + 1) * 1_000_000)
    later = LiveFeed()
    later.trial_began(1, "a", 1, 1, START_S, 1.0)
    assert later.delta(feed.revision)["trial"]["fresh"]
    assert later.delta(feed.revision)["feed"] != feed.delta(0)["feed"]


def test_everything_told_is_strict_json(feed):
    feed.requests(batch([1.0, 2.0], [math.nan, 3.0], [True, False]))
    feed.visit(visit(1.0, lcp_ms=None, outcome="failed"))
    json.dumps(feed.delta(0), allow_nan=False)


def test_a_journals_batch_gives_the_columns_the_picture_needs():
    """No end is NaN; any cause is a failure, a time-out's deadline among them."""
    row = {"index": 0, "path": "/", "intended_s": 1.0}
    rows = [
        {**row, "kind": "read", "done_s": 1.5},
        {**row, "kind": "write", "cause": "reset"},
        {**row, "kind": "read", "done_s": 9.0, "cause": "timeout"},
    ]
    (batch,) = table_of(rows, REQUESTS).to_batches()
    found = timings(batch)
    assert found.intended_s.tolist() == [1.0] * 3
    assert found.done_s[[0, 2]].tolist() == [1.5, 9.0]
    assert math.isnan(found.done_s[1])
    assert found.failed.tolist() == [False, True, True]
    assert found.is_write.tolist() == [False, True, False]


def test_a_batch_of_reads_alone_knows_no_writes():
    (batch,) = table_of([{"index": 0, "path": "/", "intended_s": 1.0, "kind": "read"}], REQUESTS).to_batches()
    assert timings(batch).is_write.tolist() == [False]
