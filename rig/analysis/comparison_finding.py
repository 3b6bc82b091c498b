"""What a comparison says in sentences, and what a reader must know before believing it."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import Any

from rig.analysis.comparable import Difference
from rig.analysis.compare import Comparison, Side, StrategyComparison
from rig.analysis.differences import LEVEL, Shown
from rig.analysis.rules import section
from rig.words import is_number, listed, milliseconds, plural

# Less than this is lost in the scatter of its few visits.
_SAME_MACHINE = 0.1
_LONGEST_VALUE = 60


def sentences(comparison: Comparison) -> list[str]:
    """The answer first; then strategy by strategy what is shown; then how much of it is chance."""
    if comparison.refused:
        names = listed([one.title for one in comparison.comparability.refused])
        return [f"These runs cannot be compared: they differ in {names}."]
    return [_answer(comparison), *filter(None, map(_strategy, comparison.strategies)), *_chance(comparison)]


def _answer(comparison: Comparison) -> str:
    better, worse = (len(list(comparison.figures(shown))) for shown in (Shown.BETTER, Shown.WORSE))
    level, open_ = (len(list(comparison.figures(shown))) for shown in (Shown.NO_DIFFERENCE, Shown.UNDECIDED))
    total = better + worse + level
    rest = f"; {plural(open_, 'figure')} undecided" if open_ else ""
    if not total:
        return "Undecided: too few rounds, or rounds too far apart, to show any difference."
    if not better + worse:
        return f"No difference shown between A and B in any of {plural(level, 'figure')}{rest}."
    how = listed([f"{word} in {number}" for word, number in (("better", better), ("worse", worse)) if number])
    return f"B is {how} of {plural(total, 'figure')}; in {level} no difference is shown{rest}."


def _strategy(found: StrategyComparison) -> str | None:
    parts = []
    for word, shown in (("better", Shown.BETTER), ("worse", Shown.WORSE)):
        if titles := [one.metric.title for one in found.figures if one.shown is shown]:
            parts.append(f"{word} in {listed(titles)}")
    return f"{found.name}: B is {'; '.join(parts)}." if parts else None


def _chance(comparison: Comparison) -> Iterator[str]:
    """Intervals are for one figure each: of many, some exclude zero between two runs of the same thing."""
    judged = sum(one.lower is not None for strategy in comparison.strategies for one in strategy.figures)
    expected = round(judged * (1 - LEVEL))
    if expected:
        yield (
            f"Of {judged} intervals at {LEVEL:.0%} about {expected} would exclude zero by chance; intervals hold the"
            " scatter between rounds, not what changed on the machine between the two runs."
        )


def warnings(comparison: Comparison) -> list[str]:
    """What differs or is not known, though not enough to refuse."""
    found = comparison.comparability
    told = [f"{one.title} differs: {shown(one.a)} in A, {shown(one.b)} in B" for one in found.differing]
    if found.unknown:
        told.append(f"not known in either run, so nobody can tell whether it agrees: {listed(list(found.unknown))}")
    for name, side in (("A", comparison.a), ("B", comparison.b)):
        told += [f"{name}: {text}" for text in _of_side(side)]
    for name, labels in comparison.only_in.items():
        if labels:
            told.append(f"only {name.upper()} has {listed(list(labels))}")
    return [*told, *_of_machine(comparison)]


def remedy(comparison: Comparison) -> str:
    """How to get a run that B can be compared with."""
    again = comparison.b.manifest.get("reproduce")
    if again:
        return f"measure A's code again here as B was measured: {again}"
    return "measure both on one machine with the same options"


def in_words(one: Difference) -> str:
    """``processor: AMD EPYC in A, Apple M2 in B``."""
    return f"{one.title}: {shown(one.a)} in A, {shown(one.b)} in B"


def shown(value: Any) -> str:
    """A fact's value in one short piece."""
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, dict)) and len(str(value)) > _LONGEST_VALUE:
        return plural(len(value), "entry", "entries")
    if isinstance(value, dict):
        return ", ".join(f"{name} {shown(one)}" for name, one in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(map(shown, value)) or "none"
    if is_number(value):
        return f"{value:.6g}"
    text = str(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"


def _of_side(side: Side) -> Iterator[str]:
    if side.status != "complete":
        yield f"the run is {side.status}; its figures are from the trials that were finished"
    if not side.summary.get("valid"):
        yield "the run is not valid: a strategy has no sound trial"


def _of_machine(comparison: Comparison) -> Iterator[str]:
    """The control page has no cache and no target behind it: what moves it is the machine."""
    a, b = (_control_ms(side) for side in (comparison.a, comparison.b))
    if a and b and abs(b - a) > _SAME_MACHINE * max(a, b):
        yield (
            f"the control page, which no cache and no target stands behind, had an LCP of {milliseconds(a)} in A and"
            f" {milliseconds(b)} in B: the machine itself was {'slower' if b > a else 'faster'} in B"
        )


def _control_ms(side: Side) -> float | None:
    arms = side.summary.get("arms") or {}
    found = [section(arm, "pages", "control", "idle_lcp_ms") for arm in arms.values()]
    known = [value for value in found if is_number(value)]
    return median(known) if known else None
