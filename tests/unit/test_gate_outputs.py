"""What a gate's outcome becomes: text, JUnit XML, Markdown, annotations and a page, each from gate.json alone."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest
from click.testing import CliRunner
from junitparser import Error, Failure, JUnitXml, Skipped

from rig.cli.gate_outputs import Outputs, deliver
from rig.cli.report import report
from rig.report.gate_github import as_annotations, command
from rig.report.gate_html import as_html
from rig.report.gate_junit import as_junit
from rig.report.gate_markdown import as_markdown
from rig.report.gate_reporters import FILES, REPORTERS
from rig.report.gate_svg import figures
from rig.report.gate_text import as_text, render
from rig.report.gate_view import view
from rig.report.gate_words import Scale, interval, shown
from tests.gate_outcomes import FAIL, HOSTILE, INCONCLUSIVE, INVALID, OUTCOMES, PASS, hostile, metric, outcome

EACH = pytest.mark.parametrize("found", OUTCOMES.values(), ids=OUTCOMES)


@pytest.mark.parametrize(
    ("scale", "value", "text"),
    [
        (Scale.CHANGE, 1.0831, "+8.31 %"),
        (Scale.CHANGE, 0.987, "−1.3 %"),
        (Scale.CHANGE, 1.0, "0 %"),
        (Scale.CHANGE, 1.00001, "0 %"),
        (Scale.CHANGE, 12.0, "× 12"),
        (Scale.CHANGE, 1e304, "over × 1,000"),
        (Scale.TIMES, 1.5, "× 1.5"),
        (Scale.POINTS, 0.0312, "+3.12 pp"),
        (Scale.BUDGET, 0.61, "61 %"),
        (Scale.CHANGE, None, "–"),
        (Scale.CHANGE, float("nan"), "–"),
    ],
)
def test_figures_have_a_sign_and_a_unit(scale, value, text):
    """A ratio is a change in per cent, or a factor where that reads better; what was not measured is no 0."""
    assert shown(scale, value).replace("\u00a0", " ") == text


def test_an_interval_names_its_unit_once_where_both_ends_have_it():
    assert interval(Scale.CHANGE, 0.988, 1.034).replace("\u00a0", " ") == "−1.2 to +3.4 %"
    assert interval(Scale.CHANGE, 0.9, 40.0).replace("\u00a0", " ") == "−10 % to × 40"
    assert interval(Scale.CHANGE, None, 1.0) == "–"


@EACH
def test_text_says_the_verdict_first_and_the_next_step_last(found):
    """80 columns but for the path and the command, which are copied whole; every metric is there."""
    lines = as_text(found).splitlines()
    assert lines[0].endswith(view(found).label)
    assert lines[-1].strip() == found["commands"]["again"]
    assert max(map(len, lines)) <= 80
    for one in found["metrics"]:
        assert any(one["name"] in line for line in lines)
    assert render(found).plain == as_text(found).removesuffix("\n")


def test_text_has_value_interval_margin_smallest_effect_and_verdict_in_each_line():
    """Also of what passed: a gate that could not have seen anything must not look like one that saw nothing."""
    line = next(line for line in as_text(FAIL).splitlines() if line.startswith("hit_p95 "))
    assert re.split(r" {2,}| (?=✗)", line) == ["hit_p95", "+33.1 %", "+28.1 to +38.1 %", "10 %", "15 %", "✗ fail"]
    passed = next(line for line in as_text(PASS).splitlines() if line.startswith("hit_p50"))
    assert "11.2 %" in passed and passed.endswith("✓ pass")


def test_what_was_not_compared_is_named_with_its_reason():
    """Not in the table of verdicts: it has none."""
    text = as_text(FAIL)
    assert "Not compared\n  • miss_p50: needs 20 samples" in text
    assert "miss_p50" not in text[text.index("metric") : text.index("allowed:")]


def test_a_stampede_is_named_with_entry_cause_and_peaks_of_both_arms():
    """What grew most first."""
    said = view(FAIL).herd_lines
    assert said[0] == (
        "product:moon-jar (expiry): 1 in the baseline, up to 2 recomputes at once; "
        "12 in the candidate, up to 16 recomputes at once"
    )
    assert "none in the baseline" in said[1]
    for made in (as_text(FAIL), as_markdown(FAIL), as_html(FAIL)):
        assert "product:moon-jar" in made


def test_reasons_are_in_per_cent_and_keep_what_the_gate_itself_said():
    """A failed metric's figures in words; a fault of the instrument as it was written."""
    assert view(FAIL).reasons[0].startswith("hit_p95 is 33.1\u00a0% slower than the baseline")
    assert view(INVALID).reasons[0] == "the candidate ended in launch 3 (exit code 137)"
    assert "can't be told" in view(INCONCLUSIVE).reasons[0]


