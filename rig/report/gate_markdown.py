"""A gate as Markdown: a comment to a pull request, or a step's summary. One line, one table, the rest folded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rig.report.gate_view import Outcome, Row, View, view
from rig.report.gate_words import HEADS, LEGEND
from rig.report.markdown import escaped

MARK = "<!-- rig gate -->"
"""Ends every comment: the next gate finds its predecessor's by it, and replaces it."""


def as_markdown(outcome: Outcome) -> str:
    """Verdict in the first line, metrics in a table, and what few read under *Details*."""
    return "\n".join(_markdown(view(outcome))) + "\n"


def _markdown(shown: View) -> Iterator[str]:
    yield f"**rig gate: {shown.label}**: {escaped(shown.headline)}"
    yield ""
    yield from _listed(shown.reasons)
    yield from _table(shown.rows)
    if shown.herds:
        yield ""
        yield "**Stampedes, baseline against candidate**"
        yield ""
        yield from _listed(shown.herd_lines)
    else:
        yield ""
    yield "<details><summary>Details</summary>"
    yield ""
    yield from _details(shown)
    yield "</details>"
    yield MARK


def _details(shown: View) -> Iterator[str]:
    yield f"- baseline: {escaped(shown.baseline)}"
    yield f"- candidate: {escaped(shown.candidate)}"
    yield f"- measured: {escaped(shown.effort)}"
    yield from (f"- not compared: {escaped(row.why)}" for row in shown.unsupplied)
    yield from (f"- {sign} {escaped(name)}: {escaped(detail)}" for sign, name, detail in shown.checks)
    yield from (f"- left open: {escaped(one)}" for one in shown.left_open)
    yield ""
    yield escaped(f"{LEGEND}.")
    yield ""
    yield escaped(f"Next: {shown.next_step}.")
    if shown.command:
        yield ""
        # Indented code: nothing in it can end it.
        yield f"    {shown.command}"
        yield ""


def _table(rows: Sequence[Row]) -> Iterator[str]:
    yield f"| {' | '.join(HEADS)} |"
    yield "|---|--:|--:|--:|--:|---|"
    for row in rows:
        cells = [row.name, row.value, row.interval, row.margin, row.detects, row.label]
        yield f"| {' | '.join(map(escaped, cells))} |"


def _listed(lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield from (f"- {escaped(line)}" for line in lines)
        yield ""
