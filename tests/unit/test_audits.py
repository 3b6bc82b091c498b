"""Lighthouse audits as data: grouping, merging into a run, load beside them, and what report and terminal say."""

import json
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner

from rig.analysis.audits import FILE, assemble, load_figures, read_audits
from rig.cli.lighthouse import lighthouse as command
from rig.measure.lighthouse.audits import _Journal as Journal
from rig.model import InfrastructureError, UsageError
from rig.report import lighthouse
from tests.synthetic import build

FACTS = {"path": "/p/moon-jar/", "preset": "desktop", "created": "2026-11-23T14:00:00+00:00", "environment": {}}


def spread(median, low=None, high=None):
    return {"count": 3, "median": median, "min": low or median, "max": high or median, "iqr": None}


def lines(strategy, cache, lcp_ms, *, load_rps=None, report="lighthouse/at-rest/a.html"):
    """One audit and its summary, as the script prints them."""
    same = {"strategy": strategy, "cache": cache, "load_rps": load_rps, "url": "http://127.0.0.1:1/p/moon-jar/"}
    audit = {"type": "audit", **same, "run": 1, "observed_lcp_ms": lcp_ms, "lighthouse_version": "13.5.0"}
    figures = {"observed_lcp_ms": spread(lcp_ms, lcp_ms and lcp_ms - 10, lcp_ms and lcp_ms + 20)}
    counted = {"runs": 3, "audited": 3, "median_run": 1, "report": report, "budget": None}
    return [audit, {"type": "summary", **same, **counted, "figures": figures}]


def lcps(found):
    return {
        (one["name"], state["cache"], state["load_rps"]): state["figures"]["observed_lcp_ms"]["median"]
        for one in found["strategies"]
        for state in one["states"]
    }


def test_lines_are_grouped_by_strategy_and_state_and_every_audit_is_kept():
    """One object with two lists; what kind a line was is said by the list it is in."""
    found = assemble([*lines("a", "cold", 300), *lines("a", "warm", 200), *lines("b", "cold", 400)], FACTS, None)
    assert found["schema"] == "rig.lighthouse/1"
    assert found["lighthouse_version"] == "13.5.0"
    assert [one["name"] for one in found["strategies"]] == ["a", "b"]
    assert lcps(found) == {("a", "cold", None): 300, ("a", "warm", None): 200, ("b", "cold", None): 400}
    assert [audit["observed_lcp_ms"] for audit in found["audits"]] == [300, 200, 400]
    assert not any("type" in audit for audit in found["audits"])


def test_a_new_result_replaces_only_that_of_the_same_strategy_cache_and_load():
    """So that audits at rest and beside a load stand in one run; the rate may differ, it is still "under load"."""
    before = assemble(
        [*lines("a", "cold", 300), *lines("a", "warm", 200), *lines("a", "warm", 500, load_rps=20)], FACTS, None
    )
    after = assemble([*lines("a", "warm", 210), *lines("a", "warm", 900, load_rps=40)], FACTS, before)
    assert lcps(after) == {("a", "cold", None): 300, ("a", "warm", None): 210, ("a", "warm", 40): 900}
    assert sorted(audit["observed_lcp_ms"] for audit in after["audits"]) == [210, 300, 900]


@pytest.mark.parametrize("fact", ["path", "preset"])
def test_results_of_another_page_or_device_are_not_kept_beside_new_ones(fact):
    before = assemble(lines("a", "cold", 300), FACTS, None)
    after = assemble(lines("a", "warm", 210), {**FACTS, fact: "another"}, before)
    assert list(lcps(after)) == [("a", "warm", None)]


def test_a_damaged_or_foreign_file_is_named_and_a_missing_one_is_none(tmp_path):
    assert read_audits(tmp_path) is None
    (tmp_path / FILE).write_text("{")
    with pytest.raises(InfrastructureError, match=r"lighthouse\.json: cannot be read"):
        read_audits(tmp_path)
    (tmp_path / FILE).write_text('{"schema": "rig.lighthouse/9"}')
    with pytest.raises(InfrastructureError, match=r"rig\.lighthouse/9"):
        read_audits(tmp_path)


def answers(*rows):
    """Requests of (intended s, seconds it took or None, status or None, cause or None)."""
    ends = [None if took is None else due_s + took for due_s, took, *_ in rows]
    return pa.table(
        {
            "intended_s": pa.array([row[0] for row in rows], pa.float64()),
            "sent_s": pa.array([row[0] for row in rows], pa.float64()),
            "done_s": pa.array(ends, pa.float64()),
            "status": pa.array([row[2] for row in rows], pa.int16()),
            "cause": pa.array([row[3] for row in rows], pa.string()),
        }
    )


