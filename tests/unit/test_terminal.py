"""The answer in a terminal: 80 columns, plain words, nothing made up."""

from __future__ import annotations

import io
from copy import deepcopy

import pytest
from rich.console import Console

from rig.analysis.summary import summarise
from rig.report.terminal import COLUMNS, WIDTH, as_text, render
from tests.synthetic import build

PATH = "runs/20251123T140200Z-hot-key-a1b2c3/report.html"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    arms = {
        "fixed-timeout": "fixed-timeout",
        "delete-many": "delete-many",
        "stale-while-revalidate": "single-flight",
        "bad-delete-in-transaction": "write-through",
    }
    return build(tmp_path_factory.mktemp("runs"), arms, rounds=2)


@pytest.fixture(scope="module")
def measured(run):
    return summarise(run)


@pytest.fixture
def summary(measured):
    return deepcopy(measured)


def text_of(summary, run, path=PATH):
    return as_text(summary, run.manifest, path)


def test_every_line_fits_80_columns(summary, run):
    """And the rule below the heading is exactly as wide as the page."""
    lines = text_of(summary, run).splitlines()
    assert max(map(len, lines)) == WIDTH == 80
    assert "─" * 80 in lines


def test_the_answer_comes_before_the_table_and_the_table_before_the_path(summary, run):
    """Sentence, conditions, table, path to the report, next command."""
    text = text_of(summary, run)
    order = [summary["finding"]["sentences"][0][:40], "Does this apply to you?", "strategy ", PATH, "next "]
    places = [text.index(part) for part in order]
    assert places == sorted(places)


def test_a_row_reads_calm_and_stampede_lcp_with_sign_and_word(summary, run):
    """Colour is never the only carrier: a sign and the word stand in plain text."""
    arm = summary["arms"]["delete-many"]
    arm["pages"]["outside_stampede"]["lcp_ms"]["p50"] = 61.2
    arm["pages"]["inside_stampede"]["lcp_ms"]["p50"] = 1912.4
    arm["pages"]["slow_share"], arm["requests"]["response_ms"]["p95"] = 0.184, 1240.0
    arm["staleness"]["age_max_s"], arm["origin"]["cpu_share"] = 6.31, 0.27
    arm["verdict"]["grade"] = "bad"
    row = next(line for line in text_of(summary, run).splitlines() if line.startswith("delete-many"))
    assert row.split() == ["delete-many", "61.2", "→", "1,910", "18.4", "1,240", "6.31", "27", "✗", "bad"]


def test_no_stampede_is_told_from_not_measured(summary, run):
    """None happened: 'none'. One happened that no visit met: 'not measured'."""
    pages = summary["arms"]["delete-many"]["pages"]
    pages["outside_stampede"]["lcp_ms"]["p50"], pages["inside_stampede"]["lcp_ms"]["p50"] = 60.0, None
    summary["arms"]["delete-many"]["origin"]["stampedes"] = 0
    assert "60 → none" in text_of(summary, run)
    summary["arms"]["delete-many"]["origin"]["stampedes"] = 3
    assert "60 → not" in text_of(summary, run)


def test_what_was_not_measured_says_so_in_words(tmp_path):
    """An arm without a sound trial: 'not measured' in every cell and no grade, and the next step is the doctor."""
    run = build(tmp_path, ("fixed-timeout", "delete-many"), rounds=1, marks={"1-delete-many": ["late generator"]})
    text = text_of(summarise(run), run)
    row = next(line for line in text.splitlines() if line.startswith("delete-many"))
    assert row.split() == ["delete-many", "not", "measured", *["not"] * (len(COLUMNS) - 2), "?", "not"]
    assert "not valid ✗" in text
    assert text.rstrip().endswith("rig selftest")
    assert max(map(len, text.splitlines())) == 80


def test_long_names_break_at_their_hyphens_and_controls_are_marked(summary, run):
    """A control may look good: it says that nobody should choose it."""
    summary["arms"]["bad-delete-in-transaction"]["strategy"] = "bad-delete-in-transaction"
    lines = text_of(summary, run).splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("bad-delete-in-  "))
    assert lines[first + 1 : first + 3] == ["transaction (known", "bad)"]
    assert any(line.startswith("stale-while-revalidate ") for line in lines)


def test_figures_are_not_parted_from_their_units(summary, run):
    """'1,910 ms' never breaks between the lines of a paragraph."""
    summary["finding"]["sentences"] = ["x" * 74 + " 1,910\u00a0ms later."]
    assert "\n1,910 ms later." in text_of(summary, run)


def test_conditions_name_what_must_be_alike(summary, run):
    text = " ".join(text_of(summary, run).split())
    for part in ("reads 29.4 /s on /product/7/", "recompute 98 ms", "TTL 6 s (safety 1 h)", "16 threads", "λΔ 2.88"):
        assert part in text


def test_unknown_conditions_are_not_measured(summary, run):
    summary["conditions"] = dict.fromkeys(summary["conditions"])
    text = " ".join(text_of(summary, run).split())
    assert "recompute not measured" in text
    assert "None" not in text


def test_warnings_are_shown_and_many_are_cut(summary, run):
    """Eight, then how many more; without any there is no heading."""
    summary["warnings"] = [f"warning {number}" for number in range(11)]
    text = text_of(summary, run)
    assert "• warning 7" in text and "warning 8" not in text
    assert "and 3 more, see the report" in text
    summary["warnings"] = []
    assert "Warnings" not in text_of(summary, run)


def test_a_long_path_stays_in_one_piece(summary, run):
    """Wider than the page, but whole: it is there to be copied."""
    path = "/very/long" * 12 + "/report.html"
    assert f"report  {path}\n" in text_of(summary, run, path)


def test_the_next_command_follows_from_the_finding(summary, run):
    """A choice: what it does. No choice: the same again with twice the rounds."""
    summary["finding"].update(choice="stale-while-revalidate")
    assert text_of(summary, run).endswith("next    rig strategies show single-flight\n")
    summary["finding"].update(choice=None)
    assert text_of(summary, run).endswith("next    rig run --profile hot-key --rounds 4 --seed 1\n")


def test_the_layout_does_not_depend_on_the_terminal(summary, run):
    """A wide terminal shows the same 80 columns."""
    wide = Console(width=200, no_color=True, record=True, file=io.StringIO())
    wide.print(render(summary, run.manifest, PATH))
    lines = [line.rstrip() for line in wide.export_text().splitlines()]
    assert lines == text_of(summary, run).splitlines()
