"""What the page visits of one or several windows say: LCP and its parts, split by cache outcome and by stampede.

Starved and failed visits are counted and kept out of every quantile.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from rig.analysis.lcp_causes import by_cause, queued_above_ms
from rig.analysis.page_weight import WEIGHTS, by_path
from rig.analysis.pipeline import pipeline_ms
from rig.analysis.quantiles import quantile, ratio, spread
from rig.analysis.requests import pool
from rig.analysis.stampede import Stampede, overlaps
from rig.model import VisitOutcome

QUANTILES = ("p50", "p75", "p95", "iqr")
PARTS = ("ttfb", "load_delay", "load_duration", "render_delay")

# A visit is slow when its LCP is more than this many times the median LCP outside stampedes.
SLOW_FACTOR = 2.0


def figures(tables: Sequence[pd.DataFrame], *, browser_cpu_s: float | None = None) -> dict[str, Any]:
    """The figures of ``rig pages --json`` (without its list of visits) over one or several windows, pooled.

    Args:
        tables: frames of :data:`rig.samples.PAGES`, one a window.
        browser_cpu_s: CPU seconds of the browser in all windows together, None if unknown.

    ``parts_ms`` are means, ``fcp_ms``, ``cls``, ``inp_ms`` medians over measured visits. ``wall_s`` runs from
    the first navigation to the end of the last visit, summed over windows.
    """
    visits = pool(tables)
    measured = _measured(visits)
    failed = visits[visits["outcome"] == VisitOutcome.FAILED]
    begun = visits[visits["started_s"].notna()]
    slip_ms = (begun["started_s"].to_numpy(float) - begun["intended_s"].to_numpy(float)) * 1000
    walls = [wall for wall in (_wall_s(table) for table in tables) if wall is not None]
    return {
        "scheduled": len(visits),
        **{str(outcome): int((visits["outcome"] == outcome).sum()) for outcome in VisitOutcome},
        "failures": {str(cause): int(number) for cause, number in failed["cause"].value_counts().items()},
        "wall_s": sum(walls) if walls else None,
        "cpu_s": browser_cpu_s,
        "lcp_ms": spread(measured["lcp_ms"], *QUANTILES),
        "ttfb_ms": spread(measured["ttfb_ms"], *QUANTILES),
        "visit_slip_ms": spread(slip_ms, "p50", "max"),
        "parts_ms": {part: spread(measured[f"{part}_ms"], "mean")["mean"] for part in PARTS},
        **{name: quantile(measured[name], 0.5) for name in ("fcp_ms", "cls", "inp_ms")},
    }


def cause_figures(trials: Sequence[tuple[pd.DataFrame, Sequence[Stampede]]]) -> dict[str, Any]:
    """The same visits split by what the cache did and by whether they met a stampede.

    A visit met a stampede when its wait for the server, from navigation to first byte, overlaps one of *any*
    entry: a herd holds the server threads that all pages need. A visit whose navigation or first byte is unknown
    is in neither group (``unplaced``). ``slow_share``: visits with an LCP above twice the median of those outside.
    ``thread_queue_ms``: TTFB minus the time the server says it worked. ``by_cause``: see
    :mod:`rig.analysis.lcp_causes`; ``pipeline_ms``: see :mod:`rig.analysis.pipeline`.
    """
    visits = pool([table for table, _ in trials])
    met = np.concatenate([_met(table, stampedes) for table, stampedes in trials])
    measured, starved = _measured(visits), int((visits["outcome"] == VisitOutcome.STARVED).sum())
    inside, outside = measured[met[measured.index] == 1], measured[met[measured.index] == 0]
    calm_ms = quantile(outside["lcp_ms"], 0.5)
    known = measured["lcp_ms"].dropna()
    slow = None if calm_ms is None else int((known > SLOW_FACTOR * calm_ms).sum())
    queue_ms, meetings = _thread_queue_ms(measured), met[measured.index].astype(np.int8)
    above_ms = queued_above_ms(_thread_queue_ms(outside))
    return {
        "by_cause": by_cause(measured, queue_ms, meetings, above_ms),
        "queued_above_ms": above_ms,
        "by_cache": {str(status): _cache_group(group) for status, group in measured.groupby("cache")},
        "inside_stampede": _stampede_group(inside),
        "outside_stampede": _stampede_group(outside),
        "unplaced": len(measured) - len(inside) - len(outside),
        "slow_share": ratio(slow, len(known)),
        "thread_queue_ms": spread(queue_ms, *QUANTILES),
        "pipeline_ms": pipeline_ms(measured, meetings),
        **{name: quantile(measured[name], 0.5) for name in WEIGHTS},
        "by_path": by_path(measured),
        "starved_share": ratio(starved, starved + len(measured)),
    }


def _measured(visits: pd.DataFrame) -> pd.DataFrame:
    return visits[visits["outcome"] == VisitOutcome.MEASURED]


def _met(visits: pd.DataFrame, stampedes: Sequence[Stampede]) -> npt.NDArray[np.int8]:
    """1: met a stampede, 0: met none, -1: not known."""
    begin_s = visits["navigation_s"].to_numpy(float)
    end_s = begin_s + visits["ttfb_ms"].to_numpy(float) / 1000
    met = overlaps(begin_s, end_s, stampedes).astype(np.int8)
    return np.where(np.isnan(end_s), np.int8(-1), met)


def _cache_group(visits: pd.DataFrame) -> dict[str, Any]:
    return {
        "count": len(visits),
        "lcp_ms": spread(visits["lcp_ms"], "p50", "p75", "p95"),
        "ttfb_ms": spread(visits["ttfb_ms"], "p50", "p75", "p95"),
    }


def _stampede_group(visits: pd.DataFrame) -> dict[str, Any]:
    return {
        "count": len(visits),
        "lcp_ms": spread(visits["lcp_ms"], *QUANTILES),
        "thread_queue_ms": spread(_thread_queue_ms(visits), *QUANTILES),
    }


def _thread_queue_ms(visits: pd.DataFrame) -> npt.NDArray[np.float64]:
    queue: npt.NDArray[np.float64] = visits["ttfb_ms"].to_numpy(float) - visits["server_total_ms"].to_numpy(float)
    return queue


def _wall_s(visits: pd.DataFrame) -> float | None:
    begun = visits["navigation_s"].fillna(visits["started_s"]).min()
    ended = visits["done_s"].max()
    return None if pd.isna(begun) or pd.isna(ended) else float(ended - begun)