def test_load_beside_an_audit_counts_what_was_due_then_and_times_only_what_was_answered():
    """10 requests, one a second; the window of the audit holds those due from 2 s to 6 s: one of them refused."""
    due = np.arange(10.0)
    table = answers(*[(at, None, None, "refused") if at == 4 else (at, 0.1, 200, None) for at in due])
    found = load_figures(table, due, 2.0, 6.0)
    assert (found["ended"], found["open"], found["failed"], found["rate_rps"]) == (5, 0, 1, 1.25)
    assert found["response_ms"]["p95"] == pytest.approx(100)
    nothing = load_figures(table, due, 20.0, 20.0)
    assert nothing == {
        "ended": 0, "open": 0, "failed": 0, "rate_rps": None, "response_ms": {"p50": None, "p95": None}
    }  # fmt: skip


def test_a_load_that_stalls_beside_an_audit_looks_no_faster():
    """Deadlines count as long as they were waited for; what is open at the cut is slower than all that has ended."""
    due = np.arange(100.0)
    late = [(at, 30.0, None, "timeout") if at % 10 == 0 else (at, 0.1, 200, None) for at in due]
    assert load_figures(answers(*late), due, 0.0, 99.0)["response_ms"] == {"p50": 100.0, "p95": 30_000.0}
    for ended, p95_ms in ((96, 100.0), (90, None)):
        found = load_figures(answers(*[(at, 0.1, 200, None) for at in due[:ended]]), due, 0.0, 99.0)
        assert (found["ended"], found["open"]) == (ended, 100 - ended)
        assert found["response_ms"] == {"p50": pytest.approx(100), "p95": p95_ms and pytest.approx(p95_ms)}


def picture(arm, *visits):
    """A trial of ``arm`` with visits of (path, LCP in ms, whether in a stampede)."""
    seen = [
        SimpleNamespace(path=path, outcome="measured", lcp_ms=lcp_ms, stampede=0 if inside else None)
        for path, lcp_ms, inside in visits
    ]
    trial = SimpleNamespace(id=SimpleNamespace(arm=arm))
    return SimpleNamespace(trial=trial, kept_out=[], timeline=SimpleNamespace(visits=seen))


def run_with(tmp_path, *told, environment=None):
    (tmp_path / FILE).write_text(json.dumps(assemble([line for pair in told for line in pair], FACTS, None)))
    return SimpleNamespace(path=tmp_path, manifest={"environment": environment or {}})


def test_lcp_at_rest_stands_beside_lcp_of_the_same_page_under_load(tmp_path):
    """Visits to other pages are left out; the title names the greatest change that three visits or more have met."""
    run = run_with(tmp_path, lines("a", "cold", 300), lines("a", "warm", 200))
    page = "/p/moon-jar/"
    found = [picture("a", (page, 250, False), (page, 270, False), *[(page, 1200, True)] * 3, ("/", 9000, False))]
    said = lighthouse.section(run, found, ["a"])
    texts = {one.what: text for one, _, text in said["bars"][0][1]}
    assert texts == {
        "at rest, cold cache": "300\u00a0ms (290 to 320)",
        "at rest, warm cache": "200\u00a0ms (190 to 220)",
        "under load, calm": "260\u00a0ms (2 visits)",
        "under load, in a stampede": "1,200\u00a0ms (3 visits)",
    }
    shares = {one.what: share for one, share, _ in said["bars"][0][1]}
    assert shares["under load, in a stampede"] == 1
    assert shares["at rest, cold cache"] == pytest.approx(0.25)
    assert said["title"].replace("\u00a0", " ") == (
        "At rest a shows its page after 200 ms; under load, in a stampede, after 1,200 ms"
    )
    assert said["notes"] == []
    once = [picture("a", *[(page, 250, False)] * 3, (page, 1200, True))]
    assert "calm, after 250" in lighthouse.section(run, once, ["a"])["title"]


def test_what_was_not_measured_is_said_and_never_zero(tmp_path):
    """Neither an LCP that Lighthouse lacks nor a run without visits becomes a bar of length 0 that reads as fast."""
    run = run_with(tmp_path, lines("a", "warm", None))
    said = lighthouse.section(run, [], ["a"])
    assert [text for _, _, text in said["bars"][0][1]] == ["not measured"] * 3
    assert said["table"].rows[0][3:] == ["not measured"] * 8
    assert said["title"] == "LCP at rest, by Lighthouse"
    calm_only = lighthouse.section(run, [picture("a", ("/p/moon-jar/", 250, False))], ["a"])
    assert calm_only["bars"][0][1][-1][2] == "no visit"


