"""A gate in a terminal, 80 columns wide: verdict, why, one table, what was not compared, what to do next."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from rich.text import Text

from rig.report.gate_view import Outcome, Row, View, view
from rig.report.gate_words import HEADS, LEGEND

WIDTH = 80
STYLES = {"pass": "green", "fail": "red", "inconclusive": "yellow", "invalid": "bold red", "not_applicable": "dim"}

# Widths of the columns but the first; the last is the widest verdict, "? inconclusive".
_WIDTHS = (8, 17, 8, 8, 14)
_NAME = WIDTH - sum(_WIDTHS) - len(_WIDTHS)


def as_text(outcome: Outcome) -> str:
    """Plain text; only a command or a path may be longer than 80 columns, to be copied whole."""
    return render(outcome).plain + "\n"


def render(outcome: Outcome) -> Text:
    """The same with colours; print it with ``crop=False, soft_wrap=True``."""
    return Text("\n").join(Text.assemble(*line) for line in _lines(view(outcome)))


_Line = Sequence[Any]


def _lines(shown: View) -> Iterator[_Line]:
    yield [("rig gate  ", "bold"), (shown.label, STYLES[shown.verdict])]
    yield from _wrapped(shown.said, style="bold")
    yield []
    yield from _labelled("baseline", shown.baseline)
    yield from _labelled("candidate", shown.candidate)
    yield from _labelled("measured", shown.effort)
    yield from _listed("Why", shown.reasons)
    yield []
    yield from _table(shown.rows)
    yield from _wrapped(LEGEND, style="dim")
    yield from _listed("Not compared", [row.why for row in shown.unsupplied])
    yield from _listed("Stampedes, baseline against candidate", shown.herd_lines)
    yield from _listed("Checks", [f"{sign} {name}: {detail}" for sign, name, detail in shown.checks if sign != "✓"])
    yield from _listed("Left open", shown.left_open)
    yield []
    if shown.report:
        yield [("report  ", "dim"), (shown.report, "cyan")]
    yield from _wrapped(shown.next_step, head="next    ")
    if shown.command:
        yield ["        ", shown.command]


def _table(rows: Sequence[Row]) -> Iterator[_Line]:
    yield [(_cells([HEADS[0]], *HEADS[1:]), "dim")]
    yield [("─" * WIDTH, "dim")]
    for row in rows:
        name = textwrap.wrap(row.name, _NAME, break_on_hyphens=False)
        cells = _cells(name, row.value, row.interval, row.margin, row.detects)
        yield [cells, " ", (row.label, STYLES[row.verdict])]
        yield from ([line] for line in name[1:])


def _cells(name: Sequence[str], *cells: str) -> str:
    padded = [f"{cell:>{width}}" for cell, width in zip(cells[:4], _WIDTHS[:4], strict=True)]
    return _plain(" ".join([f"{name[0]:<{_NAME}}", *padded, *cells[4:]]))


def _listed(title: str, lines: Sequence[str]) -> Iterator[_Line]:
    if not lines:
        return
    yield []
    yield [(title, "bold")]
    for line in lines:
        yield from _wrapped(line, head="  • ")


def _labelled(label: str, text: str) -> Iterator[_Line]:
    yield from _wrapped(text, head=f"{label:<11}")


def _wrapped(text: str, head: str = "", style: str = "") -> Iterator[_Line]:
    """Broken also inside a long page name, but nowhere between a figure and its unit."""
    lines = textwrap.wrap(text, WIDTH, initial_indent=head, subsequent_indent=" " * len(head), break_on_hyphens=False)
    yield from ([(_plain(line), style)] for line in lines)


def _plain(text: str) -> str:
    return text.replace("\u00a0", " ")
