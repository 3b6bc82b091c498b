"""Two runs compared: what an interval shows, what refuses a comparison, and that not knowing is never a pass."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest
from scipy import stats

from rig.analysis.comparable import FACTS, REFUSE, comparability
from rig.analysis.compare import Side, compare
from rig.analysis.comparison_finding import sentences, warnings
from rig.analysis.differences import FIGURES, Shown, difference_of
from rig.model import UsageError
from rig.report.comparison import as_json, refusal
from rig.report.comparison_html import render
from rig.report.comparison_text import as_markdown, as_text

NASTY = "<img src=x onerror=alert(1)>"
MANIFEST: dict[str, Any] = {
    "profile": "hot-key",
    "reproduce": "rig run --profile hot-key --seed 1",
    "environment": {
        "machine": "x86_64", "cpu": "EPYC", "cpus": 2, "system": "Linux 6.1", "pinned": {"target": "0"},
        "python": "3.11.7", "browser": "156.0.1", "cache_server": "valkey 9", "memory_mb": 24000,
        "packages": {"django": "5.2", "django-redis": "7", "redis": "8", "gunicorn": "27", "locust": "2.47"},
    },
    "plan": {
        "hot_path": "/", "paths": {"/": 1.0}, "curve": "steady", "write_groups": [], "disturbances": [],
        "dependents": 3, "threads": 16, "database": "sqlite", "isolated": True, "ttl_mode": "as-used",
        "rate_rps": 50.0, "write_share": 0.01, "ttl_s": 6.0, "window_s": 30.0, "visits": 30, "recompute_ms": 90.0,
    },
}  # fmt: skip


def rounds(**figures: list[float | None]) -> list[dict[str, Any]]:
    """``by_round`` of one strategy: the figures named, all others alike in every round."""
    number = len(next(iter(figures.values())))
    same = {figure.key: 1.0 for figure in FIGURES}
    return [{**same, "round": n + 1, **{key: values[n] for key, values in figures.items()}} for n in range(number)]


def side(by_round: list[dict[str, Any]], *, seed: int | None = 1, label: str = "lease", **more: Any) -> Side:
    """A run of one strategy; sides of one seed met the same schedules."""
    arm = {"by_round": by_round, "verdict": {"grade": "good"}, "pages": {"control": {"idle_lcp_ms": 100.0}}}
    digests = {(one["round"], label): f"{seed}-{one['round']}" for one in by_round} if seed else {}
    facts = {"name": "run", "manifest": MANIFEST, "status": "complete", "digests": digests, **more}
    return Side(summary={"valid": True, "arms": {label: arm}}, **facts)


def figure_of(a: Side, b: Side, name: str = "p95_ms") -> Any:
    return next(one for one in compare(a, b).strategies[0].figures if one.metric.name == name)


def changed(*where: str, value: Any) -> dict[str, Any]:
    manifest = deepcopy(MANIFEST)
    *path, last = where
    place = manifest
    for key in path:
        place = place[key]
    place[last] = value
    return manifest


def test_paired_intervals_are_students():
    """Against scipy's own paired test, whose interval is of A - B."""
    a, b = [500.0, 520.0, 560.0, 470.0], [400.0, 430.0, 455.0, 380.0]
    expected = stats.ttest_rel(b, a).confidence_interval(0.95)
    difference, half = difference_of(a, b, paired=True)
    assert (difference - half, difference + half) == pytest.approx((expected.low, expected.high))


def test_unpaired_intervals_are_welchs():
    a, b = [500.0, 520.0, 560.0], [400.0, 480.0, 455.0, 380.0]
    expected = stats.ttest_ind(b, a, equal_var=False).confidence_interval(0.95)
    difference, half = difference_of(a, b, paired=False)
    assert (difference - half, difference + half) == pytest.approx((expected.low, expected.high))


def test_a_shared_schedule_shows_what_its_scatter_would_hide():
    """B is 10 ms better in each round, and rounds differ by hundreds: only pairing sees it."""
    a, b = rounds(p95_ms=[500.0, 900.0, 100.0]), rounds(p95_ms=[490.2, 890.1, 89.9])
    assert figure_of(side(a), side(b)).shown is Shown.BETTER
    unpaired = figure_of(side(a), side(b, seed=2))
    assert unpaired.shown in (Shown.NO_DIFFERENCE, Shown.UNDECIDED)


