"""``rig profiles``: the load profiles."""

from __future__ import annotations

import click

from rig.cli.options import json_option, print_json


@click.command(short_help="List the load profiles.")
@json_option
def profiles(as_json: bool) -> None:
    """List the load profiles in locustfiles/."""
    from rig.plan.profile import FOLDER, load_profile

    found = [load_profile(path.stem.replace("_", "-")) for path in sorted(FOLDER.glob("[a-z]*.py"))]
    if as_json:
        rows = [
            {"name": p.name, "summary": p.summary, "reads": dict(p.reads), "dependents": p.dependents} for p in found
        ]
        print_json({"profiles": rows})
        return
    for profile in found:
        click.echo(f"{profile.name:<18}{profile.summary}")
    click.echo("\nNext: rig run --profile NAME")
