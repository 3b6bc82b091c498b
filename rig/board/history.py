"""The runs of one profile as the page draws them: figure by figure and strategy by strategy, with what changed."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from rig.analysis.comparable import comparability
from rig.analysis.trends import FEWEST_BEFORE, LEVEL, Mark, Point, groups_of, trend
from rig.board.entry import Entry
from rig.report.chart_data import style_of
from rig.words import listed, plural

# (key of a round, title, step in which it is told). Chromium tells LCP in steps of 4 ms.
FIGURES: Mapping[str, tuple[str, float]] = {
    "lcp_p75_ms": ("LCP p75", 4.0),
    "p95_ms": ("response time p95", 0.1),
    "lcp_outside_p50": ("LCP outside stampedes, median", 4.0),
    "lcp_inside_p50": ("LCP in a stampede, median", 4.0),
    "p50_ms": ("response time, median", 0.1),
}
# What the first sentence speaks of.
HEADLINES = ("lcp_p75_ms", "p95_ms")
MOST_RUNS = 60
MOST_SENTENCES = 4
_NO_PROFILE = ""
_CHANGE = "A change: two runs in a row beyond what those before them let expect."


def profiles(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """The profiles there are runs of, that of the newest run first, with how many count."""
    counted: dict[str, int] = {}
    for entry in entries:
        if entry.kind == "run":
            name = entry.profile or _NO_PROFILE
            counted[name] = counted.get(name, 0) + _counts(entry)
    return [{"name": name, "runs": number} for name, number in counted.items()]


def history(entries: Sequence[Entry], profile: str, most: int = MOST_RUNS) -> dict[str, Any]:
    """Runs of ``profile`` in the order of time. All are judged; the last ``most`` are told.

    Runs that are not valid, damaged, not analysed or without a date are left out and counted.
    """
    ours = [entry for entry in entries if entry.kind == "run" and (entry.profile or _NO_PROFILE) == profile]
    runs = sorted((entry for entry in ours if _counts(entry)), key=lambda entry: (entry.created or "", entry.name))
    groups = groups_of([entry.conditions for entry in runs])
    names = list(dict.fromkeys(arm["name"] for entry in reversed(runs) for arm in entry.strategies))
    judged = {name: {key: _judged(runs, groups, name, key, FIGURES[key][1]) for key in FIGURES} for name in names}
    first = max(0, len(runs) - most)
    shown = runs[first:]
    strategies = [
        {
            "name": name,
            **asdict(style_of(position)),
            "figures": {
                key: [None if (point := points.get(first + n)) is None else _told(point) for n in range(len(shown))]
                for key, points in judged[name].items()
            },
        }
        for position, name in enumerate(names)
    ]
    return {
        "profile": profile,
        "level": LEVEL,
        "fewest_before": FEWEST_BEFORE,
        "figures": {key: {"title": title, "unit": "ms", "better": "lower"} for key, (title, _) in FIGURES.items()},
        "runs": [
            {"name": entry.name, "created": entry.created, "commit": entry.commit, "group": group}
            for entry, group in zip(shown, groups[first:], strict=True)
        ],
        "breaks": _breaks(runs, groups, first),
        "strategies": [one for one in strategies if any(any(points) for points in one["figures"].values())],
        "judged": len(runs),
        "left_out": len(ours) - len(runs),
        "sentences": sentences(runs, groups, judged),
    }


def as_csv(told: Mapping[str, Any]) -> str:
    """A history, one line for each run, strategy and figure."""
    columns = [one.name for one in fields(Point)]
    stream = io.StringIO()
    lines = csv.writer(stream)
    lines.writerow(["run", "created", "commit", "conditions", "strategy", "figure_ms", *columns])
    for strategy in told["strategies"]:
        for key, points in strategy["figures"].items():
            for run, point in zip(told["runs"], points, strict=True):
                if point is not None:
                    head = [run["name"], run["created"], run["commit"], run["group"], strategy["name"], key]
                    lines.writerow([*map(_cell, head), *(point[name] for name in columns)])
    return stream.getvalue()


def _cell(value: Any) -> Any:
    """Text that a spreadsheet would take for a formula is marked as text."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def sentences(
    runs: Sequence[Entry], groups: Sequence[int], judged: Mapping[str, Mapping[str, Mapping[int, Point]]]
) -> list[str]:
    """What changed, newest first; or that nothing did, or that too few runs are there to tell."""
    if not runs:
        return ["No run of this profile counts yet, so there is nothing to draw."]
    last = groups[-1]
    alike = groups.count(last)
    if alike <= FEWEST_BEFORE:
        again = runs[-1].reproduce
        return [
            f"Too few runs to tell a change: {alike} under the conditions of the newest;"
            f" after {FEWEST_BEFORE} the next are judged.",
            *([f"One more under its conditions, amounts included: {again}"] if again else []),
        ]
    found = [
        (number, name, key, point)
        for name, figures in judged.items()
        for key in HEADLINES
        for number, point in figures[key].items()
        if groups[number] == last and point.mark in (Mark.CHANGE, Mark.OUT)
    ]
    changes = [one for one in found if one[3].mark is Mark.CHANGE]
    # A run out of line is news only while it is the newest: later ones have shown that nothing came of it.
    newest = [one for one in found if one[3].mark is Mark.OUT and one[0] == len(runs) - 1]
    told = [*_told_together(runs, newest), *_told_together(runs, changes)]
    if told:
        more = len(told) - MOST_SENTENCES
        rest = [f"{plural(more, 'earlier change')}: see the charts."] if more > 0 else []
        return [*told[:MOST_SENTENCES], *rest, *([_CHANGE] if changes else [])]
    known = [
        key for key in HEADLINES if _is_judged(judged, key, [n for n, group in enumerate(groups) if group == last])
    ]
    if not known:
        return [f"Too few runs of any one strategy to tell a change: {FEWEST_BEFORE} with its figure come first."]
    figures = listed([FIGURES[key][0] for key in known])
    return [f"No change shown in {figures} over {plural(alike, 'run')} under the conditions of the newest."]


