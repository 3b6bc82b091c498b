"""One contract, every strategy, when things go wrong: herds, races, lost invalidations, outages."""

from __future__ import annotations

import time

import pytest
from django.core.cache import cache
from django.core.cache import caches as all_caches

from rig.contrib.django import Status, runtime
from rig.contrib.django.events import EventLog
from rig.measure.origin_events import OriginEvents
from target_app.shop.entries import product_entry
from tests.contract.strategy_bench import ALL, CACHING, SLUG, Herd, _read, _version, _write

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("shop")]
READERS = 3


@pytest.fixture
def events(tmp_path, monkeypatch):
    """The events of this test, once collected."""
    monkeypatch.setattr(runtime, "EVENTS", EventLog(tmp_path))
    return OriginEvents(tmp_path)


@ALL
def test_as_many_recompute_at_once_as_declared(strategy, gate, events):
    """Three readers have all looked and found nothing; how many of them compute is the strategy's declaration.

    No reader is let on before every one has looked, so one that computes alone can't have come late.
    """
    herd = Herd()
    for _ in range(READERS):
        herd.read(strategy, product_entry(SLUG))
    expected = strategy.recomputes_at_once or READERS
    gate.expect(expected)
    herd.expect_all_looked()
    gate.open()
    statuses = [status for _, status, _ in herd.join()]
    recomputes = [row for row in events.collect(0) if row["event"] == "recompute"]
    assert len(recomputes) == expected
    computed = Status.MISS if strategy.caches else Status.BYPASS
    assert sorted(statuses) == sorted([computed] * expected + [Status.WAIT] * (READERS - expected))


@ALL
def test_the_stale_set_race_ends_as_declared(strategy, gate):
    """A reader pauses between snapshot and set while a write commits and invalidates.

    Where declared, the next read is fresh; elsewhere the old value lies there, marked stale or until its TTL.
    """
    entry = product_entry(SLUG)
    gate.holds = 1
    herd = Herd()
    herd.read(strategy, entry)
    gate.expect(1)
    _write(strategy, 7777)
    gate.open()
    herd.join()
    is_stale = _read(strategy, entry)[2] != _version(entry.name)
    assert is_stale != strategy.fresh_after_race


@ALL
def test_a_lost_invalidation_ends_as_declared(strategy, monkeypatch, short_ttl):
    """The process dies between commit and invalidation.

    Strategies that survive it are fresh again within their declared staleness; the others are still stale then, and
    stay so until their safety TTL.
    """
    entry = product_entry(SLUG)
    _read(strategy, entry)
    with monkeypatch.context() as crash:
        crash.setattr(type(strategy), "invalidate", lambda *_: None)
        _write(strategy, 7777)
    committed, window_s = time.monotonic(), 0.0
    if strategy.survives_crash:
        # For a starved machine and the recompute; what is not repaired stays for 3600 s.
        window_s = strategy.max_staleness_s(0.0) + 5.0
    while (is_stale := _read(strategy, entry)[2] != _version(entry.name)) and time.monotonic() - committed < window_s:
        time.sleep(0.01)
    assert is_stale != strategy.survives_crash


@CACHING
def test_an_emptied_cache_is_a_miss_and_fresh(strategy):
    """FLUSHDB, or an eviction: whatever the strategy keeps beside its values is gone as well."""
    entry = product_entry(SLUG)
    _read(strategy, entry)
    _write(strategy, 7777)
    for one in all_caches.all(initialized_only=False):
        one.clear()
    assert _read(strategy, entry)[1:] == (Status.MISS, _version(entry.name))
    assert _read(strategy, entry)[1:] == (Status.HIT, _version(entry.name))


@CACHING
def test_an_outage_is_surfaced_and_survived(strategy, server):
    """While the cache server is away a read fails, and is not answered by chance; once it is back, all is well."""
    entry = product_entry(SLUG)
    _read(strategy, entry)
    server.kill()
    try:
        with pytest.raises(Exception, match=r"(?i)connect|refused|No such file"):
            _read(strategy, entry)
    finally:
        server.restart()
    cache.get("a connection")
    assert _read(strategy, entry)[1:] == (Status.MISS, _version(entry.name))
    assert _read(strategy, entry)[1] is Status.HIT
