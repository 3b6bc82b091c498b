"""When two arms' answers count as the same, and when the machine spoils a launch."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from rig.measure.gate.answers import Answer, agree
from rig.measure.gate.arms import Arm
from rig.measure.gate.machine import Use, shares, used_s


def said(*pages: str) -> list[Answer]:
    return [Answer(200, "text/html", len(page), tuple(page.encode().split())) for page in pages]


def test_what_changes_within_an_arm_is_not_compared():
    """A token of each request is neither arm's content."""
    assert agree(said("cup 12 t1", "cup 12 t2"), said("cup 12 t3", "cup 12 t4"), "same")
    assert not agree(said("cup 12 t1", "cup 12 t2"), said("cup 13 t3", "cup 13 t4"), "same")


def test_a_piece_more_often_is_another_page():
    """As often as each has it: a list twice as long is different content."""
    assert not agree(said("a b", "a b"), said("a a b", "a a b"), "same")


@pytest.mark.parametrize(("changed", "similar"), [(2, True), (3, False)])
def test_similar_is_four_pieces_of_five(changed, similar):
    """Exactly 80 % in common is similar; less is not."""
    page = [f"w{n}" for n in range(10)]
    other = [*page[changed:], *(f"new{n}" for n in range(changed))]
    assert agree(said(" ".join(page)), said(" ".join(other)), "similar") is similar


def test_empty_answers_are_similar_and_those_of_which_nothing_stays_are_not():
    """Two empty bodies are alike; two pages that change wholly from answer to answer may be anything."""
    assert agree(said("", ""), said("", ""), "similar")
    assert not agree(said("t1", "t2"), said("x3", "x4"), "similar")


def test_answers_of_which_nothing_stays_are_not_the_same():
    """Nothing of one arm equals nothing of the other."""
    assert not agree(said("t1", "t2"), said("x3", "x4"), "same")
    assert agree(said("", ""), said("", ""), "same")


def test_shares_of_the_machine():
    """Guests' time is in user's already; what is neither the arms' nor the fleet's is others'."""
    spent = {"user": 6.0, "system": 2.0, "idle": 10.0, "steal": 2.0, "guest": 3.0}
    use = shares(spent, wall_s=10.0, arms=[1.0, 2.0], fleet=[3.5, 0.5])
    assert (use.steal, use.foreign, use.instrument) == (0.1, 0.05, 0.4)
    assert use.spoils() == []


@pytest.mark.parametrize(
    ("arms", "fleet", "foreign", "instrument"),
    [
        ([None, None], [2.0, 0.0], None, 0.2),
        ([1.0, 1.0], [2.0, None], None, None),
        ([1.0, 1.0], [9.5, None], None, 0.95),
    ],
)
def test_what_is_unknown_is_nobody_elses(arms, fleet, foreign, instrument):
    """Two servers that ran already are not "other processes"; a generator that fills a CPU does so alone, too."""
    use = shares({"user": 15.0, "idle": 5.0}, wall_s=10.0, arms=arms, fleet=fleet)
    assert (use.foreign, use.instrument) == (foreign, instrument)
    assert len(use.spoils()) == (instrument == 0.95)


def test_an_arms_cache_server_is_its_own():
    """What the build makes its cache do is the build's; a server that is only a URL can't be seen."""
    service: Any = SimpleNamespace(cpu_s=lambda: 2.0)
    assert Arm("candidate", "http://127.0.0.1", service=service, others=(service,)).cpu_s() == 4.0
    assert Arm("candidate", "http://127.0.0.1").cpu_s() is None
    assert used_s([1.0, None], [3.0, None]) == [2.0, None]


@pytest.mark.parametrize(
    ("use", "word"),
    [
        (Use(steal=0.11, foreign=0.0, instrument=0.0), "steal time"),
        (Use(steal=None, foreign=0.51, instrument=0.0), "other processes"),
        (Use(steal=0.0, foreign=0.0, instrument=0.91), "load generator"),
    ],
)
def test_each_limit_spoils_a_launch(use, word):
    """Named with what was seen and what is allowed; a platform that tells no steal time has none to judge."""
    assert [word in one for one in use.spoils()] == [True]
