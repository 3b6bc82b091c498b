"""A gate as GitHub Actions' workflow commands: annotations on the run. The step's summary is the Markdown's.

https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

from collections.abc import Iterator

from rig.report.gate_view import Outcome, View, view

# GitHub shows at most ten of a level a step; the first says it all.
MOST = 10
LEVELS = {"pass": "notice", "fail": "error", "inconclusive": "warning", "invalid": "error"}


def as_annotations(outcome: Outcome) -> str:
    """One line a command: the verdict, then what it is made of. Advisory: nothing is more than a warning."""
    return "\n".join(list(_annotations(view(outcome)))[:MOST]) + "\n"


def _annotations(shown: View) -> Iterator[str]:
    level = LEVELS[shown.verdict]
    if shown.advisory and level == "error":
        level = "warning"
    yield command(level, f"rig gate: {shown.label}", f"{shown.said} Next: {shown.next_step}.")
    for reason in shown.reasons:
        yield command(level, f"rig gate: {shown.verdict}", reason)


def command(level: str, title: str, message: str) -> str:
    """One workflow command; neither text can end it, nor begin another."""
    return f"::{level} title={_property(title)}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
