"""stale-while-revalidate's own promises: who refreshes, what a mark is worth, what a reset waits for."""

from __future__ import annotations

import time

import pytest
from django.db import DatabaseError

from rig.contrib.django import Status, Trace, carried, current, runtime
from rig.contrib.django.events import EventLog
from rig.contrib.django.state import SharedState
from rig.contrib.django.trace import tracing
from rig.measure.origin_events import OriginEvents
from target_app.shop.entries import Entry, product_entry
from target_app.strategies import STRATEGIES
from tests.contract.strategy_bench import SHORT_TTL_S, SLUG, TTL_S, _read, _round_trips, _version, _write, wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("shop")]
STRATEGY = STRATEGIES["stale-while-revalidate"]
ENTRY = product_entry(SLUG)


@pytest.fixture
def shared(tmp_path, monkeypatch):
    """What the workers of a measured target share."""
    monkeypatch.setattr(runtime, "SHARED", SharedState(tmp_path))
    monkeypatch.setattr(runtime, "EVENTS", EventLog(tmp_path))
    return runtime.SHARED


def _idle(shared):
    wait_until(lambda: shared.open_recomputes() == 0, "a refresh never ended")


def test_a_write_marks_and_one_reader_has_it_refreshed(shared, gate, tmp_path):
    """Four readers get the old value while one refresh is under way; then all get the new one."""
    gate.open()
    _read(STRATEGY, ENTRY)
    _write(STRATEGY, 7777)
    gate.close()
    old = [_read(STRATEGY, ENTRY) for _ in range(4)]
    gate.expect(1)
    old += [_read(STRATEGY, ENTRY)]
    gate.open()
    _idle(shared)
    assert {(status, version) for _, status, version in old} == {(Status.STALE, _version(ENTRY.name) - 1)}
    assert _read(STRATEGY, ENTRY)[1:] == (Status.HIT, _version(ENTRY.name))
    rows = OriginEvents(tmp_path).collect(0)
    assert [row["outcome"] for row in rows if row["event"] == "invalidate"] == ["mark"]
    recomputes = [(row["outcome"], row["hint"]) for row in rows if row["event"] == "recompute"]
    assert recomputes == [("stored", None), ("stored", "background")]


def test_a_refresh_that_began_before_the_write_does_not_unmark(shared, gate):
    """It stores the old value, which is stale at once: the next reader has it refreshed again."""
    gate.open()
    _read(STRATEGY, ENTRY)
    _write(STRATEGY, 5555)
    gate.close()
    _read(STRATEGY, ENTRY)
    gate.expect(1)
    _write(STRATEGY, 7777)
    gate.open()
    _idle(shared)
    assert _read(STRATEGY, ENTRY)[1:] == (Status.STALE, _version(ENTRY.name) - 1)
    _idle(shared)
    assert _read(STRATEGY, ENTRY)[1:] == (Status.HIT, _version(ENTRY.name))


def test_the_hard_ttl_is_twice_the_soft_one():
    """Between the two the value is served on purpose."""
    with tracing(Trace(strategy=STRATEGY.name)) as trace:
        STRATEGY.read(ENTRY)
        assert trace.served[0].ttl_s == TTL_S
        left_s = STRATEGY.remaining_s(None, ENTRY)
    assert TTL_S < left_s <= 2 * TTL_S


def test_past_the_hard_ttl_there_is_nothing_to_serve(short_ttl):
    """Not even to be refreshed."""
    _read(STRATEGY, ENTRY)
    time.sleep(2 * SHORT_TTL_S + 0.05)  # A time to live can't be polled for: looking is what refreshes.
    assert _read(STRATEGY, ENTRY)[1] is Status.MISS


def test_a_refresh_costs_the_round_trips_it_declares(shared, server):
    """A stale read looks and takes the lock; the refresh looks again, and stores."""
    _read(STRATEGY, ENTRY)
    _write(STRATEGY, 7777)

    def read_and_refresh():
        assert _read(STRATEGY, ENTRY)[1] is Status.STALE
        _idle(shared)

    assert _round_trips(server, read_and_refresh) == 2 + STRATEGY.cost.background


def test_a_refresh_stays_in_its_epoch_and_a_reset_waits_for_it(shared, gate, tmp_path):
    """It counts as open from the moment it is handed over, and its events carry the epoch it was asked for in."""
    gate.open()
    _read(STRATEGY, ENTRY)
    _write(STRATEGY, 7777)
    gate.close()
    _read(STRATEGY, ENTRY)
    assert shared.open_recomputes() >= 1
    gate.expect(1)
    shared.advance({})
    assert shared.open_recomputes() >= 1
    gate.open()
    _idle(shared)
    recomputed = {epoch: OriginEvents(tmp_path).collect(epoch) for epoch in (0, 1)}
    assert [row["outcome"] for row in recomputed[0] if row["event"] == "recompute"] == ["stored", "stored"]
    assert recomputed[1] == []


def test_a_refresh_that_fails_is_logged_and_gives_the_lock_back(shared, caplog):
    """Nobody asks for its result, and the next stale read begins another."""

    def fail():
        raise DatabaseError("away")

    _read(STRATEGY, ENTRY)
    _write(STRATEGY, 7777)
    _read(STRATEGY, Entry(ENTRY.name, fail))
    _idle(shared)
    assert "stale-while-revalidate" in caplog.text
    assert _read(STRATEGY, ENTRY)[1] is Status.STALE
    _idle(shared)
    assert _read(STRATEGY, ENTRY)[1:] == (Status.HIT, _version(ENTRY.name))


def test_work_left_behind_has_the_requests_epoch_and_a_trace_of_its_own(shared):
    """What it costs is not the response's."""
    seen = []
    with tracing(Trace(strategy="a strategy", epoch=7)) as trace:
        work = carried(lambda: seen.append(current()))
    assert shared.open_recomputes() == 1
    work()
    assert shared.open_recomputes() == 0
    assert (seen[0].epoch, seen[0].strategy) == (7, "a strategy")
    assert seen[0] is not trace
