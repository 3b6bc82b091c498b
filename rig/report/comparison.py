"""A comparison of two runs as JSON, and the words that terminal, Markdown and page share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rig.analysis.compare import Comparison, Side, StrategyComparison
from rig.analysis.comparison_finding import in_words, remedy, sentences, shown, warnings
from rig.analysis.differences import LEVEL, FigureComparison, Shown
from rig.words import NOT_MEASURED, figure, interval, milliseconds, percent, seconds

SCHEMA = "rig.comparison/1"

# A sign beside the word: colour alone says nothing to many people.
SIGNS = {
    Shown.BETTER: "✓",
    Shown.WORSE: "✗",
    Shown.NO_DIFFERENCE: "=",
    Shown.UNDECIDED: "?",
    Shown.NOT_MEASURED: "·",
}
HEADS = {
    Shown.BETTER: "B better",
    Shown.WORSE: "B worse",
    Shown.NO_DIFFERENCE: "no difference shown",
    Shown.UNDECIDED: "undecided",
    Shown.NOT_MEASURED: NOT_MEASURED,
}

_WORDS: dict[str, Callable[[object], str]] = {
    "ms": milliseconds,
    "s": seconds,
    "share": percent,
    "": figure,
}


def value_text(one: FigureComparison, value: float | None) -> str:
    """A side's figure with its unit."""
    return _minus(_WORDS[one.metric.unit](value))


def interval_text(one: FigureComparison) -> str:
    """The interval of B - A with its unit; shares in percentage points. Empty where there is none."""
    if one.lower is None or one.upper is None:
        return ""
    scale, unit = (100.0, "points") if one.metric.unit == "share" else (1.0, one.metric.unit)
    return _minus(interval(one.lower * scale, one.upper * scale, unit))


def rounds_text(found: StrategyComparison) -> str:
    """What entered on each side, and how it was compared."""
    a, b = found.rounds
    if found.paired:
        return f"{a} pairs of rounds with the same schedule"
    return f"rounds: {a} of A, {b} of B, not paired (other schedules, or too few)"


def grades_text(found: StrategyComparison) -> str:
    """Its verdict in A and in B, each under its own run's budgets."""
    a, b = (grade or "not graded" for grade in found.grades)
    return f"graded {a} in A, {b} in B"


def side_text(side: Side) -> str:
    """One line: which run, whose name begins with its time, and of which commit."""
    commit = (side.manifest.get("environment") or {}).get("commit")
    return f"{side.name} · commit {commit}" if commit else side.name


def as_json(comparison: Comparison) -> dict[str, Any]:
    """The contract of ``rig compare --json``; a figure that was not measured is null."""
    return {
        "schema": SCHEMA,
        "comparable": not comparison.refused,
        "a": _side_json(comparison.a),
        "b": _side_json(comparison.b),
        "refused": [one.to_json() for one in comparison.comparability.refused],
        "warnings": warnings(comparison),
        "level": LEVEL,
        "finding": sentences(comparison),
        "strategies": {
            found.name: {
                "rounds": dict(zip("ab", found.rounds, strict=True)),
                "paired": found.paired,
                "grade": dict(zip("ab", found.grades, strict=True)),
                "figures": {one.metric.name: one.to_json() for one in found.figures},
            }
            for found in comparison.strategies
        },
        "only_in": {name: list(labels) for name, labels in comparison.only_in.items()},
    }


def _side_json(side: Side) -> dict[str, Any]:
    known = side.manifest.get
    commit = (known("environment") or {}).get("commit")
    valid = side.summary.get("valid")
    return {"name": side.name, "created": known("created"), "commit": commit, "status": side.status, "valid": valid}


def refusal(comparison: Comparison) -> str:
    """Why the two cannot be compared, fact by fact, and what to do, in one line."""
    facts = "; ".join(map(in_words, comparison.comparability.refused))
    names = ", ".join(one.fact for one in comparison.comparability.refused)
    return (
        f"{comparison.a.name} and {comparison.b.name} cannot be compared: {facts}; {remedy(comparison)}, or pass"
        f" --allow-different for what you changed on purpose ({names})"
    )


def refused_rows(comparison: Comparison) -> list[tuple[str, str, str]]:
    """The facts that refuse the comparison: (fact, in A, in B)."""
    return [(one.title, shown(one.a), shown(one.b)) for one in comparison.comparability.refused]


def _minus(text: str) -> str:
    return text.replace("-", "−")
