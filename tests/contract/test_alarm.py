"""The alarm of gevent's loop: rings at its instant, not before, and only for the last one set."""

from __future__ import annotations

import sys
import time

import gevent
import pytest

from rig.measure.load import alarm as alarms
from rig.measure.load.alarm import alarm

KINDS = ["_LoopAlarm", *(["_FileAlarm"] if sys.platform == "linux" else [])]


@pytest.fixture(params=KINDS)
def rings(request):
    """An alarm of each kind, and the instants at which it rang."""
    rang: list[float] = []

    def ring() -> None:
        rang.append(time.monotonic())
        one.set(None)

    one = getattr(alarms, request.param)(gevent.get_hub().loop, ring)
    yield one, rang
    one.close()


def _wait_for(rang: list[float], count: int) -> None:
    deadline = time.monotonic() + 10
    while len(rang) < count and time.monotonic() < deadline:
        gevent.sleep(0.002)


def test_it_rings_once_and_not_before_its_instant(rings):
    """A request sent early would count as waiting less than nothing."""
    one, rang = rings
    when = time.monotonic() + 0.03
    one.set(when)
    _wait_for(rang, 1)
    assert rang[0] >= when - 1e-4
    one.set(time.monotonic() + 1000)
    gevent.sleep(0.02)
    assert len(rang) == 1


def test_an_instant_that_has_passed_rings_at_once(rings):
    """Late requests are sent as soon as the loop turns."""
    one, rang = rings
    one.set(time.monotonic() - 5)
    _wait_for(rang, 1)
    assert rang


def test_only_the_last_instant_counts(rings):
    """Setting replaces what was set before."""
    one, rang = rings
    one.set(time.monotonic() + 0.01)
    one.set(time.monotonic() + 1000)
    gevent.sleep(0.05)
    assert rang == []


def test_set_to_none_it_does_not_ring(rings):
    """When all is sent nobody needs it; ringing on, it would keep a core busy."""
    one, rang = rings
    one.set(time.monotonic() + 0.01)
    one.set(None)
    gevent.sleep(0.05)
    assert rang == []


def test_linux_has_the_precise_one():
    """The loop's own timers know whole milliseconds there."""
    made = alarm(gevent.get_hub().loop, lambda: None)
    assert type(made).__name__ == ("_FileAlarm" if sys.platform == "linux" else "_LoopAlarm")
    made.close()


def test_a_pause_between_two_clocks_does_not_move_an_arrival(monkeypatch):
    """Another program may have the CPU just between the two readings; the arrival is where the stamp says."""
    from rig.measure.load import readiness

    real, pauses = time.time, iter([0.02, 0.01, 0, 0, 0])

    def paused() -> float:
        end = time.monotonic() + next(pauses)
        while time.monotonic() < end:
            pass
        return real()

    stamp_s, stamped_s = real() - 0.003, time.monotonic() - 0.003
    monkeypatch.setattr(readiness.time, "time", paused)
    assert readiness.Clocks().monotonic_s(stamp_s) == pytest.approx(stamped_s, abs=0.002)


def test_a_wall_clock_that_was_set_is_not_believed(monkeypatch):
    """A stamp of the future, or of long ago, is no arrival of just now."""
    from rig.measure.load.readiness import Clocks

    clocks = Clocks()
    for off_s in (5.0, -3600.0):
        begin_s = time.monotonic()
        assert begin_s <= clocks.monotonic_s(time.time() + off_s) <= time.monotonic()


def test_what_arrives_after_the_clocks_were_read_is_dated_by_its_stamp():
    """A batch is dated by one pair of clocks; its last response may have come while the first was handled."""
    from rig.measure.load.readiness import Clocks

    clocks = Clocks()
    time.sleep(0.01)
    stamp_s, stamped_s = time.time(), time.monotonic()
    time.sleep(0.01)
    assert clocks.monotonic_s(stamp_s) == pytest.approx(stamped_s, abs=0.005)
