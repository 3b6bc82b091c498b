"""Why an LCP took as long as it did, by what the server's cache did for the document.

``X-Cache`` alone calls a visit that stood in a herd's queue a HIT. So a hit whose wait for a server thread
(TTFB less the server's own total) lies above a threshold is a cause of its own, ``HIT, queued``.

The threshold of an arm is the greater of 20 ms and three times the median wait of its visits outside stampedes.
Three times: on a machine that is slow throughout, the usual wait must not count as a queue. 20 ms: without load the
wait is the network's and the browser's own, a few milliseconds, and three times so little is still scatter; 20 ms is
five of the 4 ms steps to which Chromium rounds LCP, so a queue below it could hardly be seen in LCP.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from rig.analysis.quantiles import quantile, ratio, spread
from rig.metrics import LCP
from rig.model import CacheStatus

QUEUED_FLOOR_MS = 20.0
QUEUED_FACTOR = 3.0
HIT_QUEUED = "HIT, queued"

# In the order in which a reader meets them: from nothing to do to everything to do.
CAUSES = {
    "HIT": "served from the cache",
    HIT_QUEUED: "served from the cache, after a wait for a server thread",
    "STALE": "an old value, served on purpose",
    "WAIT": "waited for another's recompute",
    "MISS": "recomputed",
    "BYPASS": "cached nothing",
}

Floats = npt.NDArray[np.float64]


def queued_above_ms(calm_queue_ms: npt.ArrayLike) -> float:
    """The wait for a server thread above which a hit counts as queued; ``calm_queue_ms``: waits outside stampedes."""
    usual_ms = quantile(calm_queue_ms, 0.5)
    return max(QUEUED_FLOOR_MS, QUEUED_FACTOR * (usual_ms or 0.0))


def cause_of(cache: str | None, queue_ms: float | None, above_ms: float) -> str | None:
    """One of :data:`CAUSES`. None: the target said nothing, or a hit's wait for a thread is not known."""
    if cache != CacheStatus.HIT:
        return cache if cache in CAUSES else None
    if queue_ms is None or queue_ms != queue_ms:
        return None
    return HIT_QUEUED if queue_ms > above_ms else "HIT"


def by_cause(visits: pd.DataFrame, queue_ms: Floats, met: npt.NDArray[np.int8], above_ms: float) -> dict[str, Any]:
    """Measured visits by cause: how many, LCP, inside and outside stampedes, and the band of the p75, which is lab.

    ``queue_ms`` and ``met`` (1 inside, 0 outside, -1 unknown) go with the rows of ``visits``. Visits without a known
    cause are in none of the groups.
    """
    listed = zip(visits["cache"], queue_ms, strict=True)
    causes = np.array([cause_of(_text(cache), float(queue), above_ms) for cache, queue in listed], dtype=object)
    lcp_ms = visits["lcp_ms"].to_numpy(float)
    known = sum(cause is not None for cause in causes)
    found: dict[str, Any] = {}
    for cause in CAUSES:
        mine = causes == cause
        if mine.any():
            found[cause] = {
                "count": int(mine.sum()),
                "share": ratio(int(mine.sum()), known),
                "inside_stampede": _group(lcp_ms[mine & (met == 1)]),
                "outside_stampede": _group(lcp_ms[mine & (met == 0)]),
                "lcp_ms": spread(lcp_ms[mine], "p50", "p75", "p95"),
                "lab_band": LCP.band(quantile(lcp_ms[mine], 0.75)),
            }
    return found


def _group(lcp_ms: Floats) -> dict[str, Any]:
    return {"count": len(lcp_ms), "lcp_ms": spread(lcp_ms, "p50", "p75", "p95")}


def _text(value: object) -> str | None:
    return str(value) if value is not None and value == value else None


def seen_causes(arms: Sequence[dict[str, Any]]) -> list[str]:
    """Those of :data:`CAUSES` that any of the arms' ``by_cause`` has, in order."""
    return [cause for cause in CAUSES if any(cause in arm for arm in arms)]
