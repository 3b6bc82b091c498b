"""A gate as JUnit XML: a test case a metric, and one for the gate itself.

Only *fail* is a failure and only *invalid* an error. What is inconclusive or not applicable is skipped, with its
reason: the format has no third outcome, and a build must not turn red for not knowing.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite
from junitparser.junitparser import FinalResult

from rig.report.gate_view import Outcome, Row, View, view
from rig.report.gate_words import MEANINGS

RESULTS: Mapping[str, Callable[[str, str], FinalResult]] = {
    "fail": Failure,
    "invalid": Error,
    "inconclusive": Skipped,
    "not_applicable": Skipped,
}


def as_junit(outcome: Outcome) -> str:
    """The whole document."""
    shown = view(outcome)
    suite = TestSuite("rig gate")
    suite.timestamp = shown.created
    suite.add_property("baseline", shown.baseline)
    suite.add_property("candidate", shown.candidate)
    suite.add_property("measured", shown.effort)
    suite.add_testcase(_gate(shown, outcome["seconds"]))
    for row in shown.all_rows:
        suite.add_testcase(_case(row))
    document = JUnitXml("rig gate")
    document.add_testsuite(suite)
    document.update_statistics()
    written = io.BytesIO()
    document.write(written, pretty=True)
    return written.getvalue().decode("utf-8")


def _gate(shown: View, took_s: float) -> TestCase:
    case = TestCase("gate", "rig.gate", took_s)
    text = "\n".join(shown.reasons)
    if make := RESULTS.get(shown.verdict):
        result = make(MEANINGS[shown.verdict], shown.verdict)
        result.text = text
        case.result = [result]
    return case


def _case(row: Row) -> TestCase:
    case = TestCase(row.name, f"rig.gate.{row.family.lower().replace(' ', '_')}", 0.0)
    if make := RESULTS.get(row.verdict):
        case.result = [make(row.why, row.verdict)]
    case.system_out = (
        f"change {row.value}, interval {row.interval}, allowed {row.margin}, detects {row.detects}: {row.word}"
    )
    return case
