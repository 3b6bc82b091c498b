"""One sealed trial as a picture over time: response times, recomputes in flight, stampedes, writes, visits.

All times are seconds after the trial's ``start_s``. Buckets count by *intended* start, so that a request which
waited in the generator is drawn where a user would have felt it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from rig.analysis.ledger import open_over_time
from rig.analysis.requests import is_timed, response_ms
from rig.analysis.stampede import Stampede, expiries, recomputes, stampedes
from rig.analysis.visits import Visit, visits
from rig.journal import SealedTrial
from rig.model import Kind

BUCKET_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Responses:
    """Reads a bucket: slowest and median response time (None where none was answered), how many, how many failed."""

    max_ms: list[float | None]
    median_ms: list[float | None]
    count: list[int]
    failed: list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Disturbed:
    """One disturbance. ``end_s`` is None for a momentary one, and for one whose end is not known."""

    kind: str
    begin_s: float
    end_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """What one trial looked like. The recompute series hold the greatest number open within each bucket."""

    window_s: float
    bucket_s: float
    responses: Responses
    recomputes: list[int]
    recomputes_hot: list[int]
    stampedes: list[Stampede]
    writes_hot: list[float]
    writes_other: list[float]
    expiries: list[float]
    visits: list[Visit]
    disturbances: list[Disturbed]


def timeline(trial: SealedTrial, hot_entry: str | None, bucket_s: float = BUCKET_S) -> Timeline:
    """The timeline of a sealed trial; ``hot_entry`` is the logical entry most reads go to."""
    start_s = float(trial.facts["start_s"])
    window_s = float(trial.facts["end_s"]) - start_s
    requests = trial.frame("requests", ["kind", "intended_s", "sent_s", "done_s", "status", "cause"])
    origin = trial.frame("origin")
    opened = recomputes(origin)
    # What stores nothing recomputes at every read by design: a control, not a stampede.
    stores = bool((opened["outcome"] == "stored").any())
    met = stampedes_within(stampedes(opened) if stores else [], start_s, window_s)
    hot = opened[opened["entry"] == hot_entry]
    return Timeline(
        window_s=window_s,
        bucket_s=bucket_s,
        responses=response_buckets(requests, start_s, window_s, bucket_s),
        recomputes=in_flight(opened, start_s, window_s, bucket_s),
        recomputes_hot=in_flight(hot, start_s, window_s, bucket_s),
        stampedes=met,
        writes_hot=writes(origin, start_s, window_s, hot_entry, hot=True),
        writes_other=writes(origin, start_s, window_s, hot_entry, hot=False),
        expiries=expiries_within(expiries(origin), start_s, window_s, hot_entry),
        visits=visits(trial.frame("pages"), met, start_s),
        disturbances=disturbances(trial.facts.get("disturbances") or [], start_s),
    )


def disturbances(facts: Sequence[Mapping[str, Any]], start_s: float) -> list[Disturbed]:
    """The disturbances that happened, relative to the trial's start."""
    return [
        Disturbed(
            kind=str(one["kind"]),
            begin_s=float(one["begin_s"]) - start_s,
            end_s=None if one["end_s"] is None else float(one["end_s"]) - start_s,
        )
        for one in facts
        if one["begin_s"] is not None
    ]


def bucket_count(window_s: float, bucket_s: float) -> int:
    """How many buckets cover the window; the last one may reach beyond it."""
    # Rounded first: 24 / 0.1 is 240.00000000000003, and must not become 241 buckets.
    return max(1, math.ceil(round(window_s / bucket_s, 6)))


def response_buckets(requests: pd.DataFrame, start_s: float, window_s: float, bucket_s: float = BUCKET_S) -> Responses:
    """Reads by bucket of their intended start; one that broke or was dropped counts, but has no response time."""
    buckets = bucket_count(window_s, bucket_s)
    reads = requests[requests["kind"].astype("object") == Kind.READ]
    at = ((reads["intended_s"] - start_s) / bucket_s).to_numpy(float)
    # A schedule's floats may land a hair before a bucket's edge.
    bucket = np.clip(np.floor(at + 1e-9), 0, buckets - 1).astype(int)
    timed = is_timed(reads).to_numpy(bool)
    times = pd.Series(response_ms(reads[timed])).groupby(bucket[timed])
    return Responses(
        max_ms=_by_bucket(times.max(), buckets),
        median_ms=_by_bucket(times.median(), buckets),
        count=np.bincount(bucket, minlength=buckets).tolist(),
        failed=np.bincount(bucket[reads["cause"].notna().to_numpy()], minlength=buckets).tolist(),
    )


def _by_bucket(values: pd.Series[float], buckets: int) -> list[float | None]:
    series = values.reindex(range(buckets))
    return [None if math.isnan(value) else float(value) for value in series]


def in_flight(opened: pd.DataFrame, start_s: float, window_s: float, bucket_s: float = BUCKET_S) -> list[int]:
    """Greatest number of recomputes open at once within each bucket.

    ``opened``: :func:`rig.analysis.stampede.recomputes`; one that never ended closes at its last sign of life.
    """
    buckets = bucket_count(window_s, bucket_s)
    at_s, level = open_over_time(opened)
    at = at_s - start_s
    peaks = []
    for number in range(buckets):
        first, last = np.searchsorted(at, [number * bucket_s, (number + 1) * bucket_s])
        before = level[first - 1] if first else 0
        peaks.append(int(max(before, level[first:last].max(initial=0))))
    return peaks


def stampedes_within(found: Sequence[Stampede], start_s: float, window_s: float) -> list[Stampede]:
    """Stampedes that touch the window, in order of their begin and relative to the trial's start."""
    shifted = (replace(one, begin_s=one.begin_s - start_s, end_s=one.end_s - start_s) for one in found)
    met = [one for one in shifted if one.begin_s < window_s and one.end_s > 0]
    return sorted(met, key=lambda one: (one.begin_s, one.entry))


def writes(origin: pd.DataFrame, start_s: float, window_s: float, hot_entry: str | None, *, hot: bool) -> list[float]:
    """Commit times of the writes that concern the hot entry (``hot``), or of all the others."""
    committed = origin[(origin["event"] == "write") & (origin["outcome"] == "committed")]
    times = []
    for entries, end_ns, begin_ns in zip(
        committed["entries"], committed["commit_end_ns"], committed["begin_ns"], strict=True
    ):
        concerns_hot = entries is not None and hot_entry in list(entries)
        at_s = float(begin_ns if end_ns is None or math.isnan(end_ns) else end_ns) / 1e9 - start_s
        if concerns_hot == hot and 0 <= at_s <= window_s:
            times.append(at_s)
    return sorted(times)


def expiries_within(
    found: Sequence[tuple[str, float]], start_s: float, window_s: float, hot_entry: str | None
) -> list[float]:
    """When the hot entry's value ran out of its time to live within the window."""
    return sorted(at_s - start_s for entry, at_s in found if entry == hot_entry and 0 <= at_s - start_s <= window_s)
