"""Lab LCP at rest (Lighthouse) beside LCP under load (the run's own visits): in words, for report and terminal."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table as Grid

from rig.analysis.audits import read_audits
from rig.journal import Run
from rig.report.chart_data import Picture, sound_visits
from rig.report.tables import Table, dig
from rig.words import NOT_MEASURED, count, figure, interval, is_number, listed, milliseconds, plural, significant

Json = Mapping[str, Any]

WIDTH = 80
FEW = 3
"""Fewer visits than this make no headline."""
_REPORT = re.compile(r"lighthouse/(at-rest|under-load)/[\w.-]+\.html")
"""How `rig lighthouse` names those of Lighthouse; nothing else is linked to."""
_CACHE = {"cold": "cold cache", "warm": "warm cache", "as-found": "cache as found"}
_FIGURES = {
    "observed_lcp_ms": "LCP as painted", "lcp_ms": "LCP simulated", "ttfb_ms": "TTFB simulated",
    "server_response_ms": "server response", "speed_index_ms": "Speed Index", "tbt_ms": "TBT",
}  # fmt: skip
_SIDES = {False: "under load, calm", True: "under load, in a stampede"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """One LCP of one strategy: who measured it and when, the median in ms, what is known of its spread, of how many."""

    what: str
    lcp_ms: float | None
    spread: str
    count: int


def section(run: Run, found: Sequence[Picture], labels: Sequence[str]) -> dict[str, Any] | None:
    """What the report says of the audits; None where ``rig lighthouse`` has left nothing in the run."""
    audits = read_audits(run.path)
    if audits is None:
        return None
    named = [one for one in audits["strategies"] if one["name"] in labels]
    rows = {one["name"]: beside(one, found, audits["path"]) for one in named}
    longest = max((one.lcp_ms for bars in rows.values() for one in bars if one.lcp_ms), default=0.0)
    return {
        "title": _title(rows),
        "about": _about(audits),
        "notes": _notes(run, audits, named),
        "bars": [
            (label, [(one, (one.lcp_ms or 0.0) / longest if longest else 0.0, _text(one)) for one in bars])
            for label, bars in rows.items()
        ],
        "table": figures_table(named),
        "reports": [
            (one["name"], f"{_CACHE[state['cache']]}{_load_words(state)}", state["report"])
            for one in named
            for state in one["states"]
            if _REPORT.fullmatch(state["report"] or "")
        ],
    }


def beside(strategy: Json, found: Sequence[Picture], path: str) -> list[Beside]:
    """Lighthouse's LCP as painted in each state, then that of the run's visits to the same page."""
    lab = [
        Beside(
            what=f"{'at rest' if state['load_rps'] is None else 'Lighthouse' + _load_words(state)},"
            f" {_CACHE[state['cache']]}",
            lcp_ms=dig(state, "figures", "observed_lcp_ms", "median"),
            spread=_spread(dig(state, "figures", "observed_lcp_ms")),
            count=dig(state, "figures", "observed_lcp_ms", "count") or 0,
        )
        for state in strategy["states"]
    ]
    visits = [visit for visit in sound_visits(found, strategy["name"]) if visit.path == path]
    loaded = []
    for inside, what in _SIDES.items():
        lcp_ms = [visit.lcp_ms for visit in visits if visit.lcp_ms and (visit.stampede is not None) == inside]
        many = f"{plural(len(lcp_ms), 'visit')}" if visits else ""
        loaded.append(Beside(what=what, lcp_ms=median(lcp_ms) if lcp_ms else None, spread=many, count=len(lcp_ms)))
    return lab + loaded


def _text(one: Beside) -> str:
    if one.lcp_ms is None:
        return "no visit" if one.spread else NOT_MEASURED
    return f"{milliseconds(one.lcp_ms)} ({one.spread})" if one.spread else milliseconds(one.lcp_ms)


def _spread(value: Json | None) -> str:
    low, high = dig(value, "min"), dig(value, "max")
    return interval(low, high) if is_number(low) and low != high else ""


def _load_words(state: Json) -> str:
    return "" if state["load_rps"] is None else f" beside {significant(state['load_rps'])} requests/s"


def _title(rows: Mapping[str, Sequence[Beside]]) -> str:
    """The strategy that load changes most, against its own warm page at rest."""
    apart = [
        (worst.lcp_ms / rest.lcp_ms, label, rest, worst)
        for label, bars in rows.items()
        for rest in bars
        for worst in bars
        if rest.what == "at rest, warm cache" and worst.what.startswith("under load")
        if rest.lcp_ms and worst.lcp_ms and worst.count >= FEW
    ]
    if not apart:
        return "LCP at rest, by Lighthouse"
    _, label, rest, worst = max(apart, key=lambda one: one[0])
    when = worst.what.removeprefix("under load, ")
    return (
        f"At rest {label} shows its page after {milliseconds(rest.lcp_ms)}; under load, {when},"
        f" after {milliseconds(worst.lcp_ms)}"
    )


def _about(audits: Json) -> str:
    return (
        f"Median LCP of {audits['path']} as painted, unthrottled. At rest: Lighthouse {audits['lighthouse_version']}"
        f" ({audits['preset']}) with nobody else on the page. Under load: this run's own visits to the same page."
        " Lighthouse records a trace meanwhile, which slows a page down, and its window is of another size: compare"
        " strategies and states, not the two tools to the millisecond."
    )


def _notes(run: Run, audits: Json, named: Sequence[Json]) -> list[str]:
    notes = []
    others = [one["name"] or "the page without a strategy" for one in audits["strategies"] if one not in named]
    if others:
        notes.append(f"Audited, but not part of this run: {listed(others)}.")
    there, here = run.manifest.get("environment") or {}, audits.get("environment") or {}
    differ = [key for key in ("cpu", "cpus", "system", "commit") if there.get(key) != here.get(key)]
    verb = "differs" if len(differ) == 1 else "differ"
    if differ:
        notes.append(f"The audits were made elsewhere or later: {listed(differ)} {verb} from the run's.")
    notes += [
        f"{one['name']}, {_CACHE[state['cache']]}: {state['audited']} of {state['runs']} audits were made."
        for one in named
        for state in one["states"]
        if state["audited"] < state["runs"]
    ]
    return notes


def figures_table(strategies: Sequence[Json]) -> Table:
    """Medians of all that Lighthouse says."""
    rows = [
        [
            one["name"],
            f"{state['cache']}{_load_words(state)}",
            count(state["audited"]),
            *(milliseconds(dig(state, "figures", name, "median")) for name in _FIGURES),
            figure(dig(state, "figures", "cls", "median")),
            figure(dig(state, "figures", "performance_score", "median")),
        ]
        for one in strategies
        for state in one["states"]
    ]
    return Table(
        caption="Lighthouse: medians. Simulated: for the preset's network and processor, computed, not waited for",
        columns=["strategy", "cache", "audits", *_FIGURES.values(), "CLS", "score (0 to 1)"],
        rows=rows,
        text_columns=frozenset({1}),
    )


def as_text(audits: Json, found: Sequence[Picture]) -> str:
    """The answer in a terminal, 80 columns wide."""
    console = Console(file=io.StringIO(), width=WIDTH, no_color=True, highlight=False, emoji=False, markup=False)
    grid = Grid(box=box.SIMPLE_HEAD, padding=0, show_edge=False, pad_edge=False)
    headings = ["strategy", "cache", "LCP painted", "simulated", "server", "score"]
    for position, heading in enumerate(headings):
        grid.add_column(heading, justify="left" if position < 2 else "right", no_wrap=True)
    loads = set()
    for one in audits["strategies"]:
        for state in one["states"]:
            loads |= {state["load_rps"]} - {None}
            grid.add_row(one["name"] or "none", state["cache"] + (" *" if state["load_rps"] else ""), *_cells(state))
    with console.capture() as captured:
        console.print(f"Lighthouse {audits['lighthouse_version']}, {audits['preset']}, {audits['path']}: medians, ms\n")
        console.print(grid)
        if loads:
            rates = listed([significant(load) for load in sorted(loads)])
            console.print(f"\n* beside {rates} requests/s to the page")
        for line in _loaded(audits, found):
            console.print(line)
    return "\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n"


def _cells(state: Json) -> list[str]:
    """Milliseconds without their unit, which stands above the table; "-": not measured."""
    spreads = state["figures"]
    names = ("observed_lcp_ms", "lcp_ms", "server_response_ms", "performance_score")
    painted, *others = (_brief(dig(spreads, name, "median")) for name in names)
    low, high = (_brief(dig(spreads, "observed_lcp_ms", end)) for end in ("min", "max"))
    return [f"{painted} ({low}–{high})" if low != high else painted, *others]


def _brief(value: object) -> str:
    return significant(value) if is_number(value) else "-"


def _loaded(audits: Json, found: Sequence[Picture]) -> list[str]:
    """The run's own visits, where it has any."""
    lines = []
    for one in audits["strategies"]:
        bars = [bar for bar in beside(one, found, audits["path"]) if bar.what in _SIDES.values() and bar.lcp_ms]
        if bars:
            said = ", ".join(f"{bar.what.removeprefix('under load, ')} {milliseconds(bar.lcp_ms)}" for bar in bars)
            lines.append(f"  {one['name']}: {said}")
    return ["\nLCP of the same page under this run's load:", *lines] if lines else []
