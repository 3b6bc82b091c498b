"""``rig strategies``: what there is behind the flag."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import click

from rig.cli.options import json_option, print_json
from rig.model import UsageError

_WIDTH = 80
_NAME = 34
Row = Mapping[str, Any]


@click.group(invoke_without_command=True, short_help="List the strategies, or show one with its code.")
@json_option
@click.pass_context
def strategies(context: click.Context, as_json: bool) -> None:
    """List the cache-invalidation strategies: what they cost in round trips and how stale they may get.

    \b
    Examples:
      rig strategies
      rig strategies show versioned-keys
      rig run --strategies versioned-keys,delete-many
    """
    if context.invoked_subcommand:
        return
    from rig.cli.catalogue import strategy_catalogue

    rows = [{k: v for k, v in row.items() if k not in ("code", "pitfalls")} for row in strategy_catalogue()]
    if as_json:
        print_json({"strategies": rows})
        return
    for line in _listed(rows):
        click.echo(line)
    click.echo("\nhit, miss, write: round trips to the cache server; K: entries one write touches")
    click.echo("stale up to: declared by the strategy; Δ: the longest recompute seen")
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
    click.echo(f"{row['name']}: {row['summary']}")
    click.echo(f"{row['family']}; source: {row['source']}")
    for line in _declared(row):
        click.echo(line)
    click.echo(f"\nPitfalls\n\n{row['pitfalls'] or 'none noted'}\n\nCode\n")
    click.echo(row["code"].rstrip())


def _listed(rows: Sequence[Row]) -> Iterator[str]:
    """A heading for each family; known-bad controls last, under a heading of their own."""
    yield f"{'':<{_NAME}}{'hit':>4}{'miss':>5}{'write':>7}{'TTL':>8}  stale up to"
    sound, bad = ([row for row in rows if bool(row["known_bad"]) is wrong] for wrong in (False, True))
    # Families in the order in which each is first met; sorted() keeps the order within one.
    met = list(dict.fromkeys(row["family"] for row in sound))
    for family, members in groupby(sorted(sound, key=lambda row: met.index(row["family"])), itemgetter("family")):
        yield from _family(family, list(members))
    if bad:
        yield from _family("known bad: controls that exist to be caught, never to be chosen", bad)


def _family(title: str, rows: Sequence[Row]) -> Iterator[str]:
    yield f"\n{title}"
    for row in rows:
        name = f"  {row['name']}" + ("" if row["available"] else " *")
        figures = f"{row['read_hit']:>4}{row['read_miss']:>5}{row['write']:>7}{_duration(row['ttl_s']):>8}"
        yield f"{name:<{_NAME}}{figures}  {_bound(row)}"
        yield from _wrapped(row["known_bad"] or row["summary"])
        yield from _wrapped(f"source: {row['source']}")
        if not row["available"]:
            yield from _wrapped(f"* not available here, for {row['unavailable']}")


def _declared(row: Row) -> Iterator[str]:
    """What it declares, for those who decide whether to take it home."""
    if row["known_bad"]:
        yield f"KNOWN BAD, a control that exists to be caught: {row['known_bad']}"
    at_once = row["recomputes_at_once"]
    yield f"round trips: hit {row['read_hit']}, miss {row['read_miss']}, write {row['write']}"
    yield f"TTL {_duration(row['ttl_s'])}, stale up to {_bound(row)}"
    yield f"fresh after a reader paused across a write: {_yes(row['fresh_after_race'])}"
    yield f"survives a crash between commit and invalidation: {_yes(row['survives_crash'])}"
    yield f"recomputes of one entry at once: {'as many as miss' if at_once is None else f'at most {at_once}'}"
    if row["own_process"]:
        yield "needs a process of its own: it patches what others use"
    if not row["available"]:
        yield f"not available here, for {row['unavailable']}"


def _bound(row: Row) -> str:
    """``TTL + Δ``, ``1 s``, ``TTL + 2 s + 2Δ``: the declared staleness, the TTL named where it is part of it."""
    known_s, ttl_s, times = row["max_staleness_s"], row["ttl_s"], row["max_staleness_recomputes"]
    parts = []
    if 0 < ttl_s <= known_s:
        parts, known_s = ["TTL"], known_s - ttl_s
    parts += [_duration(known_s)] if known_s or not (parts or times) else []
    parts += ["Δ" if times == 1 else f"{times:g}Δ"] if times else []
    return " + ".join(parts)


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "none"
    return f"{seconds / 3600:g} h" if seconds >= 3600 and seconds % 3600 == 0 else f"{seconds:g} s"


def _yes(declared: bool) -> str:
    return "yes" if declared else "no"


def _wrapped(text: str) -> Iterator[str]:
    yield from textwrap.wrap(text, _WIDTH, initial_indent=" " * 4, subsequent_indent=" " * 6, break_on_hyphens=False)
