"""Grades: exact limits, reasons in words, and never a pass for what was not measured."""

from __future__ import annotations

from typing import Any

import pytest

from rig.analysis.finding import control_note, describe, finding, is_control, shown_better
from rig.analysis.rules import RULES
from rig.analysis.verdict import grade, judge


def lcp(value: float | None) -> dict[str, Any]:
    return {"lcp_ms": {"p50": value}}


def arm(
    inside: float | None = 61.0,
    calm: float | None = 60.0,
    stampedes: int | None = 3,
    age: float | None = 0.0,
    p95: float | None = 50.0,
    cpu: float | None = 0.1,
    persistent: int | None = 0,
    **columns: Any,
) -> dict[str, Any]:
    """A faultless arm but for what a test changes. A list of rounds is added by :func:`with_rounds`."""
    causes = {"expiry": stampedes or 0, "delete": 0, "bump": 0, "cold": 0, "early": 0}
    return {
        "strategy": "fixed-timeout", "trials": 3, "max_staleness_s": 7.0,
        "requests": {"sent": 1000, "failed": 0, "response_ms": {"p95": p95}},
        "pages": {"inside_stampede": lcp(inside), "outside_stampede": lcp(calm)},
        "origin": {"stampedes": stampedes, "stampedes_by_cause": causes, "hot_expiries": 3, "cpu_share": cpu,
                   "hot_expiry_stampedes": 3},
        "staleness": {"age_p99_s": age, "age_max_s": age, "persistent": persistent, "persistent_ttl_max_s": None,
                      "persistent_unbounded": 0, "beyond_declared": None if age is None else 0},
        **columns,
    }  # fmt: skip


def test_a_faultless_arm_is_good():
    assert judge(arm())["grade"] == "good"


@pytest.mark.parametrize(("value", "word"), [(100, "good"), (100.1, "ok"), (1000, "ok"), (1000.1, "bad")])
def test_limits_belong_to_the_better_side(value, word):
    assert grade(value, 100, 1000) == word


@pytest.mark.parametrize(("extra_ms", "word"), [(100, "good"), (100.1, "ok"), (1000, "ok"), (1000.1, "bad")])
def test_a_stampede_is_graded_by_what_it_adds_to_lcp(extra_ms, word):
    """The difference counts, not the level: loopback says little about absolute LCP."""
    assert judge(arm(inside=60.0 + extra_ms))["grade"] == word


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"age": 1.0}, "good"), ({"age": 1.1}, "ok"), ({"age": 6.0}, "ok"), ({"age": 6.1}, "bad"),
        ({"p95": 800.0}, "good"), ({"p95": 800.1}, "ok"), ({"p95": 1800.1}, "bad"),
        ({"cpu": 0.25}, "good"), ({"cpu": 0.251}, "ok"), ({"cpu": 0.51}, "bad"),
        ({"requests": {"sent": 1000, "failed": 1, "response_ms": {"p95": 1.0}}}, "good"),
        ({"requests": {"sent": 1000, "failed": 11, "response_ms": {"p95": 1.0}}}, "bad"),
    ],
)  # fmt: skip
def test_each_rule_has_its_limits(change, word):
    assert judge(arm(**change))["grade"] == word


MISSING = [
    {"inside": None}, {"calm": None}, {"age": None}, {"p95": None}, {"cpu": None}, {"persistent": None},
    {"stampedes": None, "inside": None}, {"requests": {}},
]  # fmt: skip


@pytest.mark.parametrize("change", MISSING, ids=str)
def test_missing_data_is_never_a_pass(change):
    """One figure that was not measured leaves an otherwise faultless arm without a grade, and says which."""
    verdict = judge(arm(**change))
    assert verdict["grade"] is None
    assert verdict["reasons"][0].startswith("not graded: ")


def test_what_is_known_to_be_bad_stays_bad_without_the_rest():
    """A missing figure can't make up for a bad one, but it does outweigh an ok."""
    assert judge(arm(cpu=None, p95=5000.0))["grade"] == "bad"
    assert judge(arm(cpu=None, p95=900.0))["grade"] is None


def test_an_arm_without_any_figure_is_not_graded():
    assert judge({})["grade"] is None


def test_no_stampede_is_a_measurement():
    """None was seen and calm visits were measured: good, although no visit was inside one."""
    verdict = judge(arm(inside=None, stampedes=0))
    assert verdict["grade"] == "good"
    assert any("no stampede seen" in reason for reason in verdict["reasons"])


