"""Requests of two arms that met the same schedule at once → one effect a block of 5 s, within a cache-status class.

Requests of one moment share what the machine did to them, so a request is no observation: in A/A runs tests over
requests flagged 54 to 100 % of builds. A block's two quantiles share it too, and it cancels in their log-ratio.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from rig.analysis.quantiles import quantile
from rig.analysis.requests import DEADLINE, failure_causes, is_timed, response_ms
from rig.gate.metrics import GateMetric, Quantity
from rig.gate.supply import NONE, Supply
from rig.model import CacheStatus, Kind

BLOCK_S = 5.0
# The page cache of the system, the interpreter's first calls, connections being opened: not what is compared.
DISCARDED_S = BLOCK_S
# Reads whose answer the cache did not hold.
COMPUTED = (CacheStatus.MISS, CacheStatus.BYPASS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reads:
    """The timed reads of one arm in one launch, one element a read, and how its requests of any kind fared.

    Counts go on behind the last block, where the write comes and what it does to others.
    """

    block: npt.NDArray[np.int64]  # 0: the first kept block
    response_ms: npt.NDArray[np.float64]
    cache: npt.NDArray[np.str_]  # '' where the response named no status
    sent: int
    failed: int
    reads_due: int = 0
    reads_unanswered: int = 0
    """Without a whole answer: timed out, cut off, refused or never sent. They name no cache status, so they are in no
    class."""

    def where(self, mask: npt.NDArray[np.bool_]) -> Reads:
        """Some of the reads, the counts unchanged."""
        return replace(self, block=self.block[mask], response_ms=self.response_ms[mask], cache=self.cache[mask])


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """Both arms, started anew, over the same ``blocks`` kept blocks. Peaks: most recomputes open at once, if known."""

    number: int
    blocks: int
    baseline: Reads
    candidate: Reads
    baseline_peak: int | None = None
    candidate_peak: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """One metric's effects on the scale of the test: of each used block in each launch.

    ``counts``: samples by launch and arm, used or not. ``unused``: blocks with too few. ``lost``: page visits that were
    not measured. ``floor_se``: the least standard error that counting so many allows. ``luck``: how far the effect may
    lie off because nothing was launched anew; it widens the interval on both sides.
    """

    metric: GateMetric
    launches: tuple[tuple[float, ...], ...]
    counts: tuple[Supply, ...]
    unused: int = 0
    lost: Supply = NONE
    floor_se: float = 0.0
    luck: float = 0.0

    @property
    def means(self) -> list[float]:
        """The mean of each launch; NaN where no block was used."""
        return [float(np.mean(blocks)) if blocks else math.nan for blocks in self.launches]


def kept_blocks(window_s: float, block_s: float = BLOCK_S, head_s: float = DISCARDED_S) -> int:
    """Whole blocks of a launch's window after its discarded head."""
    return max(0, int((window_s - head_s) // block_s))


def reads_of(
    requests: pd.DataFrame, *, start_s: float, window_s: float, block_s: float = BLOCK_S, head_s: float = DISCARDED_S
) -> Reads:
    """The reads of one arm's :data:`rig.samples.REQUESTS`, by block from ``head_s`` after ``start_s`` on.

    Times of incomplete blocks are left out. Blocks are those of the intended start: a slow response belongs where it
    was due.
    """
    since = (requests["intended_s"].to_numpy(float) - start_s - head_s) // block_s
    counted = since >= 0
    sent = counted & requests["sent_s"].notna().to_numpy(bool)
    reads = counted & (requests["kind"] == Kind.READ).to_numpy(bool)
    has_time = reads & is_timed(requests).to_numpy(bool)
    answered = has_time & ~requests["cause"].isin(DEADLINE).to_numpy(bool)
    timed = has_time & (since < kept_blocks(window_s, block_s, head_s))
    return Reads(
        block=since[timed].astype(np.int64),
        response_ms=response_ms(requests)[timed],
        cache=_statuses(requests["cache"][timed]),
        sent=int(sent.sum()),
        failed=int(failure_causes(requests[sent]).notna().sum()),
        reads_due=int(reads.sum()),
        reads_unanswered=int((reads & ~answered).sum()),
    )


def _statuses(told: pd.Series[Any]) -> npt.NDArray[np.str_]:
    """As :class:`CacheStatus` has them; '' for none, and for the words of another cache."""
    known = {word: word.upper() for word in told.dropna().unique() if word.upper() in {*CacheStatus}}
    return np.array([known.get(word, "") for word in told], dtype=str)


def effects(metric: GateMetric, launches: Sequence[Launch]) -> Effects:
    """The effects of one metric of requests or stampede peaks.

    Raises:
        ValueError: LCP and the error ratio have no blocks.
    """
    if metric.quantity is Quantity.STAMPEDE_PEAK:
        return _peaks(metric, launches)
    if metric.quantity not in (Quantity.RESPONSE, Quantity.MISS_RATIO):
        raise ValueError(f"{metric.name}: is not taken by blocks of requests")
    found = tuple(_block_effects(metric, launch) for launch in launches)
    return Effects(
        metric=metric,
        launches=found,
        counts=tuple(supply(metric, launch) for launch in launches),
        unused=sum(launch.blocks - len(blocks) for launch, blocks in zip(launches, found, strict=True)),
        floor_se=_counting_se(launches) if metric.quantity is Quantity.MISS_RATIO else 0.0,
    )


def supply(metric: GateMetric, launch: Launch) -> Supply:
    """Samples of a request metric in each arm of a launch."""
    if metric.quantity is Quantity.STAMPEDE_PEAK:
        return Supply(baseline=int(launch.baseline_peak is not None), candidate=int(launch.candidate_peak is not None))
    return Supply(baseline=len(_members(metric, launch.baseline)), candidate=len(_members(metric, launch.candidate)))


def supply_per_block(metric: GateMetric, warm_up: Launch) -> Supply:
    """Samples of a request metric in a typical block of the warm-up, rounded down; a peak is per launch."""
    found = supply(metric, warm_up)
    if metric.quantity is Quantity.STAMPEDE_PEAK:
        return found
    blocks = max(1, warm_up.blocks)
    return Supply(baseline=found.baseline // blocks, candidate=found.candidate // blocks)


def _members(metric: GateMetric, reads: Reads) -> npt.NDArray[np.intp]:
    """Positions of the reads a metric is taken of: its class; for the miss ratio all that name a status."""
    if metric.quantity is Quantity.MISS_RATIO:
        return np.flatnonzero(reads.cache != "")
    return np.flatnonzero(reads.cache == (metric.cache or ""))


def _block_effects(metric: GateMetric, launch: Launch) -> tuple[float, ...]:
    candidate = _levels(metric, launch.candidate, launch.blocks)
    if metric.budget is not None:
        return tuple(level - metric.budgeted for level in candidate if level is not None)
    baseline = _levels(metric, launch.baseline, launch.blocks)
    return tuple(b - a for a, b in zip(baseline, candidate, strict=True) if a is not None and b is not None)


def _levels(metric: GateMetric, reads: Reads, blocks: int) -> list[float | None]:
    """A metric of one arm in each block, on the scale of the test; None with too few samples."""
    members = _members(metric, reads)
    block = reads.block[members]
    return [_level(metric, reads, members[block == number]) for number in range(blocks)]


def _level(metric: GateMetric, reads: Reads, members: npt.NDArray[np.intp]) -> float | None:
    if members.size < metric.least_samples:
        return None
    if metric.quantity is Quantity.MISS_RATIO:
        return float(np.mean(np.isin(reads.cache[members], COMPUTED)))
    found = quantile(reads.response_ms[members], metric.quantile or 0.5)
    return math.log(found) if found is not None and found > 0 else None


def _counting_se(launches: Sequence[Launch]) -> float:
    """Standard error of a difference of two shares if reads were independent, never 0 (Agresti and Caffo, 2000)."""
    variance = 0.0
    for arm in ("baseline", "candidate"):
        caches = np.concatenate([getattr(launch, arm).cache for launch in launches]) if launches else np.empty(0, str)
        named = caches[caches != ""]
        share = (np.isin(named, COMPUTED).sum() + 1) / (named.size + 2)
        variance += share * (1 - share) / (named.size + 2)
    return math.sqrt(variance)


def _peaks(metric: GateMetric, launches: Sequence[Launch]) -> Effects:
    """One effect a launch. No recompute at once with another is a peak of 1, or of 0 where there was none at all.

    Launches that all had the same peaks do not tell that the next one has. Of n without a stampede the least that may
    be assumed is that one in n + 2 has the smallest there is, in one arm alone.
    """
    found = []
    for launch in launches:
        peaks = (launch.baseline_peak, launch.candidate_peak)
        known = [max(1, peak) for peak in peaks if peak is not None]
        found.append((math.log(known[1] / known[0]),) if len(known) == 2 else ())
    return Effects(
        metric=metric,
        launches=tuple(found),
        counts=tuple(supply(metric, launch) for launch in launches),
        unused=sum(not one for one in found),
        floor_se=rare_se(len(found)),
    )


def rare_se(launches: int) -> float:
    """Standard error of a mean of ``launches`` that are 0 or log 2, the latter once in launches + 2."""
    share = 1 / (launches + 2)
    return math.log(2) * math.sqrt(share * (1 - share) / max(1, launches))