def test_the_headline_names_what_spoilt_a_gate_that_has_no_bad_metric():
    """Shortened: it is one line of a comment, and stands whole below."""
    reason = "4 launches were disturbed, the last by: " + "other processes took 75% of the CPUs; " * 5
    assert view(outcome("invalid", reasons=[reason])).headline.startswith(
        "what was measured can't be believed: 4 launches were disturbed, the last by: other"
    )
    assert len(view(outcome("invalid", reasons=[reason])).headline) < 145
    assert view(outcome("invalid")).headline == "what was measured can't be believed"


def test_a_budget_reads_as_a_share_of_itself():
    """Not as a change against the baseline."""
    slow = metric("lcp_p75 / <= 2500ms", "fail", value=1.13, margin=1.0, budget=2500.0)
    assert "113\u00a0% of the budget used" in view(outcome("fail", slow, reasons=[f"{slow['name']}: x"])).reasons[0]


@EACH
def test_junit_counts_only_fail_as_failure_and_only_invalid_as_error(found):
    """Inconclusive and not applicable are skipped with their reason; read back as a CI server reads it."""
    parsed = JUnitXml.fromstring(as_junit(found).encode())
    (suite,) = parsed
    cases = {case.name: case for case in suite}
    verdicts = {"gate": found["verdict"], **{one["name"]: one["verdict"] for one in found["metrics"]}}
    assert cases.keys() == verdicts.keys()
    kinds = {"fail": Failure, "invalid": Error, "inconclusive": Skipped, "not_applicable": Skipped}
    for name, verdict in verdicts.items():
        results = cases[name].result
        assert [type(one) for one in results] == ([kinds[verdict]] if verdict in kinds else [])
        assert all(one.message and one.type == verdict for one in results)
    count = [*verdicts.values()].count
    assert (suite.tests, suite.failures, suite.errors) == (len(verdicts), count("fail"), count("invalid"))
    assert suite.skipped == count("inconclusive") + count("not_applicable")
    assert (parsed.failures, parsed.errors) == (suite.failures, suite.errors)


@EACH
def test_a_comment_begins_with_the_verdict_and_ends_with_its_mark(found):
    """One line, then a table in which every compared metric has six cells."""
    lines = as_markdown(found).splitlines()
    assert lines[0].startswith(f"**rig gate: {view(found).label}**")
    assert lines[-1] == "<!-- rig gate -->"
    rows = [line for line in lines if line.startswith("| ")]
    assert len(rows) == 1 + len(view(found).rows)
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 7 for row in rows)


def test_nothing_from_outside_becomes_markup_in_a_comment():
    """No element, link, mention, mark of the comment, or cell; the command stays in its block."""
    lines = as_markdown(hostile()).splitlines()
    free = "\n".join(line for line in lines if not line.startswith("    "))
    ours = re.sub(r"</?details>|</?summary>|\A|<!-- rig gate -->\Z", "", free.strip())
    assert not re.search(r"(?<!\\)[<>`#&\[]", ours.replace("**", ""))
    assert "@team" not in free and "http://" not in free
    assert free.count("<!--") == 1
    assert sum(line.startswith("    ") for line in lines) == 1


@pytest.mark.parametrize(("verdict", "level"), [("pass", "notice"), ("fail", "error"), ("inconclusive", "warning"),
                                                ("invalid", "error")])  # fmt: skip
