"""Schedules are decided before anything is sent, and follow from their spec alone."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.plan.schedule import ScheduleSpec, arrivals, build, spec_from, stratified

SPEC = ScheduleSpec(
    seed=7,
    round=1,
    window_s=24.0,
    read_rate_rps=60.0,
    reads={"/hot/": 0.8, "/": 0.2},
    hot_writes=5,
    other_writes=1,
    hot_form="/staff/hot/",
    other_forms=("/staff/a/", "/staff/b/"),
    visits=30,
    visit_paths={"/hot/": 0.9, "/": 0.1},
)


def test_same_spec_gives_the_same_schedule_in_another_process():
    """Workers on other machines build the schedule themselves; nothing but the spec may decide it."""
    code = (
        "import json,sys;from rig.plan.schedule import build,spec_from;"
        "print(build(spec_from(json.load(sys.stdin))).digest)"
    )
    elsewhere = subprocess.run(
        [sys.executable, "-c", code], input=json.dumps(SPEC.as_dict()), capture_output=True, text=True, check=True
    )
    assert elsewhere.stdout.strip() == build(SPEC).digest


def test_spec_survives_the_wire():
    """Plain data and back is the same spec."""
    assert spec_from(json.loads(json.dumps(SPEC.as_dict()))) == SPEC


@pytest.mark.parametrize("change", [{"seed": 8}, {"round": 2}, {"read_rate_rps": 61.0}, {"hot_writes": 4}])
def test_anything_that_matters_changes_the_digest(change):
    """The digest stands for every key and time offered."""
    assert build(replace(SPEC, **change)).digest != build(SPEC).digest


def test_changing_writes_leaves_reads_as_they_were():
    """Reads, writes and visits draw from streams of their own."""
    with_writes, without = build(SPEC), build(replace(SPEC, hot_writes=0, other_writes=0))
    reads = with_writes.at_s[with_writes.path >= 0]
    assert np.array_equal(reads, without.at_s)
    assert np.array_equal(with_writes.visit_at_s, without.visit_at_s)


def test_writes_are_as_many_as_planned_and_keep_away_from_both_ends():
    """Their number is certain, so that every trial has its hot-key writes; the window ends calm."""
    schedule = build(SPEC)
    at = schedule.at_s[schedule.path < 0]
    assert len(at) == 6
    assert at.min() >= SPEC.quiet_head_s
    assert at.max() <= SPEC.window_s - SPEC.quiet_tail_s
    assert sum(write.path == "/staff/hot/" for write in schedule.writes) == 5


def test_every_write_of_the_schedule_is_offered_once():
    """Negative path indices name each write exactly once."""
    schedule = build(SPEC)
    assert sorted(-1 - schedule.path[schedule.path < 0]) == list(range(6))


def test_shares_of_reads_come_out():
    """A share of 0.8 over 60,000 reads lies within five standard errors of 0.8."""
    schedule = build(replace(SPEC, window_s=1000.0, hot_writes=0, other_writes=0))
    hot = np.mean(schedule.path == 0)
    assert abs(hot - 0.8) < 5 * (0.8 * 0.2 / len(schedule.path)) ** 0.5


def test_poisson_gaps_are_exponential():
    """Mean and standard deviation of exponential gaps are equal; 5 % holds for 100,000 of them."""
    gaps = np.diff(arrivals(np.random.default_rng(1), 100.0, 1000.0, "poisson"))
    assert np.mean(gaps) == pytest.approx(0.01, rel=0.05)
    assert np.std(gaps) == pytest.approx(np.mean(gaps), rel=0.05)


def test_uniform_arrivals_are_evenly_spaced():
    """200/s for 30 s are 6,000 arrivals 5 ms apart, the first at 0."""
    at = arrivals(np.random.default_rng(1), 200.0, 30.0, "uniform")
    assert len(at) == 6000
    assert at[0] == 0
    assert np.allclose(np.diff(at), 0.005)


@given(st.integers(0, 50), st.floats(0, 10), st.floats(0.1, 100))
def test_stratified_has_one_instant_in_each_slot(count, begin, length):
    """Count is exact and no slot is empty."""
    at = stratified(np.random.default_rng(0), count, begin, begin + length)
    slots = np.floor((at - begin) / (length / count)).astype(int) if count else np.empty(0)
    assert len(at) == count
    assert all(abs(slot - number) <= 1e-6 or slot == number for number, slot in enumerate(slots))


def test_nothing_offered_outside_the_window():
    """Requests and visits all lie in [0, window)."""
    schedule = build(SPEC)
    assert schedule.at_s.min() >= 0
    assert schedule.at_s.max() < SPEC.window_s
    assert schedule.visit_at_s.max() < SPEC.window_s
    assert np.all(np.diff(schedule.at_s) >= 0)


def test_shards_are_the_schedule():
    """Every request belongs to exactly one worker, whatever their number."""
    schedule = build(SPEC)
    for workers in (1, 2, 3, 7):
        shards = np.concatenate([schedule.shard(worker, workers) for worker in range(workers)])
        assert sorted(shards) == list(range(len(schedule.at_s)))


def test_a_coin_shares_reads_out_and_gives_writes_to_both():
    """Every read belongs to exactly one side, about half to each, the same ones for the same seed."""
    schedule = build(SPEC)
    first, second = (schedule.side([7, 1], side) for side in (0, 1))
    reads = np.flatnonzero(schedule.path >= 0)
    writes = np.flatnonzero(schedule.path < 0)
    assert len(writes) and sorted(np.intersect1d(first, second)) == list(writes)
    assert sorted(np.union1d(first, second)) == list(range(len(schedule.at_s)))
    # Four standard deviations of a fair coin.
    assert abs(len(first) - len(second)) < 4 * np.sqrt(len(reads))
    assert np.array_equal(first, schedule.side([7, 1], 0))
    assert not np.array_equal(first, schedule.side([7, 2], 0))


def test_a_calm_head_offers_a_fifth_and_what_follows_is_as_planned():
    """The rate jumps at the head's end; no curve of its own is needed."""
    spec = replace(SPEC, calm_head_s=5.0, window_s=15.0, read_rate_rps=1000.0, curve="steady")
    schedule = build(spec)
    at_s = schedule.at_s[schedule.path >= 0]
    # Four standard deviations of a Poisson count.
    assert abs(np.sum(at_s < 5) - 1000) < 4 * np.sqrt(1000)
    assert abs(np.sum(at_s >= 5) - 10_000) < 4 * np.sqrt(10_000)
