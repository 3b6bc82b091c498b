"""Disturbances are carried out when they are due, recorded as they were, and undone whatever happens."""

from __future__ import annotations

import threading
import time

import pyarrow as pa
import pytest

from rig.measure.deeds import DEEDS
from rig.measure.disturbances import Disturber
from rig.measure.planning import refuse_borrowed_cache, refuse_unoffered, refuse_untold
from rig.measure.soundness import LATE_DISTURBANCE_S, marks
from rig.model import InfrastructureError, Mark, UsageError
from rig.plan.disturbance import KINDS, Planned
from rig.plan.profile import load_profile

NOTHING: list[pa.RecordBatch] = []
FLEET = {"requests": {"scheduled": 0, "sent": 0, "dropped": 0}, "pages": {"scheduled": 0}, "wrong_arm": 0}


class Deed:
    """Notes what was asked of it; breaks where told to."""

    def __init__(self, breaks: tuple[str, ...] = ()):
        self.breaks, self.asked = list(breaks), []
        self.begun = threading.Event()

    def begin(self):
        return self._do("begin")

    def end(self):
        return self._do("end")

    def _do(self, what):
        self.asked.append(what)
        if what == "begin":
            self.begun.set()
        if what in self.breaks:
            self.breaks.remove(what)
            raise InfrastructureError(f"{what} broke")
        return time.monotonic()


def planned(begin_s=0.0, end_s=None, kind="flush"):
    return Planned(kind=kind, begin_s=begin_s, end_s=end_s, factor=10, entry=None, seed=1)


def _wait(condition):
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    assert condition()


def test_what_happened_when_is_in_the_facts():
    """Planned and begun instants on the monotonic clock; the end of a momentary one is null."""
    momentary, lasting = Deed(), Deed()
    plan = [(planned(0.0), momentary), (planned(0.05, 0.1, "cache-outage"), lasting)]
    start_s = time.monotonic()
    with Disturber(plan) as disturbed:
        disturbed.start(start_s)
        _wait(lambda: lasting.asked == ["begin", "end"])
    first, second = disturbed.facts
    assert (first["kind"], first["end_s"], first["error"]) == ("flush", None, None)
    assert first["begin_s"] >= first["planned_s"] == start_s
    assert second["planned_s"] == start_s + 0.05
    assert start_s + 0.1 <= second["end_s"]
    assert momentary.asked == ["begin"]
    assert marks(NOTHING, FLEET, 0, [first]) == []


def test_what_was_begun_is_ended_when_the_trial_breaks():
    """Ctrl-C in the middle: ended once, at once, and the interrupt goes on."""
    deed = Deed()
    with pytest.raises(KeyboardInterrupt), Disturber([(planned(0.0, 3600.0, "cache-outage"), deed)]) as disturbed:
        disturbed.start(time.monotonic())
        assert deed.begun.wait(10)
        raise KeyboardInterrupt
    assert deed.asked == ["begin", "end"]
    assert disturbed.facts[0]["end_s"] is not None


def test_one_that_half_failed_is_undone_and_marks_the_trial():
    """A begin that broke may have begun: its end is asked for, and the trial does not count."""
    deed = Deed(breaks=("begin",))
    with Disturber([(planned(0.0, 0.01, "slow-origin"), deed)]) as disturbed:
        disturbed.start(time.monotonic())
        _wait(lambda: disturbed.facts[0]["error"])
    assert deed.asked == ["begin", "end"]
    assert disturbed.facts[0]["error"] == "begin broke"
    assert disturbed.facts[0]["begin_s"] is disturbed.facts[0]["end_s"] is None
    assert marks(NOTHING, FLEET, 0, disturbed.facts) == [Mark.UNDISTURBED]


def test_an_end_that_failed_is_tried_again_before_the_next_trial():
    """Undone at the second attempt: the run goes on, the trial is marked."""
    deed = Deed(breaks=("end",))
    with Disturber([(planned(0.0, 0.01, "slow-origin"), deed)]) as disturbed:
        disturbed.start(time.monotonic())
        _wait(lambda: disturbed.facts[0]["error"])
    assert deed.asked == ["begin", "end", "end"]
    assert marks(NOTHING, FLEET, 0, disturbed.facts) == [Mark.UNDISTURBED]