def test_direction_follows_the_figure():
    """More hits are better, a longer response is worse."""
    a = rounds(p95_ms=[100.0, 101.0, 102.0], hit_ratio=[0.5, 0.51, 0.52])
    b = rounds(p95_ms=[200.0, 201.5, 202.0], hit_ratio=[0.8, 0.81, 0.825])
    assert figure_of(side(a), side(b)).shown is Shown.WORSE
    assert figure_of(side(a), side(b), "hit_ratio").shown is Shown.BETTER


def test_a_run_against_itself_shows_no_difference():
    one = side(rounds(p95_ms=[100.0, 130.0, 90.0]))
    found = compare(one, one)
    assert {figure.shown for figure in found.strategies[0].figures} == {Shown.NO_DIFFERENCE}
    assert sentences(found)[0].startswith("No difference shown between A and B in any of")


def test_one_round_is_undecided_and_so_is_scatter_beyond_the_figure():
    single = figure_of(side(rounds(p95_ms=[100.0])), side(rounds(p95_ms=[900.0])))
    assert (single.shown, single.lower, single.difference) == (Shown.UNDECIDED, None, 800.0)
    wide = figure_of(side(rounds(p95_ms=[10.0, 500.0])), side(rounds(p95_ms=[400.0, 20.0])))
    assert wide.shown is Shown.UNDECIDED
    assert wide.lower < 0 < wide.upper


def test_what_is_missing_in_a_round_is_not_measured_never_zero():
    found = figure_of(side(rounds(p95_ms=[100.0, None])), side(rounds(p95_ms=[100.0, 90.0])))
    assert (found.shown, found.a, found.difference) == (Shown.NOT_MEASURED, None, None)
    assert found.why == "A: missing in 1 of 2 rounds"


def test_no_stampede_is_said_where_its_lcp_is_missing():
    a = rounds(lcp_inside_p50=[900.0, 950.0])
    b = rounds(lcp_inside_p50=[None, None], stampedes=[0, 0])
    assert figure_of(side(a), side(b), "lcp_inside_ms").why == "B: no stampede"


def test_no_interval_is_narrower_than_the_step_of_its_figure():
    """Counts that agree in all rounds prove no more than the count: 1 against 2 shows nothing, 1 against 4 does."""
    a = side(rounds(stampedes=[1, 1, 1]))
    assert figure_of(a, side(rounds(stampedes=[2, 2, 2])), "stampedes").shown is Shown.NO_DIFFERENCE
    assert figure_of(a, side(rounds(stampedes=[4, 4, 4])), "stampedes").shown is Shown.WORSE


@pytest.mark.parametrize(
    ("where", "value", "name"),
    [
        (("environment", "cpu"), "Apple M2", "cpu"),
        (("environment", "cpus"), 8, "cpus"),
        (("environment", "python"), "3.12.1", "python"),
        (("environment", "browser"), "157.0.0", "browser"),
        (("environment", "packages", "django"), "5.1", "django"),
        (("plan", "rate_rps"), 60.0, "rate_rps"),
        (("plan", "visits"), 0, "visits"),
        (("plan", "threads"), 8, "threads"),
        (("plan", "isolated"), None, "isolated"),
        (("profile",), "steady", "profile"),
    ],
)
def test_what_moves_figures_refuses_and_is_named(where, value, name):
    """Also what only one run tells: not knowing is not agreeing."""
    one = rounds(p95_ms=[1.0, 2.0])
    found = compare(side(one), side(one, manifest=changed(*where, value=value)))
    assert [fact.fact for fact in found.comparability.refused] == [name]
    assert not found.strategies
    assert f"({name})" in refusal(found)
    assert "rig run --profile hot-key --seed 1" in refusal(found)
    allowed = compare(side(one), side(one, manifest=changed(*where, value=value)), allowed=[name])
    assert allowed.strategies
    assert len(warnings(allowed)) == 1


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("environment", "system"), "Linux 6.2"),
        (("environment", "python"), "3.11.9"),
        (("environment", "browser"), "156.0.9"),
        (("environment", "packages", "locust"), "2.48"),
        (("plan", "rate_rps"), 54.0),
        (("plan", "recompute_ms"), 300.0),
    ],
)
def test_lesser_facts_only_warn(where, value):
    one = rounds(p95_ms=[1.0, 2.0])
    found = compare(side(one), side(one, manifest=changed(*where, value=value)))
    assert found.strategies
    assert len(warnings(found)) == 1


