"""All that a gate's outcome can be turned into: name -> pure function from the object of ``gate.json`` to text."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rig.report.gate_github import as_annotations
from rig.report.gate_html import as_html
from rig.report.gate_junit import as_junit
from rig.report.gate_markdown import as_markdown
from rig.report.gate_text import as_text
from rig.report.gate_view import Outcome

REPORTERS: Mapping[str, Callable[[Outcome], str]] = {
    "terminal": as_text,
    "html": as_html,
    "junit": as_junit,
    "markdown": as_markdown,
    "annotations": as_annotations,
}

FILES = {"html": "report.html", "junit": "junit.xml", "markdown": "comment.md"}
"""What every gate leaves in its run directory, unless it is told another place."""
