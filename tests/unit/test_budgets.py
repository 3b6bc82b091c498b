"""Budgets people declare: read from the command line, kept in plan and summary, and told where they are exceeded."""

from __future__ import annotations

import pytest

from rig.analysis.budgets import NAMES, exceeded, in_force, parse, unmeasured
from rig.analysis.verdict import judge
from rig.cli.run import by_budgets
from rig.model import ExitCode, UsageError
from rig.plan.plan import RunOptions, nominal_plan

ARM = {
    "strategy": "lease",
    "staleness": {"age_p99_s": 0.8, "persistent": 0},
    "requests": {"response_ms": {"p95": 120.0}, "sent": 100, "failed": 0},
}


def test_one_limit_or_two():
    assert parse(["freshness_s=2", "p95_ms=100:300"]) == {"freshness_s": 2.0, "p95_ms": (100.0, 300.0)}


@pytest.mark.parametrize(
    ("text", "why"),
    [("speed=2", "no such budget; there are stampede_lcp_extra_ms"), ("p95_ms=fast", "no number"),
     ("p95_ms", "no number"), ("p95_ms=300:100", "rising order"), ("p95_ms=-1", "rising order"),
     ("p95_ms=nan", "rising order"), ("p95_ms=1:2:3", "rising order"), ("beyond_declared=5", "no such budget")],
)  # fmt: skip
def test_what_is_no_budget_is_refused_with_the_remedy(text, why):
    """Mistakes, such as pages older than a strategy declares, have no budget."""
    with pytest.raises(UsageError, match=why):
        parse([text])


def test_a_summary_says_which_limits_are_in_force_and_which_were_declared():
    found = {one["name"]: one for one in in_force({"ttl_s": 3.0, "budgets": {"p95_ms": [100.0, 300.0]}})}
    assert found["p95_ms"] == {"name": "p95_ms", "good_max": 100.0, "ok_max": 300.0, "declared": True}
    assert found["freshness_s"] == {"name": "freshness_s", "good_max": 1.0, "ok_max": 3.0, "declared": False}
    assert set(found) < set(NAMES), "a rule without limits of its own is in force only where it is declared"


@pytest.mark.parametrize(("limit", "over"), [(0.8, 0), (0.79, 1)])
def test_only_declared_budgets_are_exceeded_and_only_by_strategies(limit, over):
    """A bad verdict by rig's own limits leaves the exit code alone, and so does a control."""
    budgets = {"freshness_s": limit}
    arms = {"lease": {**ARM, "verdict": judge(ARM, budgets)}}
    arms["no-cache"] = {**arms["lease"], "strategy": "no-cache"}
    said = list(exceeded({"arms": arms}))
    assert len(said) == over
    assert not said or said[0].startswith("lease: bad: 99 of 100 pages were out of date by 0.8")
    assert list(exceeded({"arms": {"lease": {**ARM, "verdict": judge(ARM, {})}}})) == []


def summary_of(arm, budgets):
    return {"arms": {"lease": {**arm, "verdict": judge(arm, budgets)}}, "budgets": in_force({"budgets": budgets})}


@pytest.mark.parametrize(
    ("lacking", "name"),
    [
        ({"staleness": {"age_p99_s": None, "persistent": 0}}, "freshness_s"),
        ({"staleness": {"age_p99_s": 0.1, "persistent": None}}, "freshness_s"),
        ({"database_apart": True, "origin": {"cpu_share": None}}, "origin_cpu_share"),
        ({}, "stampede_lcp_ratio"),
    ],
)
def test_a_declared_budget_without_its_figure_is_named_and_no_pass(capsys, lacking, name):
    """Also where its rule is left out; one that is exceeded is known, whatever else is not."""
    found = summary_of({**ARM, **lacking}, {name: 2.0})
    assert by_budgets(found) == ExitCode.INVALID
    assert f"budget not judged: lease: {name}: not measured: " in capsys.readouterr().err
    assert by_budgets(summary_of({**ARM, **lacking}, {name: 2.0, "p95_ms": 1.0})) == ExitCode.REGRESSION
    assert by_budgets(summary_of({**ARM, **lacking}, {"p95_ms": 300.0})) == ExitCode.OK, "nobody asked for it"
    found["arms"]["lease"]["strategy"] = "no-cache"
    assert list(unmeasured(found)) == [], "a control has no budget"


def test_the_plan_keeps_them_and_its_command_repeats_them():
    options = RunOptions(budgets={"freshness_s": 2.0, "p95_ms": (100.0, 300.0)})
    row = {"name": "lease", "freshness_by_ttl": False, "ttl_s": 3600.0, "max_staleness_s": 1.0}
    plan = nominal_plan(options, [{**row, "max_staleness_recomputes": 1, "seed": True}])
    assert plan.as_dict()["budgets"] == {"freshness_s": 2.0, "p95_ms": (100.0, 300.0)}
    assert "--budget freshness_s=2 --budget p95_ms=100:300" in plan.reproduce
