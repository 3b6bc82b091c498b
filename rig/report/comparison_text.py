"""A comparison of two runs as text for a terminal, and as Markdown."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from rig.analysis.compare import Comparison
from rig.analysis.comparison_finding import remedy, sentences, warnings
from rig.analysis.differences import LEVEL, FigureComparison, Shown
from rig.report.comparison import (
    HEADS,
    SIGNS,
    grades_text,
    interval_text,
    refused_rows,
    rounds_text,
    side_text,
    value_text,
)
from rig.report.markdown import escaped
from rig.words import NOT_MEASURED

WIDTH = 80
_TITLE = 34


def as_text(comparison: Comparison) -> str:
    """For a terminal, 80 columns wide; plain text."""
    return "\n".join(line.rstrip() for line in _text(comparison)) + "\n"


def _text(comparison: Comparison) -> Iterator[str]:
    yield f"rig compare   A  {side_text(comparison.a)}"
    yield f"              B  {side_text(comparison.b)}"
    for sentence in sentences(comparison):
        yield ""
        yield from _wrapped(sentence)
    for found in comparison.strategies:
        yield ""
        yield from _wrapped(f"{found.name}   {rounds_text(found)}; {grades_text(found)}")
        yield f"{'':{_TITLE}}{'A':>11}{'B':>11}  B − A, {LEVEL:.0%} interval"
        for (shown, why), figures in _groups(found.figures).items():
            yield from _group(shown, why, figures)
    if told := warnings(comparison):
        yield ""
        yield "Warnings"
        for one in told:
            yield from _wrapped(one, "  • ")


def _groups(figures: Sequence[FigureComparison]) -> dict[tuple[Shown, str | None], list[FigureComparison]]:
    """What is shown first, and beneath one head all that have the same to say."""
    groups: dict[tuple[Shown, str | None], list[FigureComparison]] = {}
    for shown in Shown:
        for one in figures:
            if one.shown is shown:
                groups.setdefault((shown, one.why), []).append(one)
    return groups


def _group(shown: Shown, why: str | None, figures: Sequence[FigureComparison]) -> Iterator[str]:
    yield from _wrapped(f"{SIGNS[shown]} {HEADS[shown]}" + (f": {why}" if why else ""), "  ")
    for one in figures:
        a, b = (value_text(one, value) for value in (one.a, one.b))
        if shown is Shown.NOT_MEASURED:
            a, b = ("–" if value == NOT_MEASURED else value for value in (a, b))
        line = f"    {one.metric.title:<{_TITLE - 4}}{a:>11}{b:>11}  {interval_text(one)}"
        yield line.replace("\u00a0", " ")


def _wrapped(text: str, head: str = "") -> list[str]:
    lines = textwrap.wrap(text, WIDTH, initial_indent=head, subsequent_indent=" " * len(head), break_on_hyphens=False)
    return [line.replace("\u00a0", " ") for line in lines]


def as_markdown(comparison: Comparison) -> str:
    """For a merge request or a wiki; text from the runs cannot become markup."""
    return "\n".join(_markdown(comparison)) + "\n"


def _markdown(comparison: Comparison) -> Iterator[str]:
    yield "# Two runs compared"
    yield ""
    yield f"- A: {escaped(side_text(comparison.a))}"
    yield f"- B: {escaped(side_text(comparison.b))}"
    for sentence in sentences(comparison):
        yield ""
        yield escaped(sentence)
    for found in comparison.strategies:
        yield ""
        yield f"## {escaped(found.name)}"
        yield ""
        yield escaped(f"{rounds_text(found)}; {grades_text(found)}")
        yield ""
        yield f"| figure | A | B | B − A, {LEVEL:.0%} interval | |"
        yield "|---|--:|--:|--:|---|"
        for one in found.figures:
            said = f"{SIGNS[one.shown]} {one.shown}" + (f" ({one.why})" if one.why else "")
            cells = [one.metric.title, value_text(one, one.a), value_text(one, one.b), interval_text(one), said]
            yield f"| {' | '.join(map(escaped, cells))} |"
    if comparison.refused:
        yield ""
        yield "| fact | A | B |"
        yield "|---|---|---|"
        for row in refused_rows(comparison):
            yield f"| {' | '.join(map(escaped, row))} |"
        yield ""
        yield escaped(f"To compare, {remedy(comparison)}")
    if told := warnings(comparison):
        yield ""
        yield "## Warnings"
        yield ""
        yield from (f"- {escaped(one)}" for one in told)