def test_what_cannot_be_undone_ends_the_run():
    """The next trial would be disturbed without having been planned so."""
    deed = Deed(breaks=("end", "end"))
    with (
        pytest.raises(InfrastructureError, match="not undone"),
        Disturber([(planned(0.0, 0.01, "slow-origin"), deed)]) as disturbed,
    ):
        disturbed.start(time.monotonic())
        _wait(lambda: disturbed.facts[0]["error"])


def test_one_that_was_never_due_did_not_happen():
    """The trial ended before: said so, and marked."""
    deed = Deed()
    with Disturber([(planned(3600.0), deed)]) as disturbed:
        disturbed.start(time.monotonic())
    assert deed.asked == []
    assert "ended before" in disturbed.facts[0]["error"]
    assert marks(NOTHING, FLEET, 0, disturbed.facts) == [Mark.UNDISTURBED]


def test_half_a_second_late_is_sound_and_more_is_not():
    """The edge is exact; an end that comes late is the target's doing."""
    facts = {"planned_s": 10.0, "begin_s": 10.0 + LATE_DISTURBANCE_S, "end_s": 99.0, "error": None}
    assert marks(NOTHING, FLEET, 0, [facts]) == []
    assert marks(NOTHING, FLEET, 0, [{**facts, "begin_s": 10.501}]) == [Mark.UNDISTURBED]


def test_every_kind_has_its_way():
    """What a profile may plan, the conductor can carry out."""
    assert set(DEEDS) == set(KINDS)


HOT = ["product:moon-jar"]
WRITES = [
    {"path": "/staff/p/moon-jar/note/", "dependents": 1, "entries": HOT},
    {"path": "/staff/c/vases/", "dependents": 10, "entries": HOT},
]


class TestRefused:
    def test_a_disturbance_the_target_does_not_offer(self):
        """Named, with what it offers; one that rig carries out itself needs no offer."""
        with pytest.raises(UsageError, match="slow-origin"):
            refuse_unoffered(load_profile("unseen-write"), {"disturbances": ["slow-origin"]})
        with pytest.raises(UsageError, match="no disturbance"):
            refuse_unoffered(load_profile("slow-origin"), {})
        refuse_unoffered(load_profile("cache-outage"), {})

    def test_a_write_the_target_does_not_have_or_of_another_fan_out(self):
        profile = load_profile("write-burst")
        with pytest.raises(UsageError, match="/staff/notice/"):
            refuse_unoffered(profile, {"writes": WRITES})
        three = [*WRITES, {"path": "/staff/notice/", "dependents": 99, "entries": HOT}]
        with pytest.raises(UsageError, match="99"):
            refuse_unoffered(profile, {"writes": three})
        with pytest.raises(UsageError, match="does not depend"):
            refuse_unoffered(profile, {"writes": [{**WRITES[0], "entries": ["home"]}]})
        refuse_unoffered(profile, {})

    def test_a_target_that_leaves_out_what_a_plan_needs(self):
        """Each fact by its name, and where it is said; null is an answer where a strategy declares no bound."""
        row = {"name": "lease", "ttl_s": 3, "max_staleness_s": None, "max_staleness_recomputes": 1}
        whole = {"strategies": [row], "seed_strategies": [], "threads": 8, "database": "sqlite"}
        refuse_untold(whole, "http://127.0.0.1:8000")
        with pytest.raises(UsageError, match=r"not tell strategies, seed_strategies, threads, database; .*Hooks"):
            refuse_untold({"contract": "rig.target/1"}, "http://127.0.0.1:8000")
        with pytest.raises(UsageError, match="ttl_s of strategy lease;"):
            refuse_untold({**whole, "strategies": [{k: v for k, v in row.items() if k != "ttl_s"}]}, "http://x")

    @pytest.mark.parametrize("name", ["cache-outage", "cold-start"])
    def test_somebody_elses_cache_server_is_neither_killed_nor_emptied(self, monkeypatch, name):
        monkeypatch.setenv("RIG_REDIS_URL", "redis://example:6379/0")
        with pytest.raises(UsageError, match="RIG_REDIS_URL"):
            refuse_borrowed_cache(load_profile(name))
        refuse_borrowed_cache(load_profile("slow-origin"))
        monkeypatch.delenv("RIG_REDIS_URL")
        refuse_borrowed_cache(load_profile(name))
