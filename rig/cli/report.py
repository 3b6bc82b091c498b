"""``rig report RUN``: look at what was measured."""

from __future__ import annotations

from pathlib import Path

import click

from rig.cli.options import json_option, print_json
from rig.model import InfrastructureError


@click.command(short_help="Print a run's table and write its HTML report.")
@click.argument("path", metavar="RUN", type=click.Path(path_type=Path))
@json_option
def report(path: Path, as_json: bool) -> None:
    """Analyse the run directory RUN again, from its samples alone; write summary.json and report.html into it.

    \b
    Examples:
      rig report runs/20261123T140200Z-hot-key-1a2b3c
      rig report runs/20261123T140200Z-hot-key-1a2b3c --json
    """
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
