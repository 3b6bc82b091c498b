"""``rig prepare``: make the shop's data ahead of the first run."""

from __future__ import annotations

import click

from rig.cli.options import json_option, print_json


@click.command(short_help="Make the shop's database and pictures (done by itself when needed).")
@json_option
def prepare(as_json: bool) -> None:
    """Make the sample shop's database and pictures, unless they are there."""
    from rig.measure.services.app_server import DATA, prepare_data

    prepare_data(lambda line: click.echo(line, err=True))
    if as_json:
        print_json({"shop_data": str(DATA)})
    else:
        click.echo(f"shop data ready in {DATA}")