def test_reasons_name_figure_and_budget_and_begin_with_what_decided():
    verdict = judge(arm(inside=1910.0, age=2.0))
    assert verdict["reasons"][0].replace("\u00a0", " ") == (
        "bad: LCP in a stampede is 1,910 ms, 60 ms otherwise (good up to 100 ms more, ok up to 1,000 ms more;"
        " flips at 1,850 ms more)"
    )
    assert verdict["reasons"][1].startswith("ok: 99 of 100 pages were out of date by 2")


def test_the_plan_may_set_budgets():
    """One number is a limit without a middle; two are good and ok; a rule without defaults applies only then."""
    assert judge(arm(p95=51.0), {"p95_ms": 50})["grade"] == "bad"
    assert judge(arm(p95=51.0), {"p95_ms": [50, 60]})["grade"] == "ok"
    assert judge(arm(inside=130.0), {"stampede_lcp_ratio": 2})["grade"] == "bad"
    given = [rule["name"] for rule in judge(arm(), {"p95_ms": 50})["rules"] if rule["given"]]
    assert given == ["p95_ms"]


@pytest.mark.parametrize("rule", [rule for rule in judge(arm(inside=200.0, age=2.0))["rules"] if rule["value"]])
def test_a_grade_flips_exactly_where_it_says(rule):
    """As a single budget: kept at the value itself, broken a hair below it."""
    for budget, word in ((rule["flips_at"], "good"), (rule["flips_at"] * 0.999, "bad")):
        found = judge(arm(inside=200.0, age=2.0), {rule["name"]: budget})["rules"]
        assert next(one["grade"] for one in found if one["name"] == rule["name"]) == word


def test_what_no_budget_can_mend_says_so():
    """An entry that stays stale for ever is beyond every finite budget; a zero can't be undercut."""
    changed = arm(persistent=1)
    changed["staleness"]["persistent_unbounded"] = 1
    assert any("no budget flips it" in text for text in judge(changed)["reasons"])
    assert not any("flips at 0" in text for text in judge(arm())["reasons"])


def test_who_sets_a_short_ttl_accepts_that_much_staleness():
    """With a TTL of 2 s pages 2 s old are ok and older ones bad; with one of 0.5 s nothing older is good."""
    assert judge(arm(age=2.0), ttl_s=2.0)["grade"] == "ok"
    assert judge(arm(age=2.1), ttl_s=2.0)["grade"] == "bad"
    assert judge(arm(age=0.6), ttl_s=0.5)["grade"] == "bad"
    assert judge(arm(age=2.1), {"freshness_s": [1, 3]}, ttl_s=2.0)["grade"] == "ok"


@pytest.mark.parametrize(
    ("ttl_s", "unbounded", "word"), [(0.9, 0, "good"), (5.0, 0, "ok"), (3600.0, 0, "bad"), (None, 1, "bad")]
)
def test_what_stays_stale_is_graded_by_how_long(ttl_s, unbounded, word):
    """A timeout heals what it left within the TTL one accepts; a stale set under a safety TTL does not."""
    changed = arm(persistent=1)
    changed["staleness"].update(persistent_ttl_max_s=ttl_s, persistent_unbounded=unbounded)
    assert judge(changed)["grade"] == word


def test_older_than_declared_is_bad_and_needs_a_declaration():
    changed = arm()
    changed["staleness"]["beyond_declared"] = 1
    assert judge(changed)["grade"] == "bad"
    assert judge({**changed, "max_staleness_s": None})["grade"] == "good"


def test_rules_have_both_limits_or_none():
    """Half a default would grade with a limit nobody chose."""
    assert all((rule.good_max is None) == (rule.ok_max is None) for rule in RULES)
    assert len({rule.name for rule in RULES}) == len(RULES)


# The finding.


