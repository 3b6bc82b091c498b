"""Threads that meet where a test wants them: one held between its snapshot and its set, one run to its end elsewhere.

``tests/contract/conftest.py`` makes the fixtures known.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager

import pytest
from django.db import connection

from rig.contrib.django import runtime
from rig.contrib.django.events import EventLog
from rig.measure.origin_events import OriginEvents
from target_app.strategies import base
from tests.contract.strategy_bench import _read, _version


class Pause:
    """Holds the first one who comes between its snapshot and its set; all others pass."""

    def __init__(self, real):
        self._real = real
        self._first = threading.Lock()
        self._reached, self._go_on = threading.Event(), threading.Event()
        self._held: threading.Thread | None = None

    @contextmanager
    def snapshot(self):
        with self._real():
            yield
        if self._first.acquire(blocking=False):
            self._reached.set()
            assert self._go_on.wait(20), "nobody let it go on"

    def hold(self, act):
        """Run ``act`` in a thread of its own until it stands between snapshot and set."""

        def run():
            try:
                act()
            finally:
                connection.close()

        self._held = threading.Thread(target=run, daemon=True)
        self._held.start()
        assert self._reached.wait(10), "it never recomputed"

    def release(self):
        """Let it finish."""
        self._go_on.set()
        self._held.join(10)
        assert not self._held.is_alive(), "it never ended"


@pytest.fixture
def pause(monkeypatch):
    """The gate in every strategy's recompute."""
    made = Pause(base.snapshot)
    monkeypatch.setattr(base, "snapshot", made.snapshot)
    yield made
    made._go_on.set()


@pytest.fixture
def recorded(tmp_path, monkeypatch):
    """What the origin recorded since, as rows."""
    monkeypatch.setattr(runtime, "EVENTS", EventLog(tmp_path))
    return lambda: OriginEvents(tmp_path).collect(0)


def elsewhere(act):
    """Run ``act`` to its end on another thread's database connection."""
    failed = []

    def run():
        try:
            act()
        except BaseException as error:
            failed.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive(), "it never ended"
    if failed:
        raise failed[0]


def is_stale(strategy, entry):
    return _read(strategy, entry)[2] != _version(entry.name)
