"""lease: who may compute, who waits, whose set is refused, and what a dead holder costs."""

from __future__ import annotations

import pytest
from django.core.cache import cache

from rig.contrib.django import Status, Trace
from rig.contrib.django.trace import tracing
from target_app.shop.entries import entry_of, product_entry
from target_app.strategies import STRATEGIES, lock, store
from tests.contract.strategy_bench import SLUG, Herd, _read, _version, _write, wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("shop")]


def test_of_many_misses_one_recomputes_and_the_others_wait_for_it(pause, recorded, monkeypatch):
    """One token: one recompute, and the same value for all."""
    strategy, entry, herd = STRATEGIES["lease"], product_entry(SLUG), Herd()
    first = []
    pause.hold(lambda: first.append(_read(strategy, entry)))
    looks = _counting_looks(monkeypatch)
    for _ in range(6):
        herd.read(strategy, entry)
    wait_until(lambda: looks() >= 12, "nobody waited")
    pause.release()
    assert {(status, version) for _, status, version in herd.join()} == {(Status.WAIT, first[0][2])}
    assert first[0][1] is Status.MISS
    assert sum(row["event"] == "recompute" for row in recorded()) == 1


def _counting_looks(patch):
    real, seen = lock.claim, []

    def look(*args):
        seen.append(1)
        return real(*args)

    patch.setattr(lock, "claim", look)
    return lambda: len(seen)


def test_a_delete_voids_the_token_and_the_next_miss_gets_a_new_one(pause, recorded):
    """The first holder's set is refused while the second one's value stands."""
    strategy, entry = STRATEGIES["lease"], product_entry(SLUG)
    pause.hold(lambda: _read(strategy, entry))
    _write(strategy, 7777)
    second = _read(strategy, entry)
    pause.release()
    assert second[1:] == (Status.MISS, _version(entry.name))
    assert _read(strategy, entry) == (second[0], Status.HIT, second[2])
    assert sorted(row["outcome"] for row in recorded() if row["event"] == "recompute") == ["discarded", "stored"]


def test_a_token_that_expired_cannot_set(monkeypatch, pause):
    """A holder that slept through its lease must not set under the lease of its successor."""
    monkeypatch.setattr(type(STRATEGIES["lease"]), "lock_s", 0.05)
    strategy, entry = STRATEGIES["lease"], product_entry(SLUG)
    pause.hold(lambda: _read(strategy, entry))
    monkeypatch.setattr(type(STRATEGIES["lease"]), "lock_s", 30.0)
    with tracing(Trace(strategy=strategy.name)):
        wait_until(lambda: lock.claim(entry.name, 1, 30.0)[1], "the token never expired")
        pause.release()
        assert store.get(entry.name) is None
        assert lock.claim(entry.name, 2, 30.0) == (None, False), "the successor lost its lease"


def test_a_dead_holder_blocks_for_the_life_of_its_token_only():
    """The waiter gets the next token, and what it computes is stored."""
    strategy, entry = STRATEGIES["lease"], product_entry(SLUG)
    with tracing(Trace(strategy=strategy.name)):
        assert lock.claim(entry.name, 3, 0.1) == (None, True)
    assert _read(strategy, entry)[1] is Status.MISS
    assert _read(strategy, entry)[1] is Status.HIT


def test_who_waited_a_whole_lease_computes_and_stores_nothing(monkeypatch):
    """A request ends, even where tokens are voided faster than anyone computes."""
    monkeypatch.setattr(type(STRATEGIES["lease"]), "wait_s", 0.05)
    strategy, entry = STRATEGIES["lease"], product_entry(SLUG)
    with tracing(Trace(strategy=strategy.name)):
        assert lock.claim(entry.name, 4, 30.0) == (None, True)
    assert _read(strategy, entry)[1:] == (Status.MISS, _version(entry.name))
    with tracing(Trace(strategy=strategy.name)):
        assert store.get(entry.name) is None


def test_a_failed_recompute_gives_its_lease_back():
    """Else every visitor of a page that does not exist would wait for the token of the first."""
    strategy, entry = STRATEGIES["lease"], entry_of("firing:9999")
    for _ in range(2):
        with pytest.raises(Exception, match="matching query does not exist"):
            _read(strategy, entry)
        with tracing(Trace(strategy=strategy.name)):
            assert cache.get(store._key(lock.name(entry.name))) is None