def test_audits_of_strategies_the_run_has_not_and_of_another_machine_are_noted(tmp_path):
    run = run_with(tmp_path, lines("a", "warm", 200), lines("b", "warm", 200), environment={"cpu": "other"})
    notes = " ".join(lighthouse.section(run, [], ["a"])["notes"])
    assert "not part of this run: b" in notes
    assert "cpu differs" in notes


def test_a_run_without_audits_has_no_section(tmp_path):
    assert lighthouse.section(SimpleNamespace(path=tmp_path, manifest={}), [], ["a"]) is None


def test_the_terminal_says_both_in_80_columns(tmp_path):
    run_with(tmp_path, lines("stale-while-revalidate", "as-found", 1300, load_rps=40), lines("a", "warm", None))
    found = [picture("a", ("/p/moon-jar/", 250, False))]
    text = lighthouse.as_text(read_audits(tmp_path), found)
    assert max(map(len, text.splitlines())) <= 80
    assert "beside 40 requests/s" in text
    assert "stale-while-revalidate as-found *" in text
    assert "score" in text
    assert "a: calm 250\u00a0ms" in text
    assert "1,300 (1,290–1,320)" in text


@pytest.mark.parametrize("path", ["/p/[slug]/", "/[/b]"])
def test_what_looks_like_markup_is_printed_as_it_is(tmp_path, path):
    """A page's path and a strategy's name are the target's to choose."""
    run_with(tmp_path, lines("[/b]", "warm", 200))
    text = lighthouse.as_text({**read_audits(tmp_path), "path": path}, [picture("[/b]", (path, 250, False))])
    assert f"desktop, {path}: medians" in text
    assert "\n[/b]" in text and "  [/b]: calm 250" in text


@pytest.mark.parametrize(
    ("report", "linked"),
    [
        ("lighthouse/under-load/stale-while-revalidate-cold-2.html", True),
        ("javascript:alert(1)", False),
        ("https://elsewhere.test/lighthouse/at-rest/a.html", False),
        ("lighthouse/at-rest/../../../a.html", False),
        (None, False),
    ],
)
def test_only_reports_rig_has_put_there_are_linked(tmp_path, report, linked):
    """lighthouse.json may be anybody's."""
    run = run_with(tmp_path, lines("a", "warm", 200, report=report))
    assert lighthouse.section(run, [], ["a"])["reports"] == ([("a", "warm cache", report)] if linked else [])


class _Silent:
    def audited(self, line):
        pass


def keep(run, told, made):
    """What a call of ``rig lighthouse`` leaves in ``run``; its script left the report ``made``."""
    made.write_text(made.name)
    with Journal(run, told[0]["load_rps"], _Silent()) as journal:
        for line in told:
            journal.add({**line, "report": str(made)} if line["type"] == "summary" else line)
        journal.keep(FACTS, read_audits(run))


def test_reports_lie_beside_the_results_that_name_them_and_replaced_ones_go(tmp_path):
    """At rest and under load in folders of their own; an interrupted call changes neither results nor reports."""
    run, made = tmp_path / "run", tmp_path / "made"
    run.mkdir()
    made.mkdir()
    keep(run, lines("a", "cold", 300), made / "a-cold-1.html")
    keep(run, lines("a", "cold", 310), made / "a-cold-2.html")
    keep(run, lines("a", "cold", 900, load_rps=20), made / "a-cold-1.html")
    keep(run, lines("a", "cold", 999)[:1], made / "a-cold-3.html")
    assert lcps(read_audits(run)) == {("a", "cold", None): 310, ("a", "cold", 20): 900}
    kept = {path.relative_to(run).as_posix() for path in run.rglob("*.html")}
    assert kept == {"lighthouse/at-rest/a-cold-2.html", "lighthouse/under-load/a-cold-1.html"}
    named = {state["report"] for one in read_audits(run)["strategies"] for state in one["states"]}
    assert named == kept
    assert len((run / "lighthouse.jsonl").read_text().splitlines()) == 7


@pytest.mark.parametrize("more", [(), ("--strategies", "seed"), ("--url", "http://127.0.0.1:9/")])
def test_a_directory_with_trials_but_no_strategies_is_refused(tmp_path, more):
    """A gate's, for one: audits stand beside the strategies of a run, and there are none."""
    run = build(tmp_path, ("fixed-timeout",), rounds=1)
    del run.manifest["plan"]
    (run.path / "manifest.json").write_text(json.dumps(run.manifest))
    with pytest.raises(UsageError, match=r"no trial to stand beside; name a run of `rig run`"):
        CliRunner().invoke(command, ["--run", str(run.path), *more], standalone_mode=False, catch_exceptions=False)
