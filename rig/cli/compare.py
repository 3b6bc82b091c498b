"""``rig compare A B``: two runs beside each other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rig.cli.options import json_option, print_json
from rig.model import ExitCode, InfrastructureError, UsageError

if TYPE_CHECKING:
    from rig.analysis.compare import Comparison, Side

FORMATS = ("terminal", "markdown", "html")


@click.command(short_help="Two runs beside each other: what got better, worse, or shows no difference.")
@click.argument("a", metavar="A", type=click.Path(path_type=Path))
@click.argument("b", metavar="B", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(FORMATS), default=FORMATS[0], show_default=True)
@click.option("--allow-different", multiple=True, metavar="FACT", help="A fact that was changed on purpose.")
@click.option("--home", default=None, hidden=True, help="Address of the dashboard that shows the page.")
@json_option
def compare(a: Path, b: Path, form: str, allow_different: tuple[str, ...], home: str | None, as_json: bool) -> int:
    """Compare the run directories A and B, from their samples alone: B - A by strategy and figure, with intervals.

    Refuses (exit 3) where machine, software or traffic differ in what moves figures, and names each such fact;
    docs/compare.md lists them; Markdown and HTML say so too. To decide about a change of code, run `rig gate`: both
    versions side by side.

    \b
    Examples:
      rig compare runs/20261123T140200Z-hot-key-1a2b3c runs/20261124T090100Z-hot-key-4d5e6f
      rig compare A B --format markdown >> "$GITHUB_STEP_SUMMARY"
      rig compare A B --format html > compare.html
      rig compare A B --allow-different django
    """
    from rig.analysis.comparable import NAMES
    from rig.analysis.compare import compare as compared
    from rig.report.comparison import as_json as json_of
    from rig.report.comparison import refusal

    if unknown := [name for name in allow_different if name not in NAMES]:
        raise UsageError(f"--allow-different {unknown[0]}: no such fact; there are {', '.join(NAMES)}")
    found = compared(_side(a), _side(b), allow_different)
    if as_json:
        print_json(json_of(found))
    elif form != FORMATS[0] or not found.refused:
        click.echo(_shown(found, form, home), nl=False)
    if found.refused:
        click.echo(f"rig: {refusal(found)}", err=True)
        return ExitCode.INVALID
    return ExitCode.OK


def _side(path: Path) -> Side:
    from rig.analysis.compare import side_of
    from rig.analysis.summary import summarise
    from rig.journal import open_run

    run = open_run(path)
    if not run.trials:
        raise InfrastructureError(f"{path}: no trial was sealed, so there is nothing to compare; run it again")
    try:
        # Anew from the samples: a summary made by another version of rig may follow other rules.
        return side_of(run, summarise(run))
    except (OSError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise InfrastructureError(
            f"{path}: its samples cannot be analysed ({type(error).__name__}: {error}); the run cannot be compared"
        ) from error


def _shown(found: Comparison, form: str, home: str | None) -> str:
    from rig.report.comparison_html import render
    from rig.report.comparison_text import as_markdown, as_text

    return render(found, home) if form == "html" else {"terminal": as_text, "markdown": as_markdown}[form](found)
