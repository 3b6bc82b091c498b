"""single-flight's own promises: dead holders, overtaken holders, readers that come too late to lock."""

from __future__ import annotations

import pytest
from django.db import DatabaseError

from rig.contrib.django import Status, Trace
from rig.contrib.django.trace import tracing
from target_app.shop.entries import Entry, product_entry
from target_app.strategies import STRATEGIES, lock, store
from tests.contract.strategy_bench import SLUG, Herd, _read, _version, _write, wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("shop")]
STRATEGY = STRATEGIES["single-flight"]
ENTRY = product_entry(SLUG)


@pytest.fixture
def lock_s(monkeypatch):
    """A lock that ends long before who waits gives up."""
    monkeypatch.setattr(STRATEGY, "lock_s", 0.5)
    return 0.5


def _as_request(act):
    with tracing(Trace(strategy=STRATEGY.name)) as trace:
        return act(), trace


def _lock_time_left_s():
    return _as_request(lambda: store.remaining_s(lock.name(ENTRY.name)))[0]


def test_a_dead_holder_blocks_nobody_for_longer_than_the_lock_lasts():
    """Its lock ends by itself, and the next reader takes over: who only gave up waiting would have stored nothing."""
    # Only the dead one's is short: a busy machine must not overtake the living.
    assert _as_request(lambda: lock.take(ENTRY.name, lock.new_token(), 0.5))[0]
    assert _read(STRATEGY, ENTRY)[1:] == (Status.MISS, _version(ENTRY.name))
    assert _read(STRATEGY, ENTRY)[1] is Status.HIT


def test_the_lock_has_an_end_from_its_first_moment(gate):
    """SET and its time to live are one step: a holder that dies between the two would hold it for ever."""
    herd = Herd()
    herd.read(STRATEGY, ENTRY)
    gate.expect(1)
    assert 0 < _lock_time_left_s() <= STRATEGY.lock_s
    gate.open()
    herd.join()


def test_a_holder_that_was_overtaken_discards_its_value(gate):
    """Its lock ended while it computed, a write came, another reader stored the newer value: that one stays."""
    gate.holds = 1
    herd = Herd()
    herd.read(STRATEGY, ENTRY)
    gate.expect(1)
    _as_request(lambda: store.delete(lock.name(ENTRY.name)))
    _write(STRATEGY, 7777)
    assert _read(STRATEGY, ENTRY)[1] is Status.MISS
    gate.open()
    overtaken = herd.join()[0]
    assert overtaken[1] is Status.MISS
    assert overtaken[2] == _version(ENTRY.name) - 1
    assert _read(STRATEGY, ENTRY)[1:] == (Status.HIT, _version(ENTRY.name))


def test_nobody_gives_back_the_lock_of_another():
    """A delete without compare would let a third one in."""
    mine, another = lock.new_token(), lock.new_token()
    assert _as_request(lambda: lock.take(ENTRY.name, another, 5))[0]
    _as_request(lambda: lock.release(ENTRY.name, mine))
    assert not _as_request(lambda: lock.take(ENTRY.name, mine, 5))[0]
    _as_request(lambda: lock.release(ENTRY.name, another))
    assert _as_request(lambda: lock.take(ENTRY.name, mine, 5))[0]


def test_who_locks_too_late_finds_the_value(monkeypatch):
    """Between its miss and its lock another one stored and released: it serves that, and computes nothing."""
    real_get = store.get

    def missed_just_before(key):
        found = real_get(key)
        monkeypatch.setattr(store, "get", real_get)
        _read(STRATEGY, ENTRY)
        return found

    monkeypatch.setattr(store, "get", missed_just_before)
    assert _read(STRATEGY, ENTRY)[1] is Status.HIT


def test_who_waited_too_long_computes_and_stores_nothing(lock_s, monkeypatch):
    """The lock is held all the while by one that is slower than anyone waits."""
    monkeypatch.setattr(STRATEGY, "wait_s", 0.1)
    _as_request(lambda: lock.take(ENTRY.name, lock.new_token(), 5))
    (_, trace) = _as_request(lambda: STRATEGY.read(ENTRY))
    served = trace.served[0]
    assert (served.status, served.versions[ENTRY.name], served.ttl_s) == (Status.MISS, _version(ENTRY.name), None)
    assert trace.lock_ns > 0
    assert _as_request(lambda: store.get(ENTRY.name))[0] is None


def test_a_recompute_that_fails_gives_the_lock_back():
    """The next reader does not wait for the lock's end."""

    def fail():
        raise DatabaseError("away")

    with pytest.raises(DatabaseError):
        _read(STRATEGY, Entry(ENTRY.name, fail))
    assert _lock_time_left_s() is None
    assert _read(STRATEGY, ENTRY)[1] is Status.MISS


def test_a_waiter_asks_seldom():
    """Pauses grow: in its first 100 ms a waiter looks fewer than a dozen times."""
    pauses = []
    for pause_s in lock.pauses(10):
        pauses.append(pause_s)
        if sum(pauses) >= 0.1:
            break
    assert len(pauses) < 12
    assert max(pauses) <= 0.05


def test_it_keeps_waiters_waiting_for_one_recompute(gate):
    """All are answered with what the one computed; their time is lock time, not cache or database time."""
    herd = Herd()
    for _ in range(3):
        herd.read(STRATEGY, ENTRY)
    gate.expect(1)
    wait_until(lambda: sum(trace.lock_ns > 0 for trace in herd.traces) == 2, "nobody waits")
    gate.open()
    answers = herd.join()
    assert sorted(status for _, status, _ in answers) == [Status.MISS, Status.WAIT, Status.WAIT]
    assert len({str(value) for value, _, _ in answers}) == 1
