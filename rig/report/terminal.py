"""The answer in a terminal: sentence, conditions, one table, warnings, where the report is, what to do next."""

from __future__ import annotations

import io
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from rig.analysis.finding import control_note
from rig.analysis.rules import section
from rig.report import disturbances
from rig.report.claims import counted
from rig.words import NOT_MEASURED, count, figure, is_number, milliseconds, plural, seconds

WIDTH = 80
MOST_WARNINGS = 8

# A sign and a word beside the colour: colour alone says nothing to many people.
VERDICTS = {"good": ("✓ good", "green"), "ok": ("● ok", "yellow"), "bad": ("✗ bad", "red")}
UNGRADED = ("? not graded", "dim")

Arm = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of the table: two lines of heading, and the cell of an arm."""

    heading: str
    cell: Callable[[Arm], str]
    width: int


def render(summary: Mapping[str, Any], manifest: Mapping[str, Any], report_path: Path | str) -> RenderableType:
    """The whole answer for one run, laid out for 80 columns whatever the terminal's width.

    Print it with ``crop=False``: a path longer than the terminal is wide must stay whole, to be copied.
    """
    return Group(*_blocks(summary, manifest, str(report_path)))


def as_text(summary: Mapping[str, Any], manifest: Mapping[str, Any], report_path: Path | str) -> str:
    """The same as plain text without colours; no line but one holding a longer path exceeds 80 columns."""
    console = Console(file=io.StringIO(), width=WIDTH, no_color=True, highlight=False, emoji=False)
    with console.capture() as captured:
        console.print(render(summary, manifest, report_path), crop=False)
    return "\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n"


def _blocks(summary: Mapping[str, Any], manifest: Mapping[str, Any], report_path: str) -> Iterator[RenderableType]:
    yield _headline(summary, manifest)
    yield Text()
    first, *others = summary["finding"]["sentences"] or ["Nothing was measured."]
    yield _paragraph(first, style="bold")
    yield from map(_paragraph, others)
    yield Text()
    yield _paragraph(f"Does this apply to you?  {_conditions(summary['conditions'])}")
    yield Text()
    yield _table(summary["arms"])
    if told := counted(summary.get("claims") or []):
        yield Text()
        yield _paragraph(f"{told[0].upper()}{told[1:]}; each with its figure in the report")
    yield from _disturbances(summary["arms"])
    yield from _warnings(summary["warnings"])
    yield Text()
    yield Text.assemble(("report  ", "dim"), (report_path, "cyan"), no_wrap=True, overflow="ignore")
    command = _next_command(summary, manifest)
    yield Text.assemble(("next    ", "dim"), command, no_wrap=True, overflow="ignore")


def _headline(summary: Mapping[str, Any], manifest: Mapping[str, Any]) -> Text:
    rounds = section(summary["conditions"], "rounds")
    parts = [str(manifest.get("profile") or "run"), plural(len(summary["arms"]), "strategy", "strategies")]
    if rounds:
        parts.append(plural(rounds, "round"))
    state = ("valid ✓", "green") if summary["valid"] else ("not valid ✗", "bold red")
    return Text.assemble(("rig  ", "bold"), " · ".join(parts), "   ", state)


def _conditions(conditions: Mapping[str, Any]) -> str:
    """What must be alike for the answer to hold elsewhere."""
    known = conditions.get
    herd = f" ({milliseconds(known('recompute_herd_ms'))} in the herd)" if known("recompute_herd_ms") else ""
    safety = f" (safety {seconds(known('safety_ttl_s'))})" if known("safety_ttl_s") else ""
    parts = [
        f"reads {figure(known('hot_rate_rps'), '/s')} on {known('hot_path') or 'the hot page'}",
        f"recompute {milliseconds(known('recompute_alone_ms'))}{herd}",
        f"writes {figure(known('writes_per_s_hot'), '/s')}",
        f"TTL {seconds(known('ttl_s'))}{safety}",
        f"{count(known('dependents'))} dependents",
        f"{count(known('threads'))} threads",
        f"cache {milliseconds(known('cache_round_trip_ms'))} a round trip",
        str(known("database") or "database not known"),
        f"λΔ {figure(known('lambda_delta'))}",
        f"w·TTL {figure(known('w_ttl'))}",
        f"w·Δ {figure(known('w_delta'))}",
        f"λΔ/threads {figure(known('lambda_delta_per_thread'))}",
    ]
    return "\u00a0· ".join(part.replace(" ", "\u00a0") for part in parts)


def _lcp(arm: Arm) -> str:
    calm = section(arm, "pages", "outside_stampede", "lcp_ms", "p50")
    inside = section(arm, "pages", "inside_stampede", "lcp_ms", "p50")
    if calm is None and inside is None:
        return NOT_MEASURED
    if inside is None and section(arm, "origin", "stampedes") == 0:
        return f"{figure(calm)} → none"
    return f"{figure(calm)} → {figure(inside)}"


def _grade(arm: Arm) -> str:
    return VERDICTS.get(str(section(arm, "verdict", "grade")), UNGRADED)[0]


def _number(*keys: str, scale: float = 1.0) -> Callable[[Arm], str]:
    def cell(arm: Arm) -> str:
        value = section(arm, *keys)
        return figure(value * scale) if is_number(value) else NOT_MEASURED

    return cell


def _oldest(arm: Arm) -> str:
    value = section(arm, "staleness", "age_max_s")
    # What is finer than a millisecond would fill the column with zeros.
    return "< 0.001" if is_number(value) and 0 < value < 0.001 else figure(value)


# Eight is the width of "measured" in "not measured".
COLUMNS = (
    Column(heading="LCP calm →\nstampede, ms", cell=_lcp, width=12),
    Column(heading="slow\nvisits %", cell=_number("pages", "slow_share", scale=100), width=8),
    Column(heading="p95\nms", cell=_number("requests", "response_ms", "p95"), width=8),
    Column(heading="oldest\ns", cell=_oldest, width=8),
    Column(heading="origin\nCPU %", cell=_number("origin", "cpu_share", scale=100), width=8),
    Column(heading="\nverdict", cell=_grade, width=8),
)
_LABEL_WIDTH = WIDTH - sum(column.width + 1 for column in COLUMNS)


def _table(arms: Mapping[str, Arm]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=0, pad_edge=False, show_edge=False)
    table.add_column("\nstrategy", width=_LABEL_WIDTH)
    for column in COLUMNS:
        justify: Literal["left", "right"] = "left" if column.cell is _grade else "right"
        table.add_column(Text(column.heading), justify=justify, width=column.width)
    for label, arm in arms.items():
        style = VERDICTS.get(str(section(arm, "verdict", "grade")), UNGRADED)[1]
        cells = [Text(column.cell(arm), style=style if column.cell is _grade else "") for column in COLUMNS]
        # Broken at its hyphens, where a long name reads best.
        name = f"{label} ({note})" if (note := control_note(arm)) else label
        table.add_row(Text("\n".join(textwrap.wrap(name, _LABEL_WIDTH))), *cells)
    return table


def _disturbances(arms: Mapping[str, Arm]) -> Iterator[RenderableType]:
    for block in disturbances.blocks(arms):
        yield Text()
        yield _paragraph(block.title, style="bold")
        for label, effect in block.effects:
            yield _paragraph(f"{label}: {effect}", head="  ")


def _warnings(warnings: Sequence[str]) -> Iterator[RenderableType]:
    if not warnings:
        return
    yield Text()
    yield Text("Warnings", style="yellow")
    for warning in warnings[:MOST_WARNINGS]:
        yield _paragraph(warning, head="  • ")
    if len(warnings) > MOST_WARNINGS:
        yield _paragraph(f"and {len(warnings) - MOST_WARNINGS} more, see the report", head="  • ")


def _paragraph(body: str, head: str = "", style: str = "") -> Text:
    """Wrapped here: Rich breaks lines at no-break spaces too, and would part figures from their units."""
    lines = textwrap.wrap(body, WIDTH, initial_indent=head, subsequent_indent=" " * len(head), break_on_hyphens=False)
    return Text("\n".join(lines).replace("\u00a0", " "), style=style, no_wrap=True, overflow="ignore")


def _next_command(summary: Mapping[str, Any], manifest: Mapping[str, Any]) -> str:
    """After a doubt more of the same; after an answer what the chosen strategy does."""
    choice = summary["finding"].get("choice")
    if not summary["valid"]:
        return "rig selftest"
    if choice:
        return f"rig strategies show {summary['arms'][choice].get('strategy') or choice}"
    rounds = f"--rounds {2 * (section(summary['conditions'], 'rounds') or 1)}"
    again = str(manifest.get("reproduce") or "rig run")
    return re.sub(r"--rounds[ =]\d+", rounds, again) if "--rounds" in again else f"{again} {rounds}"
