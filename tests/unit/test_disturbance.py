"""A slow origin: the same work, done again and again, for as long as the disturbance lasts."""

from __future__ import annotations

import itertools

import pytest
from django.core.exceptions import BadRequest

from rig.contrib.django import disturbance, repeated, runtime, slow_commit, slow_origin
from rig.contrib.django.state import SharedState


@pytest.fixture
def shared(tmp_path, monkeypatch):
    """What the workers of a target share, in its first epoch."""
    state = SharedState(tmp_path)
    state.advance({})
    monkeypatch.setattr(runtime, "SHARED", state)
    return state


def _calls():
    """A computation whose result says how often it was called."""
    counter = itertools.count(1)
    return lambda: next(counter)


def test_an_undisturbed_origin_computes_once(shared):
    """Also outside measurement, where there is nothing to share."""
    assert repeated(_calls()) == 1


def test_outside_measurement_a_recompute_is_done_once(monkeypatch):
    """No folder, no factor; asking for one says what is missing."""
    monkeypatch.setattr(runtime, "SHARED", None)
    assert repeated(_calls()) == 1
    with pytest.raises(BadRequest, match="RIG_EVENT_DIR"):
        slow_origin({"factor": 2})


def test_a_slow_origin_does_its_work_factor_times_and_keeps_the_last_result(shared):
    """Real work: the function itself is called again."""
    assert slow_origin({"factor": 10}) == {"factor": 10}
    assert [repeated(_calls()), repeated(_calls())] == [10, 10]
    slow_origin({"factor": 1})
    assert repeated(_calls()) == 1


def test_every_process_sees_it_at_once(shared, tmp_path):
    """Another worker has the same eight bytes mapped, opened before the disturbance came."""
    other = SharedState(tmp_path)
    slow_origin({"factor": disturbance.MOST_REPEATS})
    assert other.origin_repeats == disturbance.MOST_REPEATS
    slow_origin({"factor": 1})
    assert other.origin_repeats == 1


def test_a_reset_ends_it(shared):
    """It belongs to the epoch it came in; the first epoch of all included."""
    slow_origin({"factor": 7})
    shared.advance({})
    assert repeated(_calls()) == 1


def test_it_can_come_before_the_first_reset(tmp_path, monkeypatch):
    """Epoch 0 is an epoch too, and begins undisturbed."""
    monkeypatch.setattr(runtime, "SHARED", SharedState(tmp_path))
    assert repeated(_calls()) == 1
    slow_origin({"factor": 3})
    assert repeated(_calls()) == 3


@pytest.mark.parametrize("end", [lambda shared: slow_origin({"factor": 1}), lambda shared: shared.advance({})])
def test_a_recompute_under_way_is_not_held_up_by_what_has_ended(shared, end):
    """A reset waits for open recomputes: ten repetitions nobody needs would bring it to its deadline."""
    slow_origin({"factor": 10})
    calls = _calls()

    def compute():
        done = calls()
        if done == 4:
            end(shared)
        return done

    assert repeated(compute) == 4


@pytest.mark.parametrize("factor", [None, 0, -1, 1.5, 10.0, True, "10", [], disturbance.MOST_REPEATS + 1])
def test_a_factor_that_is_none_is_refused(shared, factor):
    """And changes nothing."""
    slow_origin({"factor": 2})
    with pytest.raises(BadRequest, match="whole number from 1 to 1000"):
        slow_origin({"factor": factor})
    assert shared.origin_repeats == 2


def test_slow_commits_last_for_one_epoch_and_reach_every_process(shared, tmp_path):
    """A slow origin of the same epoch is another matter: neither disturbs the other."""
    other = SharedState(tmp_path)
    assert runtime.commit_pause_s() == 0
    assert slow_commit({"pause_ms": 300}) == {"pause_ms": 300}
    assert (runtime.commit_pause_s(), other.commit_pause_ms, other.origin_repeats) == (0.3, 300, 1)
    slow_origin({"factor": 4})
    assert (other.commit_pause_ms, other.origin_repeats) == (300, 4)
    shared.advance({})
    assert (other.commit_pause_ms, other.origin_repeats) == (0, 1)


@pytest.mark.parametrize("pause_ms", [None, -1, 1.5, True, "10", disturbance.LONGEST_PAUSE_MS + 1])
def test_a_pause_that_is_none_is_refused(shared, pause_ms):
    """And changes nothing; the longest one is kept whole."""
    slow_commit({"pause_ms": disturbance.LONGEST_PAUSE_MS})
    with pytest.raises(BadRequest, match="whole number from 0 to 10000"):
        slow_commit({"pause_ms": pause_ms})
    assert shared.commit_pause_ms == disturbance.LONGEST_PAUSE_MS


def test_outside_measurement_no_commit_waits(monkeypatch):
    """No folder, no pause; asking for one says what is missing."""
    monkeypatch.setattr(runtime, "SHARED", None)
    assert runtime.commit_pause_s() == 0
    with pytest.raises(BadRequest, match="RIG_EVENT_DIR"):
        slow_commit({"pause_ms": 1})