def test_an_unlike_system_is_told_once_and_equal_manifests_say_nothing():
    assert comparability(MANIFEST, MANIFEST).refused == []
    assert comparability(MANIFEST, MANIFEST).differing == []
    found = comparability(MANIFEST, changed("environment", "system", value="Darwin 24"))
    assert [one.fact for one in found.refused] == ["system"]
    assert found.differing == []


def test_what_neither_run_tells_is_a_warning():
    empty: dict[str, Any] = {}
    found = comparability(empty, empty)
    assert not found.refused
    assert list(found.unknown) == [fact.title for fact in FACTS if fact.weight == REFUSE and fact.untold is None]


def test_a_target_that_was_watched_is_not_compared_with_one_that_was_not():
    """Its times contain what that costs. A run that says nothing had no watcher."""
    watched = changed("environment", "observed_by", value=["RIG_METRICS"])
    (refused,) = comparability(MANIFEST, watched).refused
    assert (refused.fact, refused.a, refused.b) == ("observed_by", "nothing", "RIG_METRICS")


def test_a_target_that_does_not_tell_who_watches_it_passes_for_neither():
    """Nor do two of them pass unsaid."""
    untold = changed("environment", "observed_by", value=["unknown"])
    (refused,) = comparability(MANIFEST, untold).refused
    assert (refused.fact, refused.a, refused.b) == ("observed_by", "nothing", None)
    assert "what else the target does (RIG_METRICS, RIG_OTEL)" in comparability(untold, untold).unknown


def test_a_machine_that_slowed_down_is_told_by_the_control_page():
    one = rounds(p95_ms=[1.0, 2.0])
    slow = side(one)
    slow.summary["arms"]["lease"]["pages"]["control"]["idle_lcp_ms"] = 130.0
    assert "slower in B" in warnings(compare(side(one), slow))[0]
    assert warnings(compare(side(one), side(one))) == []


def test_runs_without_a_common_strategy_are_refused():
    one = rounds(p95_ms=[1.0, 2.0])
    with pytest.raises(UsageError, match="no strategy in common"):
        compare(side(one), side(one, label="xfetch"))


def test_all_forms_tell_the_same_and_markup_stays_text():
    a = side(rounds(p95_ms=[500.0, 520.0, 560.0]), label=NASTY, name=f"a {NASTY}")
    b = side(rounds(p95_ms=[100.0, 125.0, 150.0]), label=NASTY, name="b | `x`")
    found = compare(a, b)
    text, markdown, page = as_text(found), as_markdown(found), render(found, home="/")
    assert max(map(len, text.splitlines())) <= 80
    assert "✓ B better" in text
    assert "<img" not in page
    assert "&lt;img" in page
    assert "<img" not in markdown.replace("\\<img", "")
    assert r"b \| \`x\`" in markdown
    for said in ("527 ms", "125 ms"):
        assert all(said in form.replace("\u00a0", " ") for form in (text, markdown, page))
    told = json.loads(json.dumps(as_json(found), allow_nan=False))
    assert told["strategies"][NASTY]["figures"]["p95_ms"]["verdict"] == "better"
    assert told["strategies"][NASTY]["paired"] is True


def test_a_refused_comparison_shows_its_facts_and_no_figure():
    one = rounds(p95_ms=[1.0, 2.0])
    found = compare(side(one), side(one, manifest=changed("environment", "cpu", value=NASTY)))
    assert as_json(found)["comparable"] is False
    assert as_json(found)["strategies"] == {}
    page = render(found)
    assert "&lt;img" in page
    assert "<img" not in page
