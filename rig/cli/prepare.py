"""``rig prepare``: make the shop's data ahead of the first run."""

from __future__ import annotations

import click


@click.command(short_help="Make the shop's database and pictures (done by itself when needed).")
def prepare() -> None:
    """Make the sample shop's database and pictures, unless they are there."""
    from rig.measure.services.app_server import DATA, prepare_data

    prepare_data(lambda line: click.echo(line, err=True))
    click.echo(f"shop data ready in {DATA}")