def with_rounds(rounds: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    """An arm whose rounds differ; figures a round does not give are alike everywhere."""
    alike = {"lcp_inside_p50": 300.0, "lcp_outside_p50": 60.0, "stampedes": 1, "age_p99_s": 0.0, "p95_ms": 50.0,
             "cpu_share": 0.1}  # fmt: skip
    found = arm(**changes)
    return {
        **found,
        "by_round": [{"round": n, **alike, **one} for n, one in enumerate(rounds, 1)],
        "verdict": judge(found),
    }


def run(valid: bool = True, **arms: dict[str, Any]) -> dict[str, Any]:
    return {"valid": valid, "arms": {label.replace("_", "-"): one for label, one in arms.items()}}


def rounds_of(key: str, *values: float) -> list[dict[str, Any]]:
    return [{key: value} for value in values]


LOW = rounds_of("lcp_inside_p50", 300, 320, 340)
HIGH = rounds_of("lcp_inside_p50", 900, 950, 990)


def test_the_better_one_is_chosen_when_ranges_are_apart():
    found = finding(run(fast=with_rounds(LOW, inside=320.0), slow=with_rounds(HIGH, inside=950.0)))
    assert (found["choice"], found["undecided"]) == ("fast", [])
    assert found["sentences"][0].startswith("Under these conditions choose fast: LCP is 320")
    assert found["sentences"][1].replace("\u00a0", " ") == (
        "Runner-up slow: LCP in a stampede 627 ms worse (564 ms to 689 ms), 95 % intervals over 3 rounds;"
        " no single budget would flip it."
    )
    assert "slow stampedes at every expiry; who arrives then waits 950" in found["sentences"][2].replace("\u00a0", " ")


def test_too_few_rounds_are_undecided_and_say_how_many_it_would_take():
    """The medians are far apart, one round is not."""
    overlapping = rounds_of("lcp_inside_p50", 330, 950, 990)
    found = finding(run(a=with_rounds(LOW), b=with_rounds(overlapping)))
    assert (found["choice"], found["undecided"]) == (None, ["a", "b"])
    assert found["sentences"][0] == "Undecided between a and b in 3 rounds."
    assert "It would take about 6 rounds as noisy as these to tell LCP in a stampede." in found["sentences"]
    told = next(one for one in found["differences"] if one["figure"] == "LCP in a stampede")
    assert (told["one"], told["other"], told["outcome"], told["rounds_needed"]) == ("a", "b", "undecided", 6)
    assert told["lower"] < told["mean"] < 0 < told["upper"]


def test_alike_arms_show_no_difference():
    """Every value of the interval is too small to be worth naming: more rounds would tell nothing."""
    nearly = rounds_of("lcp_inside_p50", 301, 322, 340)
    found = finding(run(a=with_rounds(LOW), b=with_rounds(nearly)))
    assert found["sentences"][0] == "No difference shown between a and b in 3 rounds."


def test_rounds_that_do_not_meet_show_nothing():
    """Sound in rounds of their own but for one: one common round is no comparison, and not "no difference"."""
    one, other = ([{"round": number} for number in sound] for sound in ((1, 2), (2, 3)))
    found = finding(run(a=with_rounds(one), b=with_rounds(other)))
    assert found["sentences"][0].startswith("Undecided between a and b")


def test_too_few_reads_that_could_have_been_stale_are_no_freshness():
    """The table says "not tested"; a grade must not say "good"."""
    untested = arm()
    untested["staleness"]["tested"] = False
    found = judge(untested)
    assert found["grade"] is None
    assert any("too few" in reason for reason in found["reasons"])


def test_small_differences_are_not_named():
    """Ranges apart by 10 ms of LCP decide nothing."""
    assert shown_better(with_rounds(LOW), with_rounds(rounds_of("lcp_inside_p50", 341, 345, 350))) == []
    assert shown_better(with_rounds(LOW), with_rounds(rounds_of("lcp_inside_p50", 370, 375, 380))) != []


def test_one_round_decides_nothing():
    found = finding(run(a=with_rounds(LOW[:1]), b=with_rounds(HIGH[:1])))
    assert found["choice"] is None
    assert found["sentences"][0].startswith("Only one round was measured, so nothing is decided; a looks best")


def test_a_trade_is_told_not_decided():
    """One faster, the other fresher, same grade: both are named with what each is better in."""
    fast = with_rounds([{"lcp_inside_p50": 300, "age_p99_s": age} for age in (3.0, 3.1)])
    fresh = with_rounds([{"lcp_inside_p50": slow, "age_p99_s": 0.0} for slow in (900, 910)])
    found = finding(run(fast=fast, fresh=fresh))
    assert found["choice"] is None
    assert "fast is better in LCP in a stampede, fresh in freshness." in found["sentences"]


def test_a_lead_within_the_scatter_does_not_outweigh_a_loss_beyond_it():
    """Faster by luck and staler for certain: the fresher one is chosen, though the other's medians rank first."""
    stale = with_rounds([{"lcp_inside_p50": fast, "age_p99_s": age} for fast, age in ((200, 3.0), (420, 3.1))])
    fresh = with_rounds([{"lcp_inside_p50": slow, "age_p99_s": 0.0} for slow in (700, 350)])
    found = finding(run(stale=stale, fresh=fresh))
    assert stale["verdict"]["grade"] == fresh["verdict"]["grade"]
    assert (found["choice"], found["undecided"]) == ("fresh", [])
    assert found["differences"][0]["one"] == "fresh"


def test_a_round_without_the_figure_shows_nothing():
    """Not measured in one round: no range, no difference, even if the other rounds are far apart."""
    assert shown_better(with_rounds(LOW), with_rounds([*HIGH[:2], {"lcp_inside_p50": None}])) == []


def test_no_stampede_counts_as_calm_lcp():
    """Without stampedes the worst median LCP is the calm one."""
    never = with_rounds([{"lcp_inside_p50": None, "stampedes": 0}] * 3, inside=None, stampedes=0)
    assert finding(run(never=never, often=with_rounds(HIGH, inside=950.0)))["choice"] == "never"


def test_controls_are_never_chosen():
    """Whatever they measure."""
    control = with_rounds(LOW, strategy="bad-falsy-miss")
    assert is_control(control) and is_control({"strategy": "no-cache"}) and not is_control({"strategy": "lease"})
    assert is_control({"strategy": "of-their-own", "known_bad": "deletes too early"})
    found = finding(run(control=control, slow=with_rounds(HIGH), slower=with_rounds(HIGH)))
    assert "control" not in " ".join(found["sentences"])


@pytest.mark.parametrize(
    ("strategy", "known_bad", "note"),
    [
        ("bad-falsy-miss", None, "known bad"),
        ("x", "forgets", "known bad"),
        ("no-cache", None, "control"),
        ("x", None, ""),
    ],
)
def test_a_control_is_marked_wherever_arms_are_listed(strategy, known_bad, note):
    """By its name, or because its target says that it is wrong."""
    assert control_note({"strategy": strategy, "known_bad": known_bad}) == note


def test_all_bad_is_said():
    """The least bad is named as that, without a runner-up."""
    bad = {"p95": 5000.0}
    found = finding(run(a=with_rounds(LOW, **bad), b=with_rounds(HIGH, **bad)))
    assert found["sentences"][0].startswith("No strategy kept within its budgets; the least bad is a: ")
    assert not any(text.startswith("Runner-up") for text in found["sentences"])


def test_an_invalid_run_recommends_nothing():
    empty = {**arm(None, None, None, None), "trials": 0, "by_round": [], "verdict": judge({})}
    found = finding(run(valid=False, a=with_rounds(LOW), b=empty))
    assert found["choice"] is None
    assert found["sentences"][0] == "This run is not valid: no sound trial of b."


def test_what_could_not_be_graded_is_named_and_not_chosen():
    found = finding(run(a=with_rounds(LOW), b=with_rounds(HIGH), c=with_rounds(LOW, cpu=None)))
    assert found["choice"] == "a"
    assert any(text.startswith("c could not be graded: the processor time") for text in found["sentences"])


def test_an_empty_run_says_so():
    assert finding(run(valid=False))["sentences"] == ["This run is not valid: no sound trial of any strategy."]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"inside": 1910.0, "age": 0.2},
            "LCP is 1,910 ms in a stampede, 60 ms otherwise, nothing older than 0.2 s was seen",
        ),
        ({"inside": None, "stampedes": 0}, "LCP stays at 60 ms, nothing stale was seen"),
        (
            {"inside": None, "stampedes": 2},
            "LCP is 60 ms outside stampedes, not measured in one, nothing stale was seen",
        ),
        (
            {"inside": None, "stampedes": 0, "age": 1.4e-05},
            "LCP stays at 60 ms, nothing older than 1 ms was seen",
        ),
        ({"inside": None, "calm": None, "age": None}, "LCP was not measured, freshness was not measured"),
    ],
)  # fmt: skip
def test_an_arm_in_a_few_words(changes, words):
    assert describe(arm(**changes)).replace("\u00a0", " ") == words
