"""Paired differences over rounds: in one round every arm meets the same schedule, so rounds are compared one by one.

A 95 % interval of Student's t over the differences, each figure by itself. Too few rounds are an answer of their own:
undecided, and about how many it would take.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, sqrt
from statistics import fmean, stdev

LOWER, HIGHER, ALIKE, UNDECIDED = "lower", "higher", "no difference shown", "undecided"
LEVEL = 0.95
# Nobody measures more; a larger need is told as "more than".
MOST_ROUNDS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One arm minus another. ``lower``, ``upper``: None below two rounds, where there is no interval.

    ``outcome``: LOWER or HIGHER where the interval excludes 0 and the mean is worth naming; ALIKE where every value of
    it is too small to name; else UNDECIDED. ``rounds_needed``: about how many rounds as noisy as these would decide it
    if the mean stayed; None where it is decided, where nothing can be said, or beyond :data:`MOST_ROUNDS`.
    """

    rounds: int
    mean: float | None
    lower: float | None
    upper: float | None
    outcome: str
    rounds_needed: int | None


def paired(pairs: Sequence[tuple[float, float]], worth: float) -> Difference:
    """Compare the pairs (one, other) of each round; differences below ``worth`` are not named."""
    differences = [one - other for one, other in pairs]
    count, mean = len(differences), fmean(differences) if differences else None
    if mean is None or count < 2:
        return Difference(rounds=count, mean=mean, lower=None, upper=None, outcome=UNDECIDED, rounds_needed=None)
    spread = stdev(differences)
    half = _half_width(spread, count)
    outcome = _outcome(mean, half, worth)
    needed = _needed(mean, spread, worth, count) if outcome == UNDECIDED else None
    return Difference(
        rounds=count, mean=mean, lower=mean - half, upper=mean + half, outcome=outcome, rounds_needed=needed
    )


def _outcome(mean: float, half: float, worth: float) -> str:
    if abs(mean) > half and abs(mean) >= worth:
        return LOWER if mean < 0 else HIGHER
    return ALIKE if abs(mean) + half < worth else UNDECIDED


def _needed(mean: float, spread: float, worth: float, count: int) -> int | None:
    more = range(count + 1, MOST_ROUNDS + 1)
    return next((n for n in more if _outcome(mean, _half_width(spread, n), worth) != UNDECIDED), None)


def _half_width(spread: float, count: int) -> float:
    # Late: scipy.special takes a moment to import, and most who read a summary compare nothing.
    from scipy.special import stdtrit

    return float(stdtrit(count - 1, (1 + LEVEL) / 2)) * spread / sqrt(count) if count > 1 else inf
