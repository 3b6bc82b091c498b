"""A page that is never hit, an entry that is never stored again; and what looks alike and is neither."""

from __future__ import annotations

import pytest

from rig.analysis.rules import RULES
from rig.analysis.stampede import recomputes
from rig.analysis.symptoms import FEWEST_LOST, FEWEST_READS, never_hit, never_stored
from rig.analysis.verdict import judge
from tests.tables import invalidate, origin, recompute, request, requests

ENTRIES = {"/p/": "p"}
OFTEN = FEWEST_READS
WARM = recompute(0.0, 0.1, ttl_s=3600.0)


def reads(*statuses: str):
    return requests(*(request(at_s=number, cache=status) for number, status in enumerate(statuses, 1)))


def recomputed_at_each(number: int, **columns):
    return [recompute(at, at + 0.1, **{"ttl_s": 3600.0, **columns}) for at in range(1, number + 1)]


def hit(requests_, *events):
    return never_hit([requests_], [recomputes(origin(*events))], ENTRIES)


def test_a_value_that_is_stored_and_taken_for_a_miss_is_found():
    """Each read recomputes and stores what the next one finds and does not believe."""
    (found,) = hit(reads(*["MISS"] * OFTEN), WARM, *recomputed_at_each(OFTEN))
    assert found == {"path": "/p/", "entry": "p", "reads": OFTEN, "stored": OFTEN + 1}


@pytest.mark.parametrize("status", ["HIT", "STALE", "WAIT"])
def test_one_response_from_the_cache_is_enough(status):
    assert hit(reads(*["MISS"] * OFTEN, status), WARM, *recomputed_at_each(OFTEN)) == []


def test_too_few_reads_say_nothing():
    """No hit among 29 is not yet a hit ratio below 10 %."""
    assert hit(reads(*["MISS"] * (OFTEN - 1)), WARM, *recomputed_at_each(OFTEN - 1)) == []


def test_misses_that_an_expiry_explains_are_no_mistake():
    """A time to live shorter than the time between two reads."""
    assert hit(reads(*["MISS"] * OFTEN), *recomputed_at_each(OFTEN, ttl_s=0.5)) == []


def test_misses_that_deletes_explain_are_no_mistake():
    deletes = [invalidate("delete", at + 0.5) for at in range(OFTEN + 1)]
    assert hit(reads(*["MISS"] * OFTEN), WARM, *recomputed_at_each(OFTEN), *deletes) == []


def lost(*events):
    return never_stored([recomputes(origin(*events))])


def thrown_away(number: int, begin_s: float = 2.0):
    return [recompute(begin_s + at, begin_s + at + 0.5, outcome="discarded") for at in range(number)]


def test_an_entry_that_is_not_stored_after_its_holder_died_is_found():
    """The killed recompute has no end; it is the first of those that were lost."""
    (found,) = lost(WARM, recompute(1.0, None, outcome=None), *thrown_away(FEWEST_LOST))
    assert found == {"entry": "p", "recomputes": FEWEST_LOST + 1, "lasted_s": pytest.approx(10.5), "after_death": True}


def test_an_entry_that_is_stored_again_is_not():
    killed = recompute(1.0, None, outcome=None)
    assert lost(WARM, killed, *thrown_away(FEWEST_LOST), recompute(30.0, 30.1, ttl_s=3600.0)) == []


def test_a_few_lost_races_at_the_end_are_ordinary():
    assert lost(WARM, *thrown_away(FEWEST_LOST - 1)) == []


def test_trials_are_pooled_by_entry():
    """Recomputes add up; the longest time and a death in any of them stand."""
    quiet = recomputes(origin(WARM, *thrown_away(FEWEST_LOST)))
    killed = recomputes(origin(WARM, recompute(1.0, None, outcome=None), *thrown_away(FEWEST_LOST + 5)))
    (found,) = never_stored([quiet, killed])
    assert found == {
        "entry": "p",
        "recomputes": 2 * FEWEST_LOST + 6,
        "lasted_s": pytest.approx(15.5),
        "after_death": True,
    }


NEVER_HIT = {"path": "/c/none/", "entry": "c", "reads": 264, "stored": 266}
NEVER_STORED = {"entry": "p", "recomputes": 104, "lasted_s": 10.3, "after_death": True}


@pytest.mark.parametrize(
    ("symptoms", "says"),
    [
        (
            {"never_hit": [NEVER_HIT], "never_stored": []},
            "bad: /c/none/ was never served from the cache in 264 reads, though it was stored 266 times",
        ),
        (
            {"never_hit": [], "never_stored": [NEVER_STORED]},
            "bad: p was not stored any more after the process that recomputed it was killed: 104 recomputes in"
            " 10.3\xa0s were thrown away",
        ),
    ],
)
def test_a_symptom_makes_a_strategy_bad_and_is_named(symptoms, says):
    verdict = judge({"symptoms": symptoms})
    assert verdict["grade"] == "bad"
    assert any(reason.startswith(says) for reason in verdict["reasons"])


def test_where_nothing_was_looked_for_nothing_is_said():
    """A control that stores nothing is not graded by these rules; an arm without trials is not graded at all."""
    named = {rule.name for rule in RULES} & {"never_hit", "never_stored"}
    assert len(named) == 2
    assert not named & {rule["name"] for rule in judge({"symptoms": None})["rules"]}
    unknown = judge({"symptoms": {"never_hit": None, "never_stored": None}})
    assert {rule["grade"] for rule in unknown["rules"] if rule["name"] in named} == {None}
