"""The family: ruled once, at the end of the warm-up, and measured after every launch."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from rig.gate.blocks import Effects, Launch, effects, supply_per_block
from rig.gate.harrell_davis import Visit, lcp_effects, lcp_supply, lost_visits
from rig.gate.metrics import QUANTILES, GateMetric, Quantity
from rig.gate.settings import Settings, family
from rig.gate.supply import Ruling, Standing, after_warm_up
from rig.gate.verdict import NOTHING, GateVerdict, MetricVerdict, Verdict
from rig.model import CacheStatus

UNJUDGED = {
    Standing.IN_FAMILY: Verdict.INCONCLUSIVE,
    Standing.NOT_APPLICABLE: Verdict.NOT_APPLICABLE,
    Standing.INVALID: Verdict.INVALID,
}


def rule(
    settings: Settings, pages: Sequence[str], warm_up: Launch, visits: Sequence[Visit]
) -> Mapping[GateMetric, Ruling]:
    """Every metric that might be compared, and whether it is; ``visits`` are those of the warm-up."""
    found = {}
    met = set(warm_up.baseline.cache) | set(warm_up.candidate.cache)
    for metric in family(settings, pages, classes_of(warm_up)):
        if metric.cache is not None and metric.cache not in met and metric.budget is None:
            if metric.quantile == QUANTILES["p50"]:  # Said once.
                reason = (
                    f"{metric.name}: no read of the warm-up was a {metric.cache}, so what one costs is not compared"
                )
                found[metric] = Ruling(standing=Standing.NOT_APPLICABLE, reason=reason)
            continue
        is_page = metric.quantity is Quantity.LCP
        supply = lcp_supply(metric.page or "", visits) if is_page else supply_per_block(metric, warm_up)
        found[metric] = after_warm_up(metric.name, supply, metric.least_samples, metric.samples_to_enter)
        if metric.quantity is Quantity.STAMPEDE_PEAK and warm_up.baseline_peak == warm_up.candidate_peak == 0:
            reason = f"{metric.name}: nothing was recomputed under load in the warm-up; a write would bring that about"
            found[metric] = Ruling(standing=Standing.NOT_APPLICABLE, reason=reason)
        if is_page and (lost := lost_visits(metric.page or "", visits)):
            reason = f"{metric.name}: {lost} visits in the warm-up failed or starved, none was measured"
            found[metric] = Ruling(standing=Standing.INVALID, reason=reason)
    return found


def asked_for(rulings: Mapping[GateMetric, Ruling]) -> Mapping[GateMetric, Ruling]:
    """The rulings, with each budget invalid that the family does not tell: unmeasured is not kept.

    A budget of one figure in all classes is told by the classes that have enough reads.
    """
    told = {metric.asked for metric, ruling in rulings.items() if ruling.standing is Standing.IN_FAMILY}
    return {metric: _asked_for(metric, ruling, told) for metric, ruling in rulings.items()}


def _asked_for(metric: GateMetric, ruling: Ruling, told: Collection[str | None]) -> Ruling:
    shared = metric.quantity is Quantity.RESPONSE and metric.asked in told
    if metric.budget is None or ruling.standing is not Standing.NOT_APPLICABLE or shared:
        return ruling
    return Ruling(standing=Standing.INVALID, reason=f"{ruling.reason}; the budget was asked for and can't be told")


def measure(
    rulings: Mapping[GateMetric, Ruling],
    launches: Sequence[Launch],
    visits: Sequence[Visit],
    *,
    relaunched: bool = True,
) -> list[Effects]:
    """The effects of the metrics in the family; ``visits`` are those of the launches, without the warm-up's.

    ``relaunched`` False: "launches" are parts of one, so what starting anew would have done is allowed for.
    """
    found = [
        lcp_effects(metric, visits, len(launches)) if metric.quantity is Quantity.LCP else effects(metric, launches)
        for metric, ruling in rulings.items()
        if ruling.standing is Standing.IN_FAMILY
    ]
    return found if relaunched else [replace(one, luck=one.metric.luck) for one in found]


def classes_of(warm_up: Launch) -> tuple[CacheStatus | None, ...]:
    """The cache statuses that reads of either arm named, and None where others named none beside them.

    Misses are among them even if there were none: what one costs is what a reader expects to be compared.
    """
    named = np.concatenate([warm_up.baseline.cache, warm_up.candidate.cache])
    met = [status for status in CacheStatus if (named == status).any()]
    found = tuple(status for status in CacheStatus if status in met or (met and status is CacheStatus.MISS))
    return (*found, None) if found and (named == "").any() else found


def unjudged(rulings: Mapping[GateMetric, Ruling], faults: Sequence[str], *, seconds: float) -> GateVerdict:
    """The gate after the warm-up: invalid if there is a fault already, or nothing to compare; else inconclusive."""
    metrics = tuple(
        MetricVerdict(metric=metric, verdict=UNJUDGED[ruling.standing], reason=ruling.reason or None)
        for metric, ruling in rulings.items()
    )
    lost = [one.reason or one.metric.name for one in metrics if one.verdict is Verdict.INVALID]
    if not faults and not lost and not any(one.verdict is Verdict.INCONCLUSIVE for one in metrics):
        lost = [NOTHING]
    verdict = Verdict.INVALID if faults or lost else Verdict.INCONCLUSIVE
    return GateVerdict(
        verdict=verdict, metrics=metrics, reasons=(*faults, *lost), launches=0, blocks=0, seconds=seconds
    )
