"""The rendering pipeline of a page, measured: from the wait for a server thread to the frame that shows the LCP.

The parts of :mod:`rig.analysis.lcp_parts` add up to the LCP of a visit, so their *means* add up to the mean LCP, in
and out of stampedes alike. Medians are the usual visit's and add up to nothing. Two figures lie within others and
are no part of the sum: ``db`` within ``origin``, ``critical_path`` (FCP less TTFB: what blocked the first paint)
across ``resource`` and ``paint``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from rig.analysis.lcp_parts import PARTS, db_ms_of, parts_of
from rig.analysis.quantiles import spread

WITHIN = {"db": "the database, within origin", "critical_path": "first byte to first paint"}
STEPS = (*PARTS, *WITHIN, "lcp")

# The server's own parts, and how long the visit waited for a thread; unknown without Server-Timing.
_SERVERS = ("queue", "cache", "lock", "origin", "render")


def pipeline_ms(visits: pd.DataFrame, met: npt.NDArray[np.int8]) -> dict[str, Any]:
    """Each of :data:`STEPS` over measured visits: medians of all, means inside and outside stampedes.

    Means are over the visits all of whose parts are known, so that they add up; ``count`` says how many those are.
    ``met``: 1 inside, 0 outside, -1 unknown, for each row.
    """
    steps = pd.DataFrame([_steps(page) for page in visits.to_dict("records")], columns=list(STEPS), dtype=float)
    whole = steps[[*PARTS, "lcp"]].notna().all(axis=1).to_numpy(bool)
    return {
        "median": {step: spread(steps[step], "p50")["p50"] for step in STEPS},
        "mean_inside_stampede": _means(steps[whole & (met == 1)]),
        "mean_outside_stampede": _means(steps[whole & (met == 0)]),
    }


def _means(steps: pd.DataFrame) -> dict[str, Any]:
    return {"count": len(steps), **{step: spread(steps[step], "mean")["mean"] for step in STEPS}}


def _steps(page: Mapping[Any, Any]) -> dict[str, float | None]:
    parts: dict[str, float | None] = dict(parts_of(page) or dict.fromkeys(PARTS))
    if db_ms_of(page) is None:
        # Without the server's word a TTFB is one figure: how much of it was a queue or a recompute is not known.
        parts |= dict.fromkeys(_SERVERS)
    first_paint = page["fcp_ms"] - page["ttfb_ms"] if _known(page["fcp_ms"]) and _known(page["ttfb_ms"]) else None
    return {**parts, "db": db_ms_of(page), "critical_path": first_paint, "lcp": page["lcp_ms"]}


def _known(value: object) -> bool:
    return value is not None and value == value
