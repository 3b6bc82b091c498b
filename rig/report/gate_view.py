"""A gate's outcome, ready to be shown: texts in the order a reader asks for them.

Every output is made from this view, and the view from the outcome alone (``gate.json``).
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rig.report.gate_words import MEANINGS, SIGNS, WORDS, interval, scale_of, sentence, shown
from rig.words import cleaned, listed, plural, seconds

Outcome = Mapping[str, Any]

UNITS = {"response": "Response times", "lcp": "Largest Contentful Paint", "stampede_peak": "Stampedes",
         "miss_ratio": "Misses", "error_ratio": "Errors"}  # fmt: skip
_BUDGETS = "Budgets"
MOST_NAMED = 3
MOST_HERDS = 6
LONGEST_REASON = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One metric as text; ``figures`` is what it was made from. ``why``: one sentence, for all but a plain pass."""

    name: str
    family: str
    verdict: str
    value: str
    interval: str
    margin: str
    detects: str
    why: str
    figures: Mapping[str, Any]

    @property
    def sign(self) -> str:
        """Beside the word, for those who do not see its colour."""
        return SIGNS[self.verdict]

    @property
    def word(self) -> str:
        """The verdict."""
        return WORDS[self.verdict]

    @property
    def label(self) -> str:
        """``✓ pass``."""
        return f"{self.sign} {self.word}"

    @property
    def launches(self) -> Sequence[str]:
        """The effect of each launch."""
        return [shown(scale_of(self.figures), one) for one in self.figures["by_launch"]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Herds:
    """The stampedes of one entry and cause: how many, and the peak of the largest (0: none), in each arm."""

    entry: str
    cause: str
    counts: tuple[int, int]
    peaks: tuple[int, int]

    @property
    def said(self) -> str:
        """``product:moon-jar (expiry): none in the baseline; 12 in the candidate, up to 16 recomputes at once``."""
        arms = zip(("baseline", "candidate"), self.counts, self.peaks, strict=True)
        return f"{self.entry} ({self.cause}): {'; '.join(_stampeded(*arm) for arm in arms)}"


def _stampeded(arm: str, count: int, peak: int) -> str:
    return f"{count} in the {arm}, up to {peak} recomputes at once" if count else f"none in the {arm}"


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A gate. ``rows``: what was compared; ``unsupplied``: what was not, each with its reason; ``report``: the page."""

    verdict: str
    advisory: bool
    headline: str
    reasons: Sequence[str]
    left_open: Sequence[str]
    baseline: str
    candidate: str
    effort: str
    rows: Sequence[Row]
    unsupplied: Sequence[Row]
    herds: Sequence[Herds]
    checks: Sequence[tuple[str, str, str]]
    next_step: str
    command: str | None
    run_dir: str | None
    report: str | None
    created: str

    @property
    def label(self) -> str:
        """``✗ fail``, and that it has no consequence where it has none."""
        said = f"{SIGNS[self.verdict]} {WORDS[self.verdict]}"
        return f"{said} (advisory)" if self.advisory else said

    @property
    def said(self) -> str:
        """The headline as a sentence of its own."""
        return self.headline[:1].upper() + self.headline[1:] + ("" if self.headline.endswith("…") else ".")

    @property
    def all_rows(self) -> Sequence[Row]:
        """Every metric, those that could not be compared last."""
        return (*self.rows, *self.unsupplied)

    @property
    def herd_lines(self) -> Sequence[str]:
        """The stampedes in words, the few that changed most."""
        lines = [one.said for one in self.herds[:MOST_HERDS]]
        more = len(self.herds) - len(lines)
        return [*lines, f"and {plural(more, 'more entry', 'more entries')}, see the report"] if more else lines


def view(outcome: Outcome) -> View:
    """Read the object of ``gate.json``; what it says of the outside world is cleaned."""
    rows = [_row(metric) for metric in outcome["metrics"]]
    commands = outcome["commands"]
    verdict = outcome["verdict"]
    return View(
        verdict=verdict,
        advisory=bool(outcome["advisory"]),
        headline=_headline(outcome, rows),
        reasons=_reasons(outcome, rows),
        left_open=[cleaned(one) for one in outcome["left_open"]],
        baseline=cleaned(outcome["baseline"]["title"]),
        candidate=cleaned(outcome["candidate"]["title"]),
        effort=_effort(outcome),
        rows=[row for row in rows if row.verdict != "not_applicable"],
        unsupplied=[row for row in rows if row.verdict == "not_applicable"],
        herds=_herds(outcome["stampedes"]),
        checks=[_check(one) for one in outcome["checks"]],
        next_step=NEXT[verdict],
        command=cleaned(commands["again"]) if commands.get("again") else None,
        run_dir=outcome["run_dir"],
        report=outcome.get("report") or (f"{outcome['run_dir']}/report.html" if outcome["run_dir"] else None),
        created=cleaned(outcome["created"]),
    )


NEXT = {
    "pass": "nothing to do; this measures again",
    "fail": "look at the report, mend the candidate, and measure again",
    "inconclusive": "measure again on a quieter machine, with a higher rate, or with a wider margin",
    "invalid": "put right what is named above, and measure again",
}


def _headline(outcome: Outcome, rows: Sequence[Row]) -> str:
    """What happened, in one sentence; the worst is named, or what spoilt it."""
    verdict = outcome["verdict"]
    names = [row.name for row in rows if row.verdict == verdict]
    if verdict == "pass":
        return MEANINGS[verdict]
    if not names:
        first, *_ = next(iter(outcome["reasons"]), "").split("; ")
        why = textwrap.shorten(cleaned(first), LONGEST_REASON, placeholder=" …")
        return f"{MEANINGS[verdict]}: {why}" if why else MEANINGS[verdict]
    more = [f"{len(names) - MOST_NAMED + 1} more"] if len(names) > MOST_NAMED else []
    return f"{MEANINGS[verdict]}: {listed([*names[: MOST_NAMED - len(more)], *more])}"


def _reasons(outcome: Outcome, rows: Sequence[Row]) -> list[str]:
    """The gate's own, and for a metric that gave none the figures in words; each once, in their order."""
    names = {metric["name"]: row for metric, row in zip(outcome["metrics"], rows, strict=True)}
    plain = {f"{name}: ": row.why for name, row in names.items() if not row.figures["reason"]}
    found = []
    for reason in outcome["reasons"]:
        said = next((why for head, why in plain.items() if reason.startswith(head)), None)
        found.append(said or cleaned(reason))
    return list(dict.fromkeys(found))


def _row(metric: Mapping[str, Any]) -> Row:
    scale = scale_of(metric)
    reason = metric["reason"]
    verdict = metric["verdict"]
    return Row(
        name=cleaned(metric["name"]),
        family=_BUDGETS if metric["budget"] is not None else UNITS[metric["quantity"]],
        verdict=verdict,
        value=shown(scale, metric["value"]),
        interval=interval(scale, metric["lower"], metric["upper"]),
        margin=shown(scale, metric["margin"], sign=False),
        detects=shown(scale, metric["mde"], sign=False),
        why=cleaned(reason) if reason else "" if verdict == "pass" else sentence(metric),
        figures=metric,
    )


def _effort(outcome: Outcome) -> str:
    design = outcome["design"]
    launches = plural(outcome["launches"], "launch", "launches")
    how = f"{launches} of each" if design["relaunched"] else f"{plural(outcome['launches'], 'part')} without relaunch"
    blocks = f"{plural(outcome['blocks'], 'block')} of {seconds(design['block_s'])}"
    spoiled = sum(1 for facts in outcome["launch_facts"] if facts["spoiled"])
    again = f", {plural(spoiled, 'launch', 'launches')} measured again" if spoiled else ""
    return f"{how}, {blocks}, {seconds(outcome['seconds'])}{again}"


def _herds(stampedes: Sequence[Mapping[str, Any]]) -> list[Herds]:
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for one in stampedes:
        groups.setdefault((cleaned(one["entry"]), cleaned(one["cause"])), []).append(one)
    found = []
    for (entry, cause), ones in groups.items():
        arms = [[one["peak"] for one in ones if one["arm"] == arm] for arm in ("baseline", "candidate")]
        counts = (len(arms[0]), len(arms[1]))
        peaks = (max(arms[0], default=0), max(arms[1], default=0))
        found.append(Herds(entry=entry, cause=cause, counts=counts, peaks=peaks))
    # What got worse first.
    return sorted(found, key=lambda one: (one.peaks[0] - one.peaks[1], one.counts[0] - one.counts[1], one.entry))


def _check(check: Mapping[str, Any]) -> tuple[str, str, str]:
    sign = {True: "✓", False: "✗"}.get(check["ok"], "?")
    detail = cleaned(check["detail"]) or ("" if check["ok"] is not None else "could not be checked here")
    return sign, cleaned(check["name"]), detail
