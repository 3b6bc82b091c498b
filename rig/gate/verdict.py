"""Adding up: each metric's verdict, the gate's, and whether another launch is worth its time.

Invalid comes first: a gate that misses data can't have been passed, and what it failed can't be believed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

import numpy as np

from rig.gate.blocks import Effects, Launch
from rig.gate.classes import moved
from rig.gate.errors import error_faults, error_rise
from rig.gate.metrics import ERROR_RATIO, GateMetric
from rig.gate.sequential import Estimate, Looks, Test, estimate
from rig.gate.signflip import SignFlip, sign_flip
from rig.gate.supply import NONE, Ruling, Standing, after_launches
from rig.model import ExitCode

ALPHA = 0.01
# With more units lost than this, what is left may be the fair-weather half.
MOST_UNUSED = 0.2
MOST_LOST = 3.0
"""Standard errors of the difference of two counts: beyond them it is no chance whose visits were lost."""


class Verdict(StrEnum):
    """What is said of a metric or a gate. Only a metric can be not applicable."""

    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    INVALID = "invalid"
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricVerdict:
    """One metric: figures as ``metric.kind`` says, a ratio or a difference; None: not known.

    ``mde`` is the smallest true effect this many launches, as noisy as these, fail 9 times of 10. ``by_launch``: the
    effect of each launch.
    """

    metric: GateMetric
    verdict: Verdict
    value: float | None = None
    lower: float | None = None
    upper: float | None = None
    mde: float | None = None
    reason: str | None = None
    by_launch: tuple[float | None, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """One element of ``metrics`` of ``rig gate --json``."""
        return {
            "name": self.metric.name,
            "kind": self.metric.kind,
            "quantity": str(self.metric.quantity),
            "page": self.metric.page,
            "budget": self.metric.budget,
            "value": self.value,
            "lower": self.lower,
            "upper": self.upper,
            "margin": self.metric.margin,
            "mde": self.mde,
            "verdict": str(self.verdict),
            "reason": self.reason,
            "by_launch": list(self.by_launch),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class GateVerdict:
    """The gate at one look."""

    verdict: Verdict
    metrics: tuple[MetricVerdict, ...]
    reasons: tuple[str, ...]
    launches: int
    blocks: int
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """The object ``rig gate --json`` prints."""
        return {
            "verdict": str(self.verdict),
            "blocks": self.blocks,
            "launches": self.launches,
            "seconds": self.seconds,
            "metrics": [metric.to_json() for metric in self.metrics],
            "reasons": list(self.reasons),
        }


def exit_code(verdict: Verdict, inconclusive: Literal["pass", "fail"] | None = None) -> ExitCode:
    """0, 1, 3 or 4; ``inconclusive`` says what not knowing shall count as, and changes nothing else."""
    if verdict is Verdict.INCONCLUSIVE and inconclusive:
        verdict = Verdict(inconclusive)
    return EXIT_CODES[verdict]


EXIT_CODES = {
    Verdict.PASS: ExitCode.OK,
    Verdict.FAIL: ExitCode.REGRESSION,
    Verdict.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
    Verdict.INVALID: ExitCode.INVALID,
}


NOTHING = "the target supplies nothing that could be compared"


def judge(
    found: Sequence[Effects],
    launches: Sequence[Launch],
    *,
    looks: Looks,
    rulings: Mapping[GateMetric, Ruling],
    faults: Sequence[str] = (),
    seconds: float,
) -> GateVerdict:
    """The gate after ``launches``.

    Args:
        found: effects of the metrics in the family.
        launches: all measured so far.
        looks: planned before the first of them.
        rulings: of every candidate metric, made after the warm-up.
        faults: of the instrument or the answers (late generator, other digests); any makes the gate invalid.
        seconds: how long the gate has taken.
    """
    test = Test.of_family(len(found), alpha=ALPHA, looks=looks)
    flips = last_look_flips(found) if len(launches) >= looks.last else None
    tested = [_tested(effects, number, test, flips) for number, effects in enumerate(found)]
    others = [
        MetricVerdict(metric=metric, verdict=Verdict(ruling.standing.value), reason=ruling.reason)
        for metric, ruling in rulings.items()
        if ruling.standing is not Standing.IN_FAMILY
    ]
    metrics = (*tested, *others, _errors(launches))
    verdict, reasons = _overall(metrics, (*faults, *moved(launches, looks.first)))
    return GateVerdict(
        verdict=verdict,
        metrics=metrics,
        reasons=reasons,
        launches=len(launches),
        blocks=sum(launch.blocks for launch in launches),
        seconds=seconds,
    )


def goes_on(verdict: GateVerdict, looks: Looks) -> bool:
    """Whether another launch could still tell."""
    return verdict.verdict is Verdict.INCONCLUSIVE and verdict.launches < looks.last


def last_look_flips(found: Sequence[Effects]) -> SignFlip | None:
    """The sign-flip test over launches in which every metric was measured; None with fewer than two of them."""
    if not found:
        return None
    matrix = np.array([effects.means for effects in found]).T
    whole = matrix[np.isfinite(matrix).all(axis=1)]
    if len(whole) < 2:
        return None
    above, below = (
        sign_flip(whole, [effects.metric.limit + side * effects.luck for effects in found]) for side in (1, -1)
    )
    return SignFlip(above=above.above, below=below.below)


def agreed(decision: Verdict, number: int, flips: SignFlip | None) -> bool:
    """Whether the sign-flip test lets a decision of the t test stand; before the last look there is none to ask."""
    if flips is None or decision is Verdict.INCONCLUSIVE:
        return True
    return (flips.above if decision is Verdict.FAIL else flips.below)[number] <= ALPHA


def _tested(effects: Effects, number: int, test: Test, flips: SignFlip | None) -> MetricVerdict:
    metric = effects.metric
    if (ruling := _lost(effects, test.looks)).standing is Standing.INVALID:
        return MetricVerdict(metric=metric, verdict=Verdict.INVALID, reason=ruling.reason)
    shown = tuple(metric.shown(mean) if math.isfinite(mean) else None for mean in effects.means)
    taken = estimate(effects.launches, floor_se=effects.floor_se)
    judgement = test.judge(taken, metric.limit, effects.luck) if taken else None
    if taken is None or judgement is None:
        return _too_early(metric, taken, test, shown)
    verdict, reason = Verdict(judgement.decision), None
    if not agreed(verdict, number, flips):
        reason = f"{metric.name}: t says {verdict}, the sign-flip test over launches does not"
        verdict = Verdict.INCONCLUSIVE
    return MetricVerdict(
        metric=metric,
        verdict=verdict,
        value=metric.shown(taken.mean),
        lower=metric.shown(judgement.lower),
        upper=metric.shown(judgement.upper),
        mde=metric.shown(judgement.mde) if math.isfinite(judgement.mde) else None,
        reason=reason,
        by_launch=shown,
    )


def _lost(effects: Effects, looks: Looks) -> Ruling:
    """Invalid if the metric disappeared, its visits were lost in the candidate above all, or, as soon as there is
    anything to decide, too many of its blocks or cycles could not be used.
    """
    name, lost = effects.metric.name, effects.lost
    ruling = after_launches(name, effects.counts)
    if ruling.standing is not Standing.IN_FAMILY:
        return ruling
    reason = None
    used, due = sum(len(blocks) for blocks in effects.launches), len(effects.launches) >= looks.first
    if lost.candidate - lost.baseline > MOST_LOST * math.sqrt(lost.candidate + lost.baseline):
        reason = f"{name}: {lost.candidate} visits of the candidate were not measured, {lost.baseline} of the baseline"
    elif due and effects.unused > MOST_UNUSED * (used + effects.unused):
        units = "cycles had a visit that was not measured" if lost != NONE else "blocks had too few samples"
        reason = f"{name}: {effects.unused} of {used + effects.unused} {units}"
    return ruling if reason is None else Ruling(standing=Standing.INVALID, reason=reason)


def _too_early(
    metric: GateMetric, taken: Estimate | None, test: Test, by_launch: tuple[float | None, ...]
) -> MetricVerdict:
    value = metric.shown(taken.mean) if taken else None
    used = taken.launches if taken else 0
    reason = f"{metric.name}: {used} launches with enough samples, the first look is after {test.looks.first}"
    return MetricVerdict(metric=metric, verdict=Verdict.INCONCLUSIVE, value=value, reason=reason, by_launch=by_launch)


def _errors(launches: Sequence[Launch]) -> MetricVerdict:
    """Reported, never failed: with many errors, or a rise of them, the times compare different answers."""
    rise = error_rise(launches)
    if rise is None:
        reason = "error_ratio: an arm was sent no request"
        return MetricVerdict(metric=ERROR_RATIO, verdict=Verdict.INVALID, reason=reason)
    if faults := list(error_faults(launches)):
        reason = f"error_ratio: {'; '.join(faults)}"
        return MetricVerdict(metric=ERROR_RATIO, verdict=Verdict.INVALID, value=rise, reason=reason)
    return MetricVerdict(metric=ERROR_RATIO, verdict=Verdict.PASS, value=rise)


def _overall(metrics: Sequence[MetricVerdict], faults: Sequence[str]) -> tuple[Verdict, tuple[str, ...]]:
    told = [metric for metric in metrics if metric.verdict is not Verdict.NOT_APPLICABLE]
    reasons = (*faults, *(metric.reason or _sentence(metric) for metric in told if metric.verdict is not Verdict.PASS))
    verdicts = {metric.verdict for metric in told}
    if faults or Verdict.INVALID in verdicts:
        return Verdict.INVALID, reasons
    if not any(metric.metric is not ERROR_RATIO for metric in told):
        return Verdict.INVALID, (NOTHING,)
    for verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE):
        if verdict in verdicts:
            return verdict, reasons
    return Verdict.PASS, reasons


def _sentence(metric: MetricVerdict) -> str:
    unit = "times" if metric.metric.kind == "ratio" else "more"
    against = "its budget" if metric.metric.budget is not None else "the baseline"
    return (
        f"{metric.metric.name}: {metric.value:.3g} {unit} {against} ({metric.lower:.3g} to {metric.upper:.3g}),"
        f" margin {metric.metric.margin:.3g}"
    )