def test_the_level_of_an_annotation_is_the_verdicts(verdict, level):
    assert as_annotations(OUTCOMES[verdict]).startswith(f"::{level} title=rig gate%3A ")


def test_advisory_annotations_are_warnings_at_most():
    """A red mark on a job that passed would say two things at once."""
    found = as_annotations({**FAIL, "advisory": True})
    assert "::error" not in found
    assert "(advisory)" in found.splitlines()[0]


def test_no_text_ends_an_annotation_or_begins_another():
    """Each line is one command; a title can't end at a colon or comma."""
    lines = as_annotations(hostile()).splitlines()
    assert all(re.match(r"::error title=rig gate%3A [^:,]*::[^%]*(%(25|0D|0A)[^%]*)*$", line) for line in lines)
    assert command("error", "a:b,c%", "50%\r\n::x") == "::error title=a%3Ab%2Cc%25::50%25%0D%0A::x"
    assert len(as_annotations(outcome("fail", *(metric(f"hit_p{n}", "fail") for n in range(30)),
                                      reasons=[str(n) for n in range(30)])).splitlines()) == 10  # fmt: skip


@pytest.mark.parametrize("name", REPORTERS)
def test_no_output_carries_control_characters(name):
    """Neither a terminal's, nor those that turn the direction of text, nor a line break."""
    made = REPORTERS[name](hostile())
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", made)


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}


def _elements(page: str) -> _Elements:
    found = _Elements()
    found.feed(page)
    return found


def test_nothing_from_outside_becomes_an_element_of_the_page():
    """Hostile names leave the same kinds of elements and attributes as plain ones."""
    plain, nasty = _elements(as_html(FAIL)), _elements(as_html(hostile()))
    assert set(nasty.tags) <= set(plain.tags) | {"p"}
    assert nasty.attributes <= plain.attributes | {"role"}
    assert "img" not in nasty.tags
    assert nasty.tags.count("script") == 1


@EACH
def test_the_page_asks_the_network_for_nothing(found):
    page = as_html(found)
    assert not re.search(r"""(src|href)=["'](?!#|data:)""", page)
    assert "default-src 'none'" in page


def test_marks_of_a_figure_stand_where_their_values_are():
    """Each launch has its dot, worse is to the right, the value lies in its interval, all on the figure."""
    drawn = {one.row.name: one for figure in figures(view(FAIL).rows) for one in figure.rows}
    slow, same = drawn["hit_p95"], drawn["hit_p50"]
    assert len(slow.dots) == 12 and [number for *_, number in slow.dots] == [*range(1, 13)]
    assert slow.low < slow.value < slow.high
    assert same.value < same.margin < slow.margin < slow.low
    assert all(0 <= x <= 100 for one in drawn.values() for x, *_ in one.dots)


def test_a_figure_has_metrics_of_one_kind_only():
    """A factor, a share and a change in per cent have no common axis; what has no launches has no figure."""
    found = {figure.family: [one.row.name for one in figure.rows] for figure in figures(view(PASS).rows)}
    assert found["Response times"] == ["hit_p50", "hit_p95", "hit_p99"]
    assert found["Misses"] == ["miss_ratio"]
    assert found["Budgets"] == ["hit_p95 <= 40ms"]
    assert "Errors" not in found


def test_an_endless_interval_neither_squeezes_the_figure_nor_breaks_it():
    """At the first look bounds are beyond all measure; the figure says that it was cut."""
    wild = metric("hit_p95", "inconclusive", value=1.02, lower=1e-300, upper=1e304)
    lone = metric("hit_p50", "inconclusive", value=1.0, lower=None, upper=None, mde=None, by_launch=[1.0, None])
    (figure,) = figures(view(outcome("inconclusive", wild, lone)).rows)
    first, second = figure.rows
    assert first.cut and first.low == 3.0 and first.high == 97.0
    assert first.margin - figure.none > 5
    assert not second.cut and len(second.dots) == 1 and second.low is None
    assert len(figure.ticks) >= 2
    as_html(outcome("inconclusive", wild, lone))


