"""What a gate compares, as data: quantity, margin, and on which scale. The family is fixed before measuring."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from rig.model import CacheStatus


class Quantity(StrEnum):
    """Where a metric's effects come from."""

    RESPONSE = "response"
    MISS_RATIO = "miss_ratio"
    ERROR_RATIO = "error_ratio"
    STAMPEDE_PEAK = "stampede_peak"
    LCP = "lcp"


@dataclass(frozen=True, slots=True, kw_only=True)
class GateMetric:
    """One metric of the gate.

    ``kind`` ratio: candidate / baseline is compared with ``margin`` (1.05: 5 % worse at most). difference: candidate -
    baseline, as a share (0.02: 2 percentage points at most). With a ``budget`` (ms, or a share) the candidate alone is
    compared with it, and the margin is 1 or 0; ``asked`` is the budget as the project wrote it.
    """

    name: str
    quantity: Quantity
    kind: Literal["ratio", "difference"]
    margin: float
    cache: CacheStatus | None = None  # RESPONSE: the class; None: reads that name no cache status
    quantile: float | None = None
    page: str | None = None
    budget: float | None = None
    asked: str | None = None

    @property
    def limit(self) -> float:
        """The margin on the scale of the test: log of a ratio, a difference as it is."""
        return math.log(self.margin) if self.kind == "ratio" else self.margin

    @property
    def budgeted(self) -> float:
        """The budget on the scale of the test; 0 without one: the effect is compared with the baseline then."""
        if self.budget is None:
            return 0.0
        return math.log(self.budget) if self.kind == "ratio" else self.budget

    @property
    def luck(self) -> float:
        """What one launch's luck may amount to, on the scale of the test; counts have none."""
        return math.log1p(LUCK[self.quantile]) if self.quantile in LUCK else 0.0

    def shown(self, effect: float) -> float:
        """An effect on the scale of the test as the reader sees it; a ratio beyond all bounds stays finite."""
        return math.exp(min(effect, 700.0)) if self.kind == "ratio" else effect

    @property
    def least_samples(self) -> int:
        """Samples an arm needs for the metric to be taken: of a block; of a page or a launch one will do."""
        if self.quantity is Quantity.RESPONSE and self.quantile:
            return LEAST_SAMPLES[self.quantile]
        return 20 if self.quantity is Quantity.MISS_RATIO else 1

    @property
    def samples_to_enter(self) -> int:
        """Samples an arm needs in a block of the warm-up: four standard deviations of the count more than the least.

        What has just enough there has too little in many a later block, which would break the gate.
        """
        least = self.least_samples
        return least if least == 1 else math.ceil(least + 4 * math.sqrt(least))


# At least five samples above a p95 or p99: with two, one pause of the interpreter decides.
LEAST_SAMPLES = {0.5: 20, 0.95: 100, 0.99: 500}

QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}

# What an identical candidate stays within at 10 launches (docs/gate.md), and what a user would not notice.
DEFAULT_MARGINS = {
    "p50": 1.05,
    "p95": 1.10,
    "p99": 1.15,
    "lcp_p75": 1.10,
    "miss_ratio": 0.02,
    "stampede_peak": 1.5,
}

# How far one launch of two identical servers may set them apart, as a share: twice the scatter (SD) that starting
# anew was seen to cause (5 % at p95 was seen once). Allowed for where nothing can be launched anew.
LUCK = {0.5: 0.02, 0.75: 0.04, 0.95: 0.06, 0.99: 0.08}

# Above this rise the answers are not comparable, so times say nothing.
MOST_ERROR_RISE = 0.01
# Of either arm's requests: above it errors are what is timed, however alike both arms fail.
MOST_ERRORS = 0.01
# Of reads without a whole answer: they name no cache status, so no quantile sees them. A tenth of what p99 leaves out.
MOST_UNANSWERED_RISE = 0.001
ERROR_RATIO = GateMetric(name="error_ratio", quantity=Quantity.ERROR_RATIO, kind="difference", margin=MOST_ERROR_RISE)


def response_metrics(cache: CacheStatus | None, unnamed: str = "any") -> tuple[GateMetric, ...]:
    """p50, p95 and p99 of the reads of one cache-status class; None: of those that name none, called ``unnamed``."""
    label = cache.lower() if cache else unnamed
    return tuple(
        GateMetric(
            name=f"{label}_{name}",
            quantity=Quantity.RESPONSE,
            kind="ratio",
            margin=DEFAULT_MARGINS[name],
            cache=cache,
            quantile=quantile,
        )
        for name, quantile in QUANTILES.items()
    )


def lcp_metric(page: str) -> GateMetric:
    """LCP p75 of one page."""
    return GateMetric(
        name=f"lcp_p75 {page}",
        quantity=Quantity.LCP,
        kind="ratio",
        margin=DEFAULT_MARGINS["lcp_p75"],
        quantile=0.75,
        page=page,
    )


MISS_RATIO = GateMetric(
    name="miss_ratio", quantity=Quantity.MISS_RATIO, kind="difference", margin=DEFAULT_MARGINS["miss_ratio"]
)
STAMPEDE_PEAK = GateMetric(
    name="stampede_peak", quantity=Quantity.STAMPEDE_PEAK, kind="ratio", margin=DEFAULT_MARGINS["stampede_peak"]
)


def candidates(pages: Sequence[str], classes: Sequence[CacheStatus | None]) -> tuple[GateMetric, ...]:
    """All that might be compared, before it is known what the target supplies enough of.

    ``classes``: the cache statuses that reads of the warm-up named, None among them if some named none beside those;
    none at all if the target names none. They are compared apart: a p95 over hits and misses together measures the
    hit ratio, which has a metric of its own.
    """
    unnamed = "other" if classes else "any"
    responses = tuple(metric for cache in classes or (None,) for metric in response_metrics(cache, unnamed))
    return (*responses, MISS_RATIO, STAMPEDE_PEAK, *(lcp_metric(page) for page in pages))
