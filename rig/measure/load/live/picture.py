"""One trial as a picture that grows while it is measured, in memory that does not.

For the eye alone: medians come from a histogram and are within 1 %. Every figure of a report is taken from the sealed
samples instead. The buckets are those of :mod:`rig.analysis.timeline`, so the live picture and the report's agree.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rig.measure.load.live.batch import Timings
from rig.measure.load.live.figures import Counts, Figures, due_by
from rig.measure.load.live.stale import LiveStale
from rig.measure.load.live.times import BINS, Times, bins_of, middle_ms
from rig.model import VisitOutcome

BUCKETS_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
MOST_BUCKETS = 1200
MOST_KEPT = 1000
"""Of visits, and of markers of each kind. What comes after is counted, not kept."""
KINDS = ("write", "expiry", "stampede", "disturbance")

PEAK_S = 15.0
"""Who looks now and then still sees how many recomputes were open at once: a stampede may last a second."""


class Log:
    """The first things of a kind by key, each with the revision of its last change; ordered by that."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most = most
        self._kept: dict[Hashable, tuple[int, dict[str, Any]]] = {}
        self.left_out = 0

    def __len__(self) -> int:
        return len(self._kept)

    def put(self, key: Hashable, value: dict[str, Any], revision: int) -> None:
        """Keep ``value``, in the place of an earlier one of the same key."""
        _, earlier = self._kept.pop(key, (0, None))
        if earlier is None and len(self._kept) >= self._most:
            self.left_out += 1
            return
        self._kept[key] = (revision, value)

    def since(self, revision: int) -> list[dict[str, Any]]:
        """What changed after ``revision``, oldest change first."""
        return [value for _, value in self._newer(revision)][::-1]

    def _newer(self, revision: int) -> Iterator[tuple[int, dict[str, Any]]]:
        for changed, value in reversed(self._kept.values()):
            if changed <= revision:
                return
            yield changed, value


