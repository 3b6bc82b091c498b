"""``rig report RUN``: look at what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from rig.cli.gate_outputs import Outputs, output_options, read_outcome
from rig.cli.options import json_option, print_json
from rig.model import InfrastructureError, UsageError


@click.command(short_help="Print a run's table and write its HTML report.")
@click.argument("path", metavar="RUN", type=click.Path(path_type=Path))
@output_options
@json_option
def report(path: Path, outputs: Outputs, as_json: bool) -> None:
    """Analyse the run directory RUN again, from its samples alone; write summary.json and report.html into it.

    Of a gate's run all outputs are made again, from its gate.json alone.

    \b
    Examples:
      rig report runs/20261123T140200Z-hot-key-1a2b3c
      rig report runs/20261123T140200Z-hot-key-1a2b3c --json
      rig report runs/20261130T013000Z-gate-4d5e6f --junit gate.xml
    """
    if (outcome := read_outcome(path)) is not None:
        _gate(path, outcome, outputs, as_json)
        return
    if outputs.named:
        option = f"--{next(iter(outputs.named))}"
        raise UsageError(f"{option}: {path} is not a gate's run directory, so it has no verdict; leave it out")
    from rig.analysis.audits import read_audits
    from rig.cli.finish import finish, show
    from rig.cli.lighthouse import show_audits
    from rig.journal import open_run

    run = open_run(path)
    if not run.trials and (audits := read_audits(path)):
        show_audits(path, audits, as_json)
        return
    if not run.trials:
        raise InfrastructureError(f"{path}: no trial was sealed, so there is nothing to report; run it again")
    summary = finish(path)
    if as_json:
        print_json({**summary, "run_dir": str(path)})
    else:
        show(path, summary)


def _gate(path: Path, outcome: dict[str, Any], outputs: Outputs, as_json: bool) -> None:
    """What was told to GitHub when it was measured is not told again."""
    from rig.cli.gate_outputs import print_outcome, write_files

    write_files(outcome, path, outputs)
    print_json(outcome) if as_json else print_outcome(outputs.told(outcome))
