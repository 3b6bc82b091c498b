"""ttl-jitter and xfetch: what is left to chance, and what is not."""

from __future__ import annotations

import pytest

from rig.contrib.django import Status, Trace, runtime
from rig.contrib.django.events import EventLog
from rig.contrib.django.trace import tracing
from rig.measure.origin_events import OriginEvents
from target_app.shop import catalogue
from target_app.shop.entries import entry_of, product_entry
from target_app.strategies import STRATEGIES, store
from target_app.strategies.ttl_jitter import SPREAD
from target_app.strategies.xfetch import XFetch
from tests.contract.strategy_bench import SLUG, TTL_S, _read, _version, _write

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("shop")]
JITTER, XFETCH = STRATEGIES["ttl-jitter"], STRATEGIES["xfetch"]
ENTRY = product_entry(SLUG)


def test_each_set_draws_its_own_time_to_live():
    """Ten entries, ten times to live, all within the spread; the declared staleness knows the longest."""
    drawn = []
    for name in catalogue.scopes()[:10]:
        with tracing(Trace(strategy=JITTER.name)) as trace:
            JITTER.read(entry_of(name))
            drawn.append(trace.served[0].ttl_s)
            assert store.remaining_s(name) == pytest.approx(drawn[-1], abs=5)  # Seconds since the set, at most.
    assert len(set(drawn)) == 10
    assert all(TTL_S * (1 - SPREAD) <= ttl_s <= TTL_S * (1 + SPREAD) for ttl_s in drawn)
    assert JITTER.max_staleness_s(2.0) == TTL_S * (1 + SPREAD) + 2.0


def test_who_draws_early_recomputes_and_stores(monkeypatch, tmp_path):
    """A MISS of its own with the newest version, recorded as early; the readers after it hit."""
    monkeypatch.setattr(runtime, "EVENTS", EventLog(tmp_path))
    monkeypatch.setattr(XFetch, "draw", staticmethod(lambda: 0.0))
    _read(XFETCH, ENTRY)
    _write(XFETCH, 7777)
    assert _read(XFETCH, ENTRY)[1:] == (Status.HIT, _version(ENTRY.name) - 1)
    monkeypatch.setattr("target_app.strategies.xfetch.BETA", 1e6)
    monkeypatch.setattr(XFetch, "draw", staticmethod(lambda: 0.99))
    assert _read(XFETCH, ENTRY)[1:] == (Status.MISS, _version(ENTRY.name))
    monkeypatch.setattr(XFetch, "draw", staticmethod(lambda: 0.0))
    assert _read(XFETCH, ENTRY)[1:] == (Status.HIT, _version(ENTRY.name))
    hints = [row["hint"] for row in OriginEvents(tmp_path).collect(0) if row["event"] == "recompute"]
    assert hints == [None, "early"]


def test_the_recompute_time_is_stored_with_the_value(monkeypatch):
    """It decides how early the next one comes, so it has to be this entry's own."""
    ticks = iter([100.0, 100.25])
    monkeypatch.setattr("target_app.strategies.xfetch.time", _Clock(ticks))
    with tracing(Trace(strategy=XFETCH.name)):
        XFETCH.read(ENTRY)
        assert store.get(ENTRY.name).note == 0.25


class _Clock:
    """A clock that says what it was told."""

    def __init__(self, ticks):
        self.monotonic = lambda: next(ticks)
