"""What every verb that shows a run does: analyse it, write summary and report, print the table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


def finish(path: Path) -> dict[str, Any]:
    """Analyse the run at ``path``; writes ``summary.json`` and ``report.html`` into it and returns the summary."""
    from rig.analysis.summary import summarise
    from rig.journal import open_run, write_json
    from rig.report.html import write_report

    run = open_run(path)
    summary = summarise(run)
    write_json(path / "summary.json", summary)
    write_report(run, summary, path / "report.html")
    return summary


def show(path: Path, summary: dict[str, Any]) -> None:
    """Print the answer for people, 80 columns wide."""
    import sys

    from rig.journal import open_run
    from rig.report.terminal import WIDTH, as_text, render

    manifest, report = open_run(path).manifest, path / "report.html"
    if sys.stdout.isatty():
        from rich.console import Console

        Console(width=WIDTH, highlight=False).print(render(summary, manifest, report), crop=False)
    else:
        click.echo(as_text(summary, manifest, report), nl=False)
