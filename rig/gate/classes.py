"""Whether the candidate answers from elsewhere: times are compared within a class, so they don't show what moved."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from scipy import stats

from rig.gate.blocks import COMPUTED, Launch, Reads
from rig.gate.metrics import DEFAULT_MARGINS
from rig.model import CacheStatus

# How often, at a look, launches of identical builds may differ so much by chance.
CHANCE = 0.001
# What a cache held is the rule; what it computed has the miss ratio.
_OTHERS: Mapping[str, str] = {
    **{str(status): str(status) for status in CacheStatus if status not in (CacheStatus.HIT, *COMPUTED)},
    "": "without a status",
}


def moved(launches: Sequence[Launch], first: int) -> Iterator[str]:
    """A sentence for each class that takes in more of the candidate's reads than of the baseline's, by more than the
    miss ratio may; not before launch ``first``.
    """
    if len(launches) < first:
        return
    for status, name in _OTHERS.items():
        rises = [_share(one.candidate, status) - _share(one.baseline, status) for one in launches]
        mean, error = float(np.mean(rises)), float(np.std(rises, ddof=1)) / math.sqrt(len(rises))
        if mean > max(DEFAULT_MARGINS["miss_ratio"], error * stats.t.isf(CHANCE, len(rises) - 1)):
            yield (
                f"{mean:.1%} more of the candidate's reads are {name} than of the baseline's; no metric compares what"
                " that costs"
            )


def _share(reads: Reads, status: str) -> float:
    return float(np.mean(reads.cache == status)) if reads.cache.size else 0.0
