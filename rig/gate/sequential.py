"""The group-sequential test: after every launch, is the effect above the margin, below it, or not yet known?

The launch is the unit: blocks of one launch share its luck, so its mean is one observation, and the t has
launches - 1 degrees of freedom. Both directions spend their error by Lan and DeMets' function of O'Brien-Fleming type
(Biometrika 70, 1983), so a gate may stop early either way. Bounds are those of the sequence of *t* statistics, found
numerically; converting a table's normal bounds would be wrong at few degrees of freedom (docs/gate.md).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from statistics import fmean
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

Floats = npt.NDArray[np.float64]
Decision = Literal["pass", "fail", "inconclusive"]

# Enough that the error spent at a look is right within 1 % of itself.
DRAWS = 1 << 14
# Of t itself, which the residuals don't depend on; its inverse is the slow part.
LEVELS = 1 << 9
MDE_POWER = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """The launches after which the gate looks: every one from ``first`` to ``last``."""

    first: int = 4
    last: int = 12

    def __post_init__(self) -> None:
        if not 2 <= self.first <= self.last:
            raise ValueError(
                f"looks from launch {self.first} to {self.last}: the first must be 2 or more, and not last"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Mean effect over ``launches`` launches and its standard error, on the scale of the test (log or difference)."""

    mean: float
    se: float
    launches: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Interval of the effect at this look, the smallest effect it fails 9 times of 10, and what follows."""

    lower: float
    upper: float
    mde: float
    decision: Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    """``alpha_fail``: chance, over all looks, to fail an effect at its margin; ``alpha_pass``: to pass one."""

    __test__ = False  # Not for pytest to collect.

    looks: Looks
    alpha_fail: float
    alpha_pass: float

    @classmethod
    def of_family(cls, size: int, *, alpha: float = 0.01, looks: Looks | None = None) -> Test:
        """The test of each of ``size`` metrics such that the whole gate errs with ``alpha`` in either direction.

        One failing metric fails the gate, so failing shares ``alpha`` out (Bonferroni). The gate passes only if all
        pass, so each may spend all of it: an intersection-union test (Berger, Technometrics 24, 1982).
        """
        return cls(looks=looks or Looks(), alpha_fail=alpha / max(1, size), alpha_pass=alpha)

    def judge(self, found: Estimate, limit: float, luck: float = 0.0) -> Judgement | None:
        """Compare ``found``, known no better than to within ``luck``, with ``limit``; None before the first look.
        Beyond the last look the last bound holds.
        """
        at = min(found.launches, self.looks.last) - self.looks.first
        if at < 0:
            return None
        fail, win = (bounds(self.looks, alpha)[at] for alpha in (self.alpha_fail, self.alpha_pass))
        lower, upper = found.mean - fail * found.se - luck, found.mean + win * found.se + luck
        decision: Decision = "fail" if lower > limit else "pass" if upper < limit else "inconclusive"
        mde = limit + luck + detectable(fail, found.launches - 1) * found.se
        return Judgement(lower=lower, upper=upper, mde=mde, decision=decision)


def estimate(launches: Sequence[Sequence[float]], *, floor_se: float = 0.0) -> Estimate | None:
    """Mean and standard error from block effects, one sequence a launch; None with fewer than two launches.

    The standard error is the launches' own, but never less than the blocks within launches, taken as independent,
    or ``floor_se`` would give: launches that agree better than their blocks allow do so by luck.
    """
    used = [blocks for blocks in launches if len(blocks)]
    if len(used) < 2:
        return None
    means = [fmean(blocks) for blocks in used]
    between = math.sqrt(_squares(means) / (len(used) - 1) / len(used))
    return Estimate(mean=fmean(means), se=max(between, _within_se(used), floor_se), launches=len(used))


def _within_se(launches: Sequence[Sequence[float]]) -> float:
    """Standard error of the mean of launch means if launches had no luck of their own."""
    freedom = sum(len(blocks) - 1 for blocks in launches)
    if not freedom:
        return 0.0
    variance = sum(map(_squares, launches)) / freedom
    return math.sqrt(variance * sum(1 / len(blocks) for blocks in launches)) / len(launches)


def _squares(values: Sequence[float]) -> float:
    """Sum of squares about the mean."""
    mean = fmean(values)
    return math.fsum((value - mean) ** 2 for value in values)


def spent(alpha: float, fraction: float) -> float:
    """One-sided error spent when ``fraction`` of the launches is in: 2 - 2 Φ(z / √fraction), z of ``alpha`` / 2."""
    return float(2 * special.ndtr(special.ndtri(alpha / 2) / math.sqrt(fraction)))


@cache
def bounds(looks: Looks, alpha: float) -> tuple[float, ...]:
    """Critical t after each launch from ``looks.first`` to ``looks.last``, one-sided, ``alpha`` over all of them."""
    return critical_values(tuple(range(looks.first, looks.last + 1)), alpha)


def critical_values(units: Sequence[int], alpha: float) -> tuple[float, ...]:
    """Critical t at each look, where ``units[k]`` observations are in at look k.

    At look k the new error is P(T_k > c, not stopped before) = p (1 - P(stopped before | T_k > c)), p the nominal level
    of c. The conditional probability is drawn: given T_k the residuals of normal observations point anywhere with equal
    chance, and earlier t statistics follow from them, so even an error of 1e-6 needs few draws. The draws are
    seeded: the same looks have the same bounds.
    """
    found: list[float] = []
    before = 0.0
    for number, count in enumerate(units):
        total = spent(alpha, count / units[-1])
        share, before = total - before, total
        found.append(_critical_value(units[:number], found, count, share, total))
    return tuple(found)


def _critical_value(earlier: Sequence[int], found: Sequence[float], count: int, share: float, total: float) -> float:
    if not earlier:
        return _upper_t(share, count - 1)
    residuals = _residuals(count)
    levels = (np.arange(LEVELS) + 0.5) / LEVELS

    def excess(nominal: float) -> float:
        means = np.tile(-special.stdtrit(count - 1, nominal * levels) / math.sqrt(count), DRAWS // LEVELS)
        stopped = np.zeros(DRAWS, dtype=bool)
        for size, bound in zip(earlier, found, strict=True):
            stopped |= _t_of_first(size, residuals, means) > bound
        return float(nominal * (1 - stopped.mean()) - share)

    nominal = optimize.brentq(excess, share, total, rtol=1e-3) if excess(share) < 0 < excess(total) else total
    return _upper_t(nominal, count - 1)


def _residuals(count: int) -> tuple[Floats, Floats]:
    """Cumulative sums, and sums of squares, of residuals of ``count`` normal observations with variance 1."""
    rows = np.random.default_rng(count).standard_normal((DRAWS, count))
    rows -= rows.mean(axis=1, keepdims=True)
    rows /= rows.std(axis=1, ddof=1, keepdims=True)
    return rows.cumsum(axis=1), (rows**2).cumsum(axis=1)


def _t_of_first(size: int, residuals: tuple[Floats, Floats], means: Floats) -> Floats:
    """The t of the first ``size`` observations, which are residual plus mean."""
    sums, squares = residuals[0][:, size - 1], residuals[1][:, size - 1]
    variance = (squares - sums**2 / size) / (size - 1)
    statistics: Floats = (sums / size + means) / np.sqrt(variance / size)
    return statistics


def _upper_t(level: float, freedom: int) -> float:
    """The value that a t exceeds with probability ``level``."""
    return -float(special.stdtrit(freedom, level))


@cache
def detectable(bound: float, freedom: int) -> float:
    """How many standard errors above the margin an effect must lie to be failed with probability 0.9."""
    return float(special.nctdtrinc(freedom, 1 - MDE_POWER, bound))