def test_a_report_of_a_gates_run_makes_all_files_again_from_gate_json_alone(tmp_path):
    """Also where the run directory was moved; a named file goes where it was named."""
    (tmp_path / "gate.json").write_text(json.dumps(FAIL))
    elsewhere = tmp_path / "build.xml"
    done = CliRunner().invoke(report, [str(tmp_path), "--junit", str(elsewhere)])
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("rig gate  ✗ fail")
    assert str(tmp_path / "report.html") in done.stdout
    assert {path.name for path in tmp_path.iterdir()} == {"gate.json", "report.html", "comment.md", "build.xml"}
    assert JUnitXml.fromfile(str(elsewhere)).failures == 3
    answered = json.loads(CliRunner().invoke(report, [str(tmp_path), "--json"]).stdout)
    assert answered == {**FAIL, "run_dir": str(tmp_path)}


def test_links_in_a_gates_run_directory_are_replaced_and_what_they_lead_to_stays(tmp_path):
    """It may be somebody else's; a link that the user names is the user's word, and is followed."""
    run_dir, mine, named = tmp_path / "run", tmp_path / "mine", tmp_path / "named"
    run_dir.mkdir()
    (run_dir / "gate.json").write_text(json.dumps(FAIL))
    mine.write_text("mine")
    for file in FILES.values():
        (run_dir / file).symlink_to(mine)
    named.symlink_to(tmp_path / "there.xml")
    done = CliRunner().invoke(report, [str(run_dir), "--junit", str(named)])
    assert done.exit_code == 0, done.output
    assert mine.read_text() == "mine"
    assert [(run_dir / file).is_symlink() for file in FILES.values() if file != "junit.xml"] == [False, False]
    assert named.is_symlink() and "<testsuite" in (tmp_path / "there.xml").read_text()


@pytest.mark.parametrize("text", ["{", "[]", '{"schema": "rig.gate/9"}'])
def test_a_gate_json_of_another_kind_is_refused_with_its_name(tmp_path, text):
    (tmp_path / "gate.json").write_text(text)
    done = CliRunner().invoke(report, [str(tmp_path)])
    assert "gate.json" in str(done.exception)


def test_a_file_that_cannot_be_written_is_found_before_anything_is_measured(tmp_path):
    """Minutes would be lost."""
    done = CliRunner().invoke(report, [str(tmp_path), "--junit", str(tmp_path / "none" / "x.xml")])
    assert "--junit" in str(done.exception) and "no folder" in str(done.exception)


def test_on_github_the_summary_is_added_to_and_stdout_stays_json(tmp_path, monkeypatch, capsys):
    """Annotations go to stderr, where the runner reads them too."""
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    deliver(FAIL, tmp_path, Outputs(), as_json=True)
    printed = capsys.readouterr()
    assert json.loads(printed.out) == FAIL
    assert printed.err.startswith("::error title=rig gate")
    assert summary.read_text() == "before\n" + as_markdown(FAIL)
    assert all((tmp_path / file).read_text() == REPORTERS[name](FAIL) for name, file in FILES.items())


def test_on_github_the_runner_obeys_no_line_of_the_text(tmp_path, monkeypatch, capsys):
    """A page may be named like a command: it stands between stop-commands and a token nobody can guess.

    Annotations come behind that on the same stream, for of two streams nobody knows which is read first.
    """
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    deliver(hostile(), tmp_path, Outputs(), as_json=False)
    printed = capsys.readouterr()
    first, *rest = printed.out.splitlines()
    token = first.removeprefix("::stop-commands::")
    text, annotations = rest[: rest.index(f"::{token}::")], rest[rest.index(f"::{token}::") + 1 :]
    assert len(token) == 32 and annotations == as_annotations(hostile()).splitlines() and printed.err == ""
    assert any(HOSTILE[:10] in line for line in text)


def test_elsewhere_nothing_is_said_to_github(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    deliver(PASS, tmp_path, Outputs(), as_json=False)
    printed = capsys.readouterr()
    assert printed.err == "" and "::" not in printed.out
