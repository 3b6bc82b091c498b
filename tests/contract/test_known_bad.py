"""The controls that are wrong on purpose: each is caught at its fault, which sound strategies pass."""

from __future__ import annotations

import threading
from operator import attrgetter

import pytest
from django.db import connection

from rig.contrib.django import Status, Trace
from rig.contrib.django.trace import tracing
from target_app.shop import catalogue, measured, writes
from target_app.shop.entries import Entry, entry_of, product_entry
from target_app.strategies import STRATEGIES, bad_lock_no_timeout, lock, store, versioned_keys
from tests.contract.interleaving import elsewhere, is_stale
from tests.contract.strategy_bench import SLUG, _read, _write

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("shop")]


def _scenario(bad, *more):
    """The bad one, and those that must pass what it fails."""
    names = (bad, "lease", "versioned-keys", *more)
    return pytest.mark.parametrize("strategy", [STRATEGIES[name] for name in names], ids=attrgetter("name"))


@_scenario("bad-delete-in-transaction")
def test_who_reads_between_delete_and_commit(strategy, monkeypatch):
    """A reader comes after the write's last statement, before its COMMIT, and reads the old row, as it must.

    Deleted by then and never again: what it stored stays. Sound ones invalidate after the COMMIT.
    """
    entry = product_entry(SLUG)
    _read(strategy, entry)
    real = strategy.before_commit

    def then_a_reader(entries):
        real(entries)
        elsewhere(lambda: _read(strategy, entry))

    monkeypatch.setattr(strategy, "before_commit", then_a_reader)
    _write(strategy, 7777)
    assert is_stale(strategy, entry) == bool(strategy.known_bad)


@_scenario("bad-version-set")
def test_two_writers_at_once(strategy, monkeypatch):
    """The first is held between COMMIT and bump until the second has looked; a reader stores between that bump and the
    second COMMIT. Both writers read the same generation, so the second bump changes nothing: the old value stays.
    """
    entry = product_entry(SLUG)
    committed, may_invalidate = threading.Event(), threading.Event()
    real_after, real_before = strategy.invalidate, strategy.before_write

    def held(*args):
        committed.set()
        assert may_invalidate.wait(20), "nobody let it go on"
        real_after(*args)

    def first():
        try:
            _write(strategy, 1111, slug="bud-vase")
        finally:
            connection.close()

    def second_has_looked():
        real_before()
        may_invalidate.set()
        writer.join(20)
        elsewhere(lambda: _read(strategy, entry))

    monkeypatch.setattr(strategy, "invalidate", held)
    writer = threading.Thread(target=first, daemon=True)
    writer.start()
    assert committed.wait(10)
    monkeypatch.setattr(strategy, "invalidate", real_after)
    monkeypatch.setattr(strategy, "before_write", second_has_looked)
    _write(strategy, 2222)
    assert not writer.is_alive()
    assert is_stale(strategy, entry) == bool(strategy.known_bad)


@_scenario("bad-lock-no-timeout")
def test_a_holder_that_was_killed(strategy, monkeypatch):
    """A lock or token is taken and its holder never comes back. Every request still ends; without a timeout, none of
    them ever stores, however many come.
    """
    monkeypatch.setattr(bad_lock_no_timeout, "PATIENCE_S", 0.1)
    entry = product_entry(SLUG)
    with tracing(Trace(strategy=strategy.name)):
        if strategy.known_bad:
            assert strategy._lock(entry)
        elif strategy.name == "lease":
            # Only the dead one's is so short: a busy machine must not overtake the living.
            assert lock.claim(entry.name, lock.new_token(), 0.1) == (None, True)
    seen = [_read(strategy, entry)[1] for _ in range(4)]
    assert seen[0] is Status.MISS
    assert set(seen[1:]) == {Status.MISS if strategy.known_bad else Status.HIT}


def test_the_lock_without_a_timeout_does_let_one_compute_while_its_holder_lives():
    """It is wrong about death alone: else it would prove nothing about timeouts."""
    strategy, entry = STRATEGIES["bad-lock-no-timeout"], product_entry(SLUG)
    _read(strategy, entry)
    assert _read(strategy, entry)[1] is Status.HIT
    with tracing(Trace(strategy=strategy.name)):
        assert store.get(f"{entry.name}#lock") is None


@_scenario("bad-falsy-miss", "delete-many")
def test_an_empty_value_read_again_and_again(strategy, recorded):
    """Hit ratio 0 on what is empty; one recompute and hits for the others."""
    entry = Entry("category:seconds", dict)
    statuses = [_read(strategy, entry)[1] for _ in range(5)]
    hits = statuses.count(Status.HIT)
    assert hits == (0 if strategy.known_bad else 4)


def test_of_the_shops_pages_only_the_one_that_lists_nothing_is_missed_for_ever():
    """The fault is seen on a real page, and nowhere else: the control is as good as delete-many on all others."""
    strategy = STRATEGIES["bad-falsy-miss"]
    missed = []
    for name in catalogue.scopes():
        _read(strategy, entry_of(name))
        if _read(strategy, entry_of(name))[1] is Status.MISS:
            missed.append(name)
    assert missed == ["category:seconds"]


@pytest.mark.parametrize("name", [name for name in STRATEGIES if name.startswith("bad-")])
def test_a_control_says_what_is_wrong_and_declares_what_its_author_believes(name):
    """A bound without a TTL in it, so that what stays until the TTL is beyond it."""
    strategy = STRATEGIES[name]
    declared = next(row for row in measured.strategies() if row["name"] == name)
    assert declared["known_bad"] == strategy.known_bad
    assert strategy.known_bad and strategy.family == "known bad"
    assert strategy.max_staleness_s(10.0) < strategy.ttl_s / 100


def test_a_write_with_the_lost_bump_is_recorded_as_one(recorded):
    """The event file shows a bump after each commit, as the author would expect: only the detectors tell."""
    strategy = STRATEGIES["bad-version-set"]
    with tracing(Trace(strategy=strategy.name)):
        before = store.generation(versioned_keys.GENERATION)
        writes.note_product(SLUG, "Back in June.")
        assert store.generation(versioned_keys.GENERATION) == before + 1
    assert [row["outcome"] for row in recorded() if row["event"] == "invalidate"] == ["bump"]