class LiveTrial:
    """The picture of one trial. Times given are CLOCK_MONOTONIC seconds, times kept count from the trial's start."""

    def __init__(
        self,
        header: Mapping[str, Any],
        start_s: float,
        window_s: float,
        revision: int,
        due_s: NDArray[np.float64] | None = None,
        in_flight: Callable[[], int | None] = lambda: None,
    ) -> None:
        self.header = dict(header)
        self.start_s, self.window_s, self.began = start_s, window_s, revision
        self.end: dict[str, Any] | None = None
        fitting = (width for width in BUCKETS_S if window_s / width <= MOST_BUCKETS)
        self.bucket_s = next(fitting, window_s / MOST_BUCKETS)
        # Rounded first: 24 / 0.1 is 240.00000000000003, and must not become 241 buckets.
        self.buckets = max(1, math.ceil(round(window_s / self.bucket_s, 6)))
        self._times = np.zeros((self.buckets, BINS), np.uint32)
        self._all_times, self._lcp_times = Times(), Times()
        self._counts, self.freshness = Counts(), LiveStale()
        self._due_s, self._in_flight = due_s, in_flight
        self._max_ms = np.full(self.buckets, np.nan)
        self._count = np.zeros(self.buckets, np.int64)
        self._failed = np.zeros(self.buckets, np.int64)
        self._open: list[int | None] = [None] * self.buckets
        self._open_now: tuple[int, int] | None = None  # bucket and level of the last step
        self._changed = np.full(self.buckets, revision, np.int64)
        self._writes, self._writes_failed = 0, 0
        self._visits = Log()
        self._markers = {kind: Log() for kind in KINDS}
        self._lcp_max_ms: float | None = None

    def requests(self, batch: Timings, revision: int) -> None:
        """Add requests that have ended; each counts in the bucket of its intended start."""
        self._counts.requests(batch)
        if batch.shown is not None:
            self.freshness.reads(batch.shown)
        reads = ~batch.is_write
        self._writes += int(batch.is_write.sum())
        self._writes_failed += int((batch.is_write & batch.failed).sum())
        # A schedule's floats may land a hair before a bucket's edge.
        at = np.floor((batch.intended_s - self.start_s) / self.bucket_s + 1e-9)
        bucket = np.clip(at, 0, self.buckets - 1).astype(np.intp)
        self._count += np.bincount(bucket[reads], minlength=self.buckets)
        self._failed += np.bincount(bucket[reads & batch.failed], minlength=self.buckets)
        timed = reads & ~np.isnan(batch.done_s)
        spent_ms = (batch.done_s[timed] - batch.intended_s[timed]) * 1000
        np.fmax.at(self._max_ms, bucket[timed], spent_ms)
        np.add.at(self._times, (bucket[timed], bins_of(spent_ms)), 1)
        self._all_times.add(spent_ms)
        self._changed[bucket[reads]] = revision

    def recomputes_open(self, at_s: float, number: int, revision: int) -> None:
        """So many recomputes are open from ``at_s`` on. A bucket keeps its greatest number."""
        at = (at_s - self.start_s) / self.bucket_s
        since, level = self._open_now or (0, 0)
        here = max(since, min(math.floor(at), self.buckets - 1))
        if at >= 0:
            self._counts.recomputes += max(0, number - level)
            for bucket in range(since, here + 1):
                self._open[bucket] = max(self._open[bucket] or 0, level)
            if at < self.buckets:
                self._open[here] = max(self._open[here] or 0, number)
            self._changed[since : here + 1] = revision
        self._open_now = (here if at >= 0 else 0, number)

    def visit(self, row: Mapping[str, Any], revision: int) -> None:
        """Add a page visit (a row of :data:`rig.samples.PAGES`)."""
        self._counts.visits[str(row["outcome"])] += 1
        at_s = next(row[name] for name in ("navigation_s", "started_s", "intended_s") if row.get(name) is not None)
        if row["outcome"] == VisitOutcome.MEASURED and row.get("lcp_ms") is not None:
            self._lcp_times.add(np.array([row["lcp_ms"]], float))
            self._lcp_max_ms = max(self._lcp_max_ms or 0.0, float(row["lcp_ms"]))
        value = {name: row.get(name) for name in ("path", "outcome", "cause", "cache", "lcp_ms")}
        at_s = round(float(at_s) - self.start_s, 3)
        key = len(self._visits) + self._visits.left_out
        self._visits.put(key, {**value, "at_s": at_s, "stampede": None}, revision)

    def marker(
        self, kind: str, at_s: float, text: str, until_s: float | None, more: Mapping[str, Any], revision: int
    ) -> None:
        """Add a marker that touches the window, or replace the one of the same kind, instant and text."""
        begin_s = round(at_s - self.start_s, 4)
        end_s = None if until_s is None else round(until_s - self.start_s, 4)
        last_s = math.inf if kind == "stampede" and end_s is None else max(begin_s, end_s or begin_s)
        if begin_s > self.window_s or last_s < 0:
            return
        value = {**more, "kind": kind, "at_s": begin_s, "until_s": end_s, "text": text}
        self._markers[kind].put((begin_s, text), value, revision)

    def delta(self, since: int, now_s: float) -> dict[str, Any]:
        """What changed after revision ``since``, as plain data; everything where the trial itself is newer."""
        fresh = self.began > since
        rows = np.flatnonzero(self._changed > since) if not fresh else np.arange(self.buckets)
        return {
            **self.header,
            "window_s": self.window_s,
            "bucket_s": self.bucket_s,
            "fresh": fresh,
            "at_s": round(max(0.0, min(now_s - self.start_s, self.window_s)), 3),
            "ended": self.end is not None,
            "totals": self.totals(),
            "buckets": self._bucket_columns(rows),
            "visits": self._visits.since(since),
            "markers": [marker for log in self._markers.values() for marker in log.since(since)],
        }

    def totals(self) -> dict[str, Any]:
        """Figures of the trial so far; None: nothing measured yet."""
        stampedes = self._markers["stampede"].since(-1)
        watched = self._open_now is not None
        slowest = None if np.isnan(self._max_ms).all() else float(np.nanmax(self._max_ms))
        return {
            "reads": int(self._count.sum()),
            "failed": int(self._failed.sum()),
            "median_ms": self._all_times.quantile_ms(0.5),
            "p95_ms": self._all_times.quantile_ms(0.95),
            "slowest_ms": _short(slowest),
            "writes": self._writes,
            "writes_failed": self._writes_failed,
            "visits": len(self._visits) + self._visits.left_out,
            "lcp_median_ms": self._lcp_times.quantile_ms(0.5),
            "lcp_slowest_ms": _short(self._lcp_max_ms),
            "stampedes": len(stampedes) + self._markers["stampede"].left_out if watched else None,
            "peak": max((one["peak"] or 0 for one in stampedes), default=0) if watched else None,
            "not_shown": self._visits.left_out + sum(log.left_out for log in self._markers.values()),
        }

    def figures(self, now_s: float) -> Figures:
        """All that is counted, as it is now."""
        end = min(max(0, math.floor((now_s - self.start_s) / self.bucket_s)), self.buckets - 1) + 1
        peaks = [number or 0 for number in self._open[max(0, end - math.ceil(PEAK_S / self.bucket_s)) : end]]
        return Figures(
            strategy=self.header["arm"],
            round=self.header["round"],
            at_s=now_s,
            running=self.end is None,
            offered=due_by(self._due_s, now_s),
            in_flight=None if self.end else self._in_flight(),
            counts=self._counts,
            response=self._all_times,
            lcp=self._lcp_times,
            recomputes_open=self._open_now[1] if self._open_now else None,
            recomputes_peak=max(peaks, default=0) if self._open_now else None,
            stampedes=self.totals()["stampedes"],
            stale_reads=self.freshness.stale,
        )

    def _bucket_columns(self, rows: NDArray[np.intp]) -> dict[str, list[Any]]:
        heaped = self._times[rows].cumsum(axis=1)
        return {
            "number": rows.tolist(),
            "max_ms": [_short(value) for value in self._max_ms[rows].tolist()],
            "median_ms": [
                None if not heap[-1] else middle_ms(int(at))
                for heap, at in zip(heaped, (heaped * 2 >= heaped[:, -1:]).argmax(axis=1), strict=True)
            ],
            "count": self._count[rows].tolist(),
            "failed": self._failed[rows].tolist(),
            "recomputes": [self._open[row] for row in rows],
        }


def _short(value_ms: float | None) -> float | None:
    return None if value_ms is None or math.isnan(value_ms) else round(value_ms, 1)
