"""The gate's table in pyproject.toml or rig.toml: what it may say, and how it is refused."""

from __future__ import annotations

import pytest

from rig.gate.settings import Settings, family, parse
from rig.model import CacheStatus, UsageError

CLASSES = (CacheStatus.HIT, CacheStatus.MISS)
PAGES = ("/", "/p/")


def margins(table: str) -> dict[str, float]:
    settings = parse(f"[tool.rig.gate]\n{table}", source="pyproject.toml")
    return {metric.name: metric.margin for metric in family(settings, PAGES, CLASSES)}


def test_one_amount_for_every_time():
    """max_regression moves all response and LCP margins, not the miss ratio, not the stampede peak."""
    found = margins('max_regression = "8%"')
    assert {name for name, margin in found.items() if margin == pytest.approx(1.08)} == {
        "hit_p50", "hit_p95", "hit_p99", "miss_p50", "miss_p95", "miss_p99", "lcp_p75 /", "lcp_p75 /p/",
    }  # fmt: skip
    assert found["miss_ratio"] == 0.02
    assert found["stampede_peak"] == 1.5


def test_the_exact_name_wins_over_the_figure_and_that_over_max_regression():
    """hit_p95 before p95 before max_regression; one page before all pages."""
    found = margins(
        'max_regression = "30%"\n[tool.rig.gate.margins]\np95 = "20%"\nhit_p95 = "x1.1"\n'
        'lcp_p75 = "7%"\n"lcp_p75 /" = "3%"'
    )
    assert found["hit_p95"] == pytest.approx(1.1)
    assert found["miss_p95"] == pytest.approx(1.2)
    assert found["hit_p50"] == pytest.approx(1.3)
    assert (found["lcp_p75 /"], found["lcp_p75 /p/"]) == (pytest.approx(1.03), pytest.approx(1.07))


def test_a_budget_becomes_a_metric_of_each_page_it_names():
    """lcp_p75 <= 2500ms holds every page to 2,500 ms, beside the comparison; 2.5s says the same."""
    for text in ("lcp_p75 <= 2500ms", "lcp_p75<=2.5s"):
        found = family(parse(f'[gate]\nbudgets = ["{text}"]', source="rig.toml"), PAGES, CLASSES)
        budgets = [metric for metric in found if metric.budget is not None]
        assert [(metric.page, metric.budget, metric.margin) for metric in budgets] == [
            ("/", 2500, 1.0),
            ("/p/", 2500, 1.0),
        ]
    assert budgets[0].name == "lcp_p75 /<=2.5s"


def test_a_share_has_a_budget_too():
    """miss_ratio <= 5%: a difference from 0.05 of at most 0."""
    metric = family(parse('[gate]\nbudgets = ["miss_ratio <= 5%"]', source="rig.toml"), PAGES, CLASSES)[-1]
    assert (metric.budget, metric.margin, metric.kind) == (pytest.approx(0.05), 0.0, "difference")


def test_a_budget_of_what_does_not_occur_does_not_vanish():
    """One metric each, which nothing supplies: reads that never hit, LCP where no page is visited."""
    table = '[gate]\nbudgets = ["lcp_p75 <= 2500ms", "hit_p95 <= 40ms"]\n[gate.margins]\nlcp_p75 = "5%"'
    found = family(parse(table, source="rig.toml"), (), (CacheStatus.MISS,))
    assert [(one.name, one.asked) for one in found if one.budget is not None] == [
        ("lcp_p75 <= 2500ms", "lcp_p75 <= 2500ms"),
        ("hit_p95 <= 40ms", "hit_p95 <= 40ms"),
    ]


def test_a_file_without_the_table_changes_nothing():
    """A pyproject.toml of someone who never heard of the gate."""
    assert parse("[tool.ruff]\nline-length = 120", source="pyproject.toml") == Settings(source="pyproject.toml")


def test_a_setting_for_a_class_that_did_not_occur_is_no_mistake():
    """A margin for stale reads in a run without any is kept for the next."""
    assert "stale_p50" not in margins('[tool.rig.gate.margins]\nstale_p50 = "9%"')


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("max_regresion = '5%'", "no setting 'max_regresion'; it has max_regression"),
        ("max_regression = 10", "with its unit, in quotes"),
        ("max_regression = '10'", "'10' is no margin; write '10%'"),
        ("max_regression = '-5%'", "is no margin"),
        ("max_regression = '0%'", "not a number above 0"),
        ("margins = {miss_ratio = '5%'}", "write '2pp'"),
        ("margins = {hit_p90 = '5%'}", "no metric is called 'hit_p90'; there are p50, p95, p99"),
        ("margins = {stampede_peak = 'x0.5'}", "is no margin"),
        ("budgets = ['lcp_p75 < 2500ms']", "write it as 'lcp_p75 <= 2500ms'"),
        ("budgets = ['lcp_p75 <= 5%']", "times take ms or s"),
        ("budgets = ['stampede_peak <= 5ms']", "times take ms or s"),
        ("budgets = ['lcp_p75 <= 0ms']", "not a number above 0"),
        ("budgets = [", "is not TOML"),
        ("budgets = 'lcp_p75 <= 2500ms'", "write a list"),
        ("margins = '10%'", "is a table"),
    ],
)
def test_mistakes_are_named(table, message):
    """The file, what is wrong, and how to write it."""
    with pytest.raises(UsageError, match=r"pyproject\.toml") as caught:
        margins(table)
    assert message in str(caught.value)
