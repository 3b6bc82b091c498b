"""Races, each at the one interleaving that decides; threads meet at gates, nothing sleeps and hopes."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from operator import attrgetter

import pytest

from rig.contrib.django import Status, Trace, snapshot
from rig.contrib.django.trace import tracing
from target_app.shop import writes
from target_app.shop.entries import dependents, product_entry
from target_app.shop.models import OutboxRow, Product
from target_app.strategies import STRATEGIES, base, double_delete, store
from tests.contract.interleaving import elsewhere, is_stale
from tests.contract.strategy_bench import SLUG, _read, _version, _write, wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("shop")]

RACED = [
    STRATEGIES[name] for name in ("lease", "write-through", "key-based", "versioned-keys", "delete-many", "outbox")
]
AHEAD = [STRATEGIES[name] for name in ("lease", "key-based", "versioned-keys")]


@pytest.mark.parametrize("strategy", RACED, ids=attrgetter("name"))
def test_a_reader_paused_before_its_set_leaves_what_the_strategy_declares(strategy, pause):
    """It computed from the old row; meanwhile a write committed and invalidated, and the worker did its part."""
    entry = product_entry(SLUG)
    pause.hold(lambda: _read(strategy, entry))
    _write(strategy, 7777)
    if strategy.name == "outbox":
        wait_until(lambda: not OutboxRow.objects.exists(), "the worker left the row")
    pause.release()
    assert is_stale(strategy, entry) != strategy.fresh_after_race


@pytest.mark.parametrize("strategy", AHEAD, ids=attrgetter("name"))
def test_two_writes_during_one_recompute_still_end_fresh(strategy, pause):
    """What the paused reader stores lies under a version, token or generation that is two behind."""
    entry = product_entry(SLUG)
    pause.hold(lambda: _read(strategy, entry))
    _write(strategy, 7777)
    _write(strategy, 8888)
    pause.release()
    assert _read(strategy, entry)[0]["price_cents"] == 8888


def test_of_two_writers_that_store_in_reverse_order_the_newer_value_survives(pause):
    """The first writer pauses between its snapshot and its set; the second commits and stores before it."""
    strategy, entry = STRATEGIES["write-through"], product_entry(SLUG)
    pause.hold(lambda: _write(strategy, 1111))
    _write(strategy, 2222)
    pause.release()
    value, status, version = _read(strategy, entry)
    assert (value["price_cents"], status, version) == (2222, Status.HIT, _version(entry.name))


def test_a_write_leaves_all_its_dependents_fresh_and_cached(recorded):
    """K = 3: nobody misses after it, and the event file says that the writer recomputed."""
    strategy = STRATEGIES["write-through"]
    entries = dependents(Product.objects.get(slug=SLUG))
    _write(strategy, 4321)
    assert [_read(strategy, entry)[1:] for entry in entries] == [(Status.HIT, _version(e.name)) for e in entries]
    recomputed = [row for row in recorded() if row["event"] == "recompute"]
    assert [(row["entry"], row["hint"], row["outcome"]) for row in recomputed] == [
        (entry.name, "write", "stored") for entry in entries
    ]


def test_what_a_writer_recomputes_after_its_commit_holds_up_no_other_writer(monkeypatch):
    """A second write commits inside the first one's snapshot: on SQLite it could not, were that a BEGIN IMMEDIATE."""
    real = base.repeated

    def with_a_write_inside(compute):
        monkeypatch.setattr(base, "repeated", real)
        elsewhere(lambda: _write(STRATEGIES["delete-many"], 2222))
        return real(compute)

    monkeypatch.setattr(base, "repeated", with_a_write_inside)
    _write(STRATEGIES["write-through"], 1111)
    assert Product.objects.get(slug=SLUG).price_cents == 2222


def test_a_value_is_stored_under_the_version_of_its_own_snapshot(monkeypatch):
    """A write commits between the look at the version and the snapshot; the next read hits."""
    strategy, entry = STRATEGIES["key-based"], product_entry(SLUG)

    @contextmanager
    def after_a_write():
        monkeypatch.setattr(base, "snapshot", snapshot)
        elsewhere(lambda: _write(strategy, 6666))
        with snapshot():
            yield

    monkeypatch.setattr(base, "snapshot", after_a_write)
    first = _read(strategy, entry)
    assert first[1:] == (Status.MISS, _version(entry.name))
    assert _read(strategy, entry) == (first[0], Status.HIT, first[2])


def test_a_hit_costs_one_query():
    """By primary key: the price of having nothing to invalidate."""
    strategy, entry = STRATEGIES["key-based"], product_entry(SLUG)
    _read(strategy, entry)
    with tracing(Trace(strategy=strategy.name)) as trace:
        strategy.read(entry)
    assert (trace.served[0].status, trace.queries) == (Status.HIT, 1)


class Timers:
    """Stands in for ``threading.Timer``: they fire when told."""

    def __init__(self):
        self.begun = []

    def __call__(self, delay_s, act):
        self.begun.append((delay_s, act))
        return threading.Thread()

    def fire(self):
        for _, act in self.begun:
            act()


@pytest.fixture
def timers(monkeypatch):
    """The delays of double-delete, ended by the test."""
    made = Timers()
    monkeypatch.setattr(double_delete, "Timer", made)
    return made


def test_the_second_delete_takes_out_a_stale_set_made_within_the_delay(pause, monkeypatch):
    """Stale between set and second delete, fresh after it; here with the real timer."""
    monkeypatch.setattr(double_delete, "DELAY_S", 0.3)
    strategy, entry = STRATEGIES["double-delete"], product_entry(SLUG)
    pause.hold(lambda: _read(strategy, entry))
    _write(strategy, 7777)
    pause.release()
    wait_until(lambda: not is_stale(strategy, entry), "the second delete never came")


def test_a_reader_that_pauses_for_longer_than_the_delay_still_leaves_its_old_value(pause, timers):
    """It narrows the race and does not close it, as declared."""
    strategy, entry = STRATEGIES["double-delete"], product_entry(SLUG)
    pause.hold(lambda: _read(strategy, entry))
    _write(strategy, 7777)
    timers.fire()
    pause.release()
    assert is_stale(strategy, entry)
    assert [delay for delay, _ in timers.begun] == [double_delete.DELAY_S]


def test_a_late_second_delete_hits_its_own_epoch_only(timers, recorded):
    """It is recorded under the epoch of its write, and a later trial's entry of that name stays."""
    strategy, entry = STRATEGIES["double-delete"], product_entry(SLUG)
    with tracing(Trace(strategy=strategy.name, epoch=0)):
        writes.change_product(SLUG, price_cents=7777, stock=3)
    with tracing(Trace(strategy=strategy.name, epoch=1)):
        strategy.read(entry)
        timers.fire()
        assert store.get(entry.name) is not None
    deleted = [row["entries"] for row in recorded() if row["event"] == "invalidate"]
    assert len(deleted) == 2 and deleted[0] == deleted[1]