def _is_judged(judged: Mapping[str, Mapping[str, Mapping[int, Point]]], key: str, runs: Collection[int]) -> bool:
    """Whether any strategy's figure of these runs was held against those before it."""
    return any(
        point.mark is not Mark.TOO_FEW
        for figures in judged.values()
        for number, point in figures[key].items()
        if number in runs
    )


def _told_together(runs: Sequence[Entry], found: Sequence[tuple[int, str, str, Point]]) -> list[str]:
    """One sentence for all strategies whose figure moved at the same run, the newest first."""
    together: dict[tuple[int, str], list[tuple[str, Point]]] = {}
    for number, name, key, point in sorted(found, key=lambda one: (-one[0], HEADLINES.index(one[2]))):
        together.setdefault((number, key), []).append((name, point))
    return [_sentence(runs[number], FIGURES[key][0], moved) for (number, key), moved in together.items()]


def _sentence(run: Entry, title: str, moved: Sequence[tuple[str, Point]]) -> str:
    parts = [f"{name} {_moved(point.factor)}" for name, point in moved]
    when = _date(run.created) if run.created else run.name
    title = title[0].upper() + title[1:]
    if moved[0][1].mark is Mark.CHANGE:
        return f"{title} changed on {when}: {listed(parts)}."
    return f"{title} is out of line in the newest run: {listed(parts)}; another run will tell whether it is a change."


def _date(created: str) -> str:
    """``2025-11-07T19:00:00+00:00`` -> ``7 Nov 2025, 19:00 UTC``."""
    at = datetime.fromisoformat(created)
    return f"{at.day} {at:%b %Y, %H:%M} UTC"


def _moved(factor: float | None) -> str:
    """``1.48`` -> ``+48 %``."""
    return f"{((factor or 1) - 1) * 100:+.0f}\u00a0%".replace("-", "−")


def _judged(runs: Sequence[Entry], groups: Sequence[int], name: str, key: str, step: float) -> dict[int, Point]:
    """Points by the number of the run; each group of comparable runs is judged for itself."""
    places: dict[int, list[tuple[int, list[float]]]] = {}
    for number, (entry, group) in enumerate(zip(runs, groups, strict=True)):
        arm = next((one for one in entry.strategies if one["name"] == name), None)
        if arm and arm["rounds"].get(key):
            places.setdefault(group, []).append((number, arm["rounds"][key]))
    found: dict[int, Point] = {}
    for known in places.values():
        points = trend([values for _, values in known], step)
        found |= {number: point for (number, _), point in zip(known, points, strict=True)}
    return found


def _told(point: Point) -> dict[str, Any]:
    facts = asdict(point)
    return {**facts, "mark": str(facts["mark"])}


def _breaks(runs: Sequence[Entry], groups: Sequence[int], first: int) -> list[dict[str, Any]]:
    """Where a run was measured under other conditions than the one before it: nothing is judged across."""
    found = []
    for number in range(max(first, 1), len(runs)):
        if groups[number] != groups[number - 1]:
            differing = comparability(runs[number - 1].conditions, runs[number].conditions).refused
            titles = [one.title for one in differing] or ["amounts that moved little by little"]
            found.append({"at": number - first, "facts": titles})
    return found


def _counts(entry: Entry) -> bool:
    return entry.kind == "run" and entry.valid is True and entry.created is not None and entry.state != "running"
