"""``rig runs``: the run directories there are."""

from __future__ import annotations

from pathlib import Path

import click

from rig.cli.options import RUNS, json_option, print_json


@click.command(short_help="List the runs there are.")
@click.option("--out", type=click.Path(path_type=Path), default=RUNS, show_default=True, help="Where runs are kept.")
@json_option
def runs(out: Path, as_json: bool) -> None:
    """List run directories, newest first; a damaged one is listed as such."""
    from rig.journal import open_run
    from rig.model import RigError

    rows = []
    for path in sorted(out.iterdir(), reverse=True) if out.is_dir() else []:
        if not path.is_dir():
            continue
        try:
            run = open_run(path)
            facts = {"status": str(run.status), "profile": run.manifest.get("profile"), "trials": len(run.trials)}
        except (RigError, OSError, ValueError, KeyError) as error:
            facts = {"status": "damaged", "profile": None, "trials": None, "error": str(error)}
        rows.append({"run_dir": str(path), **facts})
    if as_json:
        print_json({"runs": rows})
        return
    if not rows:
        click.echo(f"no runs in {out}; start one with: rig run")
        return
    for row in rows:
        trials = "" if row["trials"] is None else f"{row['trials']} trials"
        click.echo(f"{row['status']:<12}{trials:<11}{row['run_dir']}")
    readable = [row["run_dir"] for row in rows if row["status"] != "damaged"]
    where = "" if out == RUNS else f" {out}"
    click.echo(f"\nNext: {f'rig report {readable[0]}, or ' if readable else ''}all in a browser: rig dashboard{where}")
