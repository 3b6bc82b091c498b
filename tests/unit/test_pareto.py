"""Which strategies no other beats on speed, freshness and origin work; what would turn the choice round."""

from __future__ import annotations

from typing import Any

import pytest

from rig.analysis.flip import flip, in_words
from rig.analysis.pareto import pareto
from rig.analysis.verdict import judge
from rig.report.pareto import Point, points, table, title


def arm(
    lcp: float | None = 60.0, oldest: float | None = 0.0, share: float | None = 0.1, **other: Any
) -> dict[str, Any]:
    measured = {
        "pages": {"lcp_ms": {"p95": lcp}, "inside_stampede": {"lcp_ms": {"p50": lcp}},
                  "outside_stampede": {"lcp_ms": {"p50": 50.0}}},
        "origin": {"cpu_share": share, "stampedes": 3, "stampedes_by_cause": {"expiry": 0, "delete": 0, "bump": 0}},
        "staleness": {"age_max_s": oldest, "age_p99_s": oldest, "persistent": 0},
        "requests": {"response_ms": {"p95": 20.0}, "sent": 1000, "failed": 0},
    }  # fmt: skip
    found = {"trials": 2, "strategy": "one", **measured, **other}
    return {**found, "verdict": judge(found)}


def dominated(arms: dict[str, dict[str, Any]]) -> dict[str, list[str]]:
    return {row["arm"]: row["dominated_by"] for row in pareto(arms)}


def test_worse_on_one_axis_and_better_on_none_is_dominated():
    assert dominated({"a": arm(60), "b": arm(90)}) == {"a": [], "b": ["a"]}
    assert dominated({"a": arm(60, oldest=2.0), "b": arm(90, oldest=1.0)}) == {"a": [], "b": []}


def test_equals_do_not_dominate_each_other():
    assert dominated({"a": arm(), "b": arm()}) == {"a": [], "b": []}


def test_a_control_is_placed_but_beats_nobody():
    rows = pareto({"no-cache": arm(1, share=0.0, strategy="no-cache"), "b": arm(90)})
    assert [(row["control"], row["dominated_by"]) for row in rows] == [(True, []), (False, [])]


def test_an_axis_nobody_has_is_left_out_and_an_arm_that_lacks_one_is_not_compared():
    """Origin work is unknown where the database works apart: the other two still compare."""
    assert dominated({"a": arm(60, share=None), "b": arm(90, share=None)}) == {"a": [], "b": ["a"]}
    assert dominated({"a": arm(60), "b": arm(90, oldest=None)}) == {"a": [], "b": []}


def test_an_arm_without_a_sound_trial_has_no_place():
    assert dominated({"a": arm(), "b": arm(trials=0)}) == {"a": []}


def causes(**numbers: int) -> dict[str, Any]:
    by_cause = {"expiry": 0, "delete": 0, "bump": 0, **numbers}
    return {"cpu_share": 0.1, "stampedes": 3, "stampedes_by_cause": by_cause}


def test_a_budget_between_the_two_turns_the_choice_round_and_one_beside_it_does_not():
    """The leader is faster and less fresh: a freshness budget that only the other keeps decides for the other."""
    leader, second = arm(60, oldest=0.9), arm(90, oldest=0.2)
    found = flip(leader, second, {})
    assert found["budgets"] == [{"budget": "freshness_s", "above": 0.2, "below": 0.9}]
    for limit in (0.2, 0.5, 0.899):
        grades = [judge(one, {"freshness_s": limit})["grade"] for one in (leader, second)]
        assert grades == ["bad", "good"], limit
    assert judge(leader, {"freshness_s": 0.9})["grade"] == "good"
    assert "a budget for freshness from 0.2 s to below 0.9 s" in in_words(found, leader, {}).replace("\u00a0", " ")


def test_a_budget_turns_nothing_round_where_the_other_breaks_it_elsewhere():
    """Fresher while it is read, but what it leaves behind stays for 5 s: that obeys the same budget."""
    leader, second = arm(60, oldest=4.5), arm(90, oldest=3.8)
    second["staleness"] |= {"persistent": 1, "persistent_ttl_max_s": 5.0}
    second["verdict"] = judge(second)
    assert flip(leader, second, {})["budgets"] == []
    assert judge(second, {"freshness_s": 4.0})["grade"] == "bad"


def test_a_second_that_is_bad_anyway_wins_by_no_budget():
    leader, second = arm(60, oldest=0.9), arm(5000, oldest=0.2)
    assert flip(leader, second, {})["budgets"] == []
    assert in_words(flip(leader, second, {}), leader, {}) == "no single budget would flip it"


@pytest.mark.parametrize(("writes", "said"), [(0.05, "more than 0.167"), (0.3, "no single budget")])
def test_the_rate_of_writes_at_which_deleting_recomputes_as_often_is_computed(writes, said):
    """One write a TTL: from there on a strategy that deletes recomputes more often than a timeout does."""
    leader, second = arm(60, origin=causes(delete=3)), arm(90, origin=causes(expiry=3))
    conditions = {"ttl_s": 6.0, "writes_per_s_hot": writes}
    assert flip(leader, second, conditions)["writes_per_s"] == pytest.approx(1 / 6)
    assert said in in_words(flip(leader, second, conditions), leader, conditions).replace("\u00a0", " ")
    assert flip(leader, leader, conditions)["writes_per_s"] is None


def drawn(**arms: dict[str, Any]) -> list[Point]:
    return points({"pareto": pareto(arms)})


def test_the_title_names_only_what_was_measured():
    """Where nobody's origin work is known, nobody is best on it."""
    assert title(drawn(a=arm(60, share=None), b=arm(90, share=None))) == "a is best on speed and freshness"
    assert title(drawn(a=arm(60), b=arm(90))) == "a is best on speed, freshness and origin work"


def test_who_lacks_what_others_have_is_not_compared():
    """And not among the best for it."""
    found = drawn(a=arm(60), b=arm(90), c=arm(10, share=None))
    assert title(found) == "a is best on speed, freshness and origin work"
    assert [row[-1] for row in table(found).rows] == ["none", "a", "not compared"]
