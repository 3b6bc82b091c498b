"""Who waited: what a request under way during a stampede waited for, if for anything.

Most slow requests of a herd are hits: the herd holds the server threads, and they stand in the queue. The client's
service time less the time the server says it worked is that queue; see :mod:`rig.analysis.lcp_causes` for from where
on a wait counts as one.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from rig.analysis.lcp_causes import queued_above_ms
from rig.analysis.quantiles import Floats
from rig.analysis.requests import failure_causes
from rig.model import CacheStatus

# In the order in which a reader pays: from nothing to everything.
WHO = {
    "served": "served at once",
    "queued": "waited for a server thread",
    "waited": "waited for another's recompute",
    "computed": "recomputed",
    "failed": "failed",
    "untold": "the server did not say how long it worked",
}

Words = npt.NDArray[np.object_]


def who_waited(requests: pd.DataFrame, calm: npt.NDArray[np.bool_]) -> Words:
    """One of :data:`WHO` for each request; ``calm``: those outside stampedes, whose queue is the usual one."""
    queue_ms = thread_queue_ms(requests)
    cache = requests["cache"].astype(object)
    found = np.where(queue_ms > queued_above_ms(queue_ms[calm]), "queued", "served").astype(object)
    found[np.isnan(queue_ms)] = "untold"
    found[(cache == CacheStatus.WAIT).to_numpy(bool)] = "waited"
    found[cache.isin([CacheStatus.MISS, CacheStatus.BYPASS]).to_numpy(bool)] = "computed"
    found[failure_causes(requests).notna().to_numpy(bool)] = "failed"
    return found


def thread_queue_ms(requests: pd.DataFrame) -> Floats:
    """Service time less the server's own total, ms; NaN where either is not known."""
    service_ms = (requests["done_s"].to_numpy(float) - requests["sent_s"].to_numpy(float)) * 1000
    waited: Floats = service_ms - requests["server_total_ms"].to_numpy(float)
    return waited
