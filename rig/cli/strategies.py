"""``rig strategies``: what there is behind the flag."""

from __future__ import annotations

import textwrap

import click

from rig.cli.options import json_option, print_json
from rig.model import UsageError


@click.group(invoke_without_command=True, short_help="List the strategies, or show one with its code.")
@json_option
@click.pass_context
def strategies(context: click.Context, as_json: bool) -> None:
    """List the cache-invalidation strategies: what they cost in round trips and how stale they may get.

    \b
    Examples:
      rig strategies
      rig strategies show versioned-keys
    """
    if context.invoked_subcommand:
        return
    from rig.cli.catalogue import strategy_catalogue

    rows = [{k: v for k, v in row.items() if k not in ("code", "pitfalls")} for row in strategy_catalogue()]
    if as_json:
        print_json({"strategies": rows})
        return
    click.echo(f"{'strategy':<17}{'hit':>4}{'miss':>5}{'write':>6}  declared staleness")
    for row in rows:
        by_ttl = row["max_staleness_s"] == row["ttl_s"]
        bound = ("TTL " if by_ttl else "") + f"{row['max_staleness_s']:g} s"
        bound += " + Δ" if row["max_staleness_recomputes"] else ""
        click.echo(f"{row['name']:<17}{row['read_hit']:>4}{row['read_miss']:>5}{row['write']:>6}  {bound}")
        click.echo(textwrap.fill(row["summary"], 80, initial_indent=" " * 4, subsequent_indent=" " * 4))
    click.echo("\nhit, miss, write: round trips to the cache server; K: entries one write touches")
    click.echo("Next: rig strategies show NAME")


@strategies.command(short_help="One strategy's pitfalls and code.")
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> None:
    """Print NAME's code to take home, with its pitfalls."""
    from rig.cli.catalogue import strategy_catalogue

    rows = {row["name"]: row for row in strategy_catalogue()}
    if name not in rows:
        raise UsageError(f"strategy {name!r}: unknown; there are {', '.join(rows)}")
    row = rows[name]
    if as_json:
        print_json(row)
        return
    click.echo(f"{row['name']}: {row['summary']}\n{row['family']}; source: {row['source']}\n")
    click.echo(row["code"])
