"""What the Lighthouse script computes, by its own Node; rig's conversation with it, with a stand-in for it."""

import json
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from rig.measure.lighthouse import node
from rig.model import ExitCode, InfrastructureError, UsageError

ROOT = Path(__file__).parents[2]
NODE = str(Path(sys.executable).with_name("node"))


def computed(expression):
    """The value of a JavaScript expression over the script's modules."""
    program = """
      const module = (name) => import(`file://${process.argv[1]}/lighthouse_scripts/${name}.mjs`);
      const [f, b, o] = await Promise.all(["figures", "budget", "outcome"].map(module));
    """
    text = f"{program} console.log(JSON.stringify({expression}));"
    command = [NODE, "--input-type=module", "-e", text, str(ROOT)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def test_medians_and_spread_are_exact_and_leave_out_what_was_not_measured():
    """Five known values and a gap; one, where nothing is said about quartiles; none at all."""
    some, one, none = computed("[f.spread([5, null, 1, 4, 2, 3]), f.spread([7]), f.spread([null])]")
    assert some == {"count": 5, "median": 3, "min": 1, "max": 5, "iqr": 2}
    assert one == {"count": 1, "median": 7, "min": 7, "max": 7, "iqr": None}
    assert none == {"count": 0, "median": None, "min": None, "max": None, "iqr": None}
    assert computed("f.spread([1, 2, 3, 4])") == {"count": 4, "median": 2.5, "min": 1, "max": 4, "iqr": 1.5}


def test_figures_a_result_lacks_are_null_and_never_zero():
    lacking = computed("f.figures({audits: {metrics: {details: {items: [{largestContentfulPaint: NaN}]}}}})")
    assert set(lacking.values()) == {None}
    assert computed("f.figures({categories: {performance: {score: 0}}})")["performance_score"] == 0


def test_the_median_run_is_the_lower_of_two_in_the_middle_and_none_without_an_lcp():
    runs = "[[1, 30], [2, 10], [3, 20], [4, 40]].map(([run, lcp_ms]) => ({run, lcp_ms}))"
    assert computed(f"f.medianRun({runs})") == 3
    assert computed("f.medianRun([{run: 1, lcp_ms: null}])") is None


def test_a_figure_on_its_limit_is_within_the_budget_and_the_score_has_a_least_value():
    """The state's own limits replace those of "all"; what was not measured is neither pass nor fail."""
    budget = "{all: {lcp_ms: 1, cls: 0.1}, warm: {lcp_ms: 100, tbt_ms: 5, performance_score: 0.9}}"
    medians = {"lcp_ms": 100, "cls": 0.101, "tbt_ms": None, "performance_score": 0.89}
    found = json.dumps({name: {"median": median} for name, median in medians.items()})
    verdicts = {one["figure"]: one["verdict"] for one in computed(f"b.judge({budget}, 'warm', {found})")}
    assert verdicts == {"lcp_ms": "pass", "cls": "fail", "tbt_ms": "not measured", "performance_score": "fail"}


@pytest.mark.parametrize(
    ("result", "answer", "fault"),
    [
        ({"runtimeError": {"code": "NO_FCP", "message": "nothing"}}, None, "NO_FCP: nothing"),
        ({}, {"status": 200, "headers": {"x-cache-strategy": "b"}}, "the target answered as b, not as a"),
        ({"runtimeError": {"code": "CHROME_INTERSTITIAL_ERROR", "message": "x"}}, None, "Does a server answer"),
    ],
)
def test_a_page_with_an_error_has_the_reason_and_no_figures(result, answer, fault):
    """Also where Lighthouse did measure something: of another strategy, or of an error page."""
    result = {"categories": {"performance": {"score": 1}}, **result}
    told = f"o.outcome({{name: 'a'}}, {{lhr: {json.dumps(result)}}}, {json.dumps(answer)})"
    outcome = computed(told)
    assert fault in outcome["error"]
    assert outcome["performance_score"] is None


def test_an_answer_that_is_an_error_page_is_refused():
    assert computed("[200, 404, 409].map((status) => o.refusal({status}))") == [
        None,
        "the page answered with status 404",
        "the page answered with status 409; a strategy that needs a server of its own is named NAME=ORIGIN",
    ]


STAND_IN = """
import { createInterface } from "node:readline";
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
for (const run of [1, 2]) {
  console.log(JSON.stringify({ type: "next", strategy: "a", run }));
  if ((await lines.next()).done) process.exit(130);
  console.log(JSON.stringify({ type: "audit", strategy: "a", run, token: process.env.RIG_TOKEN }));
}
console.log(JSON.stringify({ type: "summary", strategy: "a" }));
console.error("audit: the last word");
process.exit(CODE);
"""


DYING = """
console.log(JSON.stringify({ type: "next", strategy: "a", run: 1 }));
console.error("audit: the last word");
process.exit(3);
"""


@pytest.fixture
def auditor(tmp_path, monkeypatch):
    """Makes an auditor whose script ends with the given code."""

    def make(code=0, script=STAND_IN):
        (tmp_path / "audit.mjs").write_text(script.replace("CODE", str(code)))
        monkeypatch.setattr(node, "SCRIPT", tmp_path / "audit.mjs")
        options = node.AuditOptions(url="http://127.0.0.1:1/", token="secret")
        assert "secret" not in " ".join(options.arguments)
        return node.Auditor(options, tmp_path / "log", None)

    return make


def test_what_goes_on_beside_begins_before_each_audit_and_ends_after_it(auditor):
    """And what it says of itself when it has ended is part of the audit's line, not of the summary's."""
    happened, lines = [], []

    @contextmanager
    def beside(coming):
        facts = {"load": None}
        happened.append(f"begin {coming['run']}")
        yield facts
        facts["load"] = coming["run"] * 10
        happened.append(f"end {coming['run']}")

    def on_line(line):
        happened.append(line["type"])
        lines.append(line)

    with auditor() as script:
        assert script.run(beside, on_line) is ExitCode.OK
    assert happened == ["begin 1", "end 1", "audit", "begin 2", "end 2", "audit", "summary"]
    assert [line.get("load") for line in lines] == [10, 20, None]
    assert lines[0]["token"] == "secret"


@pytest.mark.parametrize(("code", "error"), [(2, UsageError), (3, InfrastructureError), (137, InfrastructureError)])
def test_how_the_script_ended_is_told_in_its_own_last_words(auditor, code, error):
    with auditor(code) as script, pytest.raises(error, match="the last word"):
        script.run(lambda _: contextmanager(lambda: iter([{}]))(), lambda line: None)
    assert script._process.returncode is not None


def test_a_script_that_ends_before_it_is_told_to_go_has_the_last_word_too(auditor):
    """Nobody hears the "go"; that is not what went wrong."""
    with auditor(script=DYING) as script, pytest.raises(InfrastructureError, match="the last word"):

        @contextmanager
        def until_it_has_ended(_):
            script._process.wait()
            yield {}

        script.run(until_it_has_ended, lambda line: None)


def test_an_exceeded_budget_is_no_error(auditor):
    with auditor(1) as script:
        assert script.run(lambda _: contextmanager(lambda: iter([{}]))(), lambda line: None) is ExitCode.REGRESSION
        assert script.budget_lines() == ["the last word"]


def test_an_interruption_in_the_middle_ends_the_script(auditor):
    """Whatever raises: the load beside, or Ctrl-C."""

    def interrupted(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), auditor() as script:
        script.run(interrupted, lambda line: None)
    assert script._process.poll() == 130
