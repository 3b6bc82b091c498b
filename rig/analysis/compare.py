"""Two runs beside each other: by strategy and figure B - A, with an interval over rounds, and what it shows.

The round is the unit. Intervals hold the scatter between rounds, not what changed on the machine between the two runs:
that takes both side by side, see ``docs/gate.md``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rig.analysis.comparable import Comparability, comparability
from rig.analysis.differences import FIGURES, FigureComparison, Shown, compare_figure
from rig.analysis.finding import FEWEST_ROUNDS
from rig.analysis.rules import section
from rig.journal import Run
from rig.model import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two runs. ``digests``: of the schedule that ``(round, strategy)`` met."""

    name: str
    manifest: Mapping[str, Any]
    summary: Mapping[str, Any]
    status: str
    digests: Mapping[tuple[int, str], str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyComparison:
    """One strategy that both runs have. ``rounds``: how many entered on each side; ``paired``: by equal schedules."""

    name: str
    rounds: tuple[int, int]
    paired: bool
    grades: tuple[str | None, str | None]
    figures: Sequence[FigureComparison]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two runs compared; ``strategies`` is empty where ``comparability`` refuses it."""

    a: Side
    b: Side
    comparability: Comparability
    strategies: Sequence[StrategyComparison]
    only_in: Mapping[str, Sequence[str]]

    @property
    def refused(self) -> bool:
        """Whether the runs were measured under conditions that differ in what matters."""
        return bool(self.comparability.refused)

    def figures(self, *shown: Shown) -> Iterator[FigureComparison]:
        """Figures of all strategies that show one of these."""
        return (one for strategy in self.strategies for one in strategy.figures if one.shown in shown)


def side_of(run: Run, summary: Mapping[str, Any]) -> Side:
    """A run read back, and its summary, as a side of a comparison."""
    digests = {
        (trial.id.round, trial.id.arm): str(trial.facts["schedule_digest"])
        for trial in run.trials
        if trial.facts.get("schedule_digest")
    }
    return Side(
        name=run.path.resolve().name, manifest=run.manifest, summary=summary, status=run.status.value, digests=digests
    )


def compare(a: Side, b: Side, allowed: Collection[str] = ()) -> Comparison:
    """Compare B with A. ``allowed``: facts (names of :mod:`rig.analysis.comparable`) that may differ.

    Raises:
        UsageError: the runs have no strategy in common.
    """
    arms = {name: (one.summary.get("arms") or {}) for name, one in (("a", a), ("b", b))}
    common = [label for label in arms["a"] if label in arms["b"]]
    if not common:
        raise UsageError(
            f"{a.name} and {b.name}: no strategy in common"
            f" ({', '.join(arms['a']) or 'none'}; {', '.join(arms['b']) or 'none'}); name two runs that share one"
        )
    found = comparability(a.manifest, b.manifest, allowed)
    return Comparison(
        a=a,
        b=b,
        comparability=found,
        strategies=[] if found.refused else [_strategy(label, a, b) for label in common],
        only_in={
            "a": [label for label in arms["a"] if label not in arms["b"]],
            "b": [label for label in arms["b"] if label not in arms["a"]],
        },
    )


def _strategy(label: str, a: Side, b: Side) -> StrategyComparison:
    pairs = _pairs(label, a, b)
    ours, theirs = _rounds(a, label), _rounds(b, label)
    paired = len(pairs) >= min(len(ours), len(theirs)) and len(pairs) >= FEWEST_ROUNDS
    if paired:
        ours, theirs = [one for one, _ in pairs], [other for _, other in pairs]
    return StrategyComparison(
        name=label,
        rounds=(len(ours), len(theirs)),
        paired=paired,
        grades=(_grade(a, label), _grade(b, label)),
        figures=[compare_figure(one, ours, theirs, paired) for one in FIGURES],
    )


def _rounds(side: Side, label: str) -> list[Mapping[str, Any]]:
    return list(section(side.summary, "arms", label, "by_round") or [])


def _pairs(label: str, a: Side, b: Side) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Rounds of A and B that met the same schedule, each used once."""
    waiting = _rounds(b, label)
    pairs = []
    for one in _rounds(a, label):
        digest = a.digests.get((one.get("round", 0), label))
        partner = next((x for x in waiting if digest and b.digests.get((x.get("round", 0), label)) == digest), None)
        if partner is not None:
            waiting.remove(partner)
            pairs.append((one, partner))
    return pairs


def _grade(side: Side, label: str) -> str | None:
    found = section(side.summary, "arms", label, "verdict", "grade")
    return None if found is None else str(found)
