"""What the requests of one or several windows say: counts, response, service and slip times, cache outcomes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from rig.analysis.pool import Pool
from rig.analysis.quantiles import Floats, ratio, spread
from rig.analysis.stampede import Stampede, overlaps
from rig.journal import SealedTrial
from rig.model import CacheStatus, Kind

QUANTILES = ("mean", "p50", "p90", "p95", "p99", "p999", "max")

# What :func:`figures` needs of a request.
COLUMNS = ("intended_s", "sent_s", "done_s", "status", "cause")

# These ended at a deadline that `done_s` holds: the user waited that long, so they count.
DEADLINE = ("timeout", "connect_timeout", "drain")
# A whole response came, however unwelcome.
COMPLETE = ("status", "version", "wrong_arm")

# A request intended this close to the end may rightly be open when the window ends.
OPEN_AT_END_S = 0.5


def figures(
    windows: Sequence[pd.DataFrame | SealedTrial], *, window_s: float, generator_cpu_s: float | None = None
) -> dict[str, Any]:
    """The figures of ``rig load --json`` over one or several windows of ``window_s`` each, pooled.

    Args:
        windows: frames of :data:`rig.samples.REQUESTS`, or sealed trials, which are read chunk by chunk: 24 bytes
            a request, where a frame and what is taken out of it need about 170.
        window_s: planned length of each window.
        generator_cpu_s: CPU seconds of the generator in all windows together, None if unknown.

    ``scheduled == sent + dropped`` holds; ``failed`` counts within ``sent``. ``response_ms`` and ``service_ms``
    are over complete responses of any status and over requests that ended at a deadline, at that deadline;
    refused, reset and broken ones are left out of the times and counted in ``failures``. ``rate_rps`` is
    complete responses per second: of the window, or until the last response where the target fell behind.
    """
    tally = Tally(sum(_rows(window) for window in windows))
    elapsed_s = sum(max(window_s, tally.add_window(_chunks(window))) for window in windows)
    return {
        "scheduled": tally.scheduled,
        "sent": tally.sent,
        "dropped": tally.scheduled - tally.sent,
        "failed": tally.failures.total(),
        "failures": dict(tally.failures.most_common()),
        "statuses": {str(status): tally.statuses[status] for status in sorted(tally.statuses)},
        "rate_rps": ratio(tally.complete, elapsed_s),
        "response_ms": tally.response_ms.spread(*QUANTILES),
        "service_ms": tally.service_ms.spread(*QUANTILES),
        "slip_ms": tally.slip_ms.spread("p50", "p99", "max"),
        "cpu_us_per_request": ratio(None if generator_cpu_s is None else generator_cpu_s * 1e6, tally.sent),
    }


class Tally:
    """What :func:`figures` counts and the three times it keeps of each request, gathered frame by frame."""

    def __init__(self, capacity: int) -> None:
        self.scheduled = self.sent = self.complete = 0
        self.failures: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.response_ms, self.service_ms, self.slip_ms = Pool(capacity), Pool(capacity), Pool(capacity)

    def add_window(self, chunks: Iterable[pd.DataFrame]) -> float:
        """Add a window; seconds from its first intended start to its last complete response, 0 without one."""
        first_s, last_s = math.inf, -math.inf
        for chunk in chunks:
            complete = _is_complete(chunk)
            self._count(chunk, complete)
            self._time(chunk)
            first_s = min(first_s, chunk["intended_s"].min())
            last_s = max(last_s, chunk["done_s"].where(complete).max())
        return max(0.0, float(last_s - first_s))

    def _count(self, chunk: pd.DataFrame, complete: pd.Series[bool]) -> None:
        sent = chunk.loc[chunk["sent_s"].notna(), ["status", "cause"]]
        self.scheduled += len(chunk)
        self.sent += len(sent)
        self.complete += int(complete.sum())
        self.failures.update({str(cause): int(n) for cause, n in failure_causes(sent).value_counts().items()})
        statuses, counts = np.unique(sent["status"].dropna().to_numpy(int), return_counts=True)
        self.statuses.update(dict(zip(statuses.tolist(), counts.tolist(), strict=True)))

    def _time(self, chunk: pd.DataFrame) -> None:
        timed = is_timed(chunk).to_numpy(bool)
        self.response_ms.add(response_ms(chunk)[timed])
        self.service_ms.add(_milliseconds(chunk, "sent_s", "done_s")[timed])
        # A request that was never sent has no slip: its difference is NaN.
        self.slip_ms.add(_milliseconds(chunk, "intended_s", "sent_s"))


def cache_figures(tables: Sequence[pd.DataFrame]) -> dict[str, Any]:
    """What the cache did for the reads that said so: ratios, and response times for each outcome."""
    requests = pool(tables)
    reads = requests[is_timed(requests) & (requests["kind"] == Kind.READ) & requests["cache"].notna()]
    outcome = reads["cache"].astype(str)
    shares = {status: ratio(int((outcome == status).sum()), len(reads)) for status in CacheStatus}
    return {
        "hit_ratio": shares[CacheStatus.HIT],
        "stale_served_ratio": shares[CacheStatus.STALE],
        "waited_ratio": shares[CacheStatus.WAIT],
        "by_cache": {
            str(status): {"count": len(group), **spread(response_ms(group), "p50", "p95")}
            for status, group in reads.groupby(outcome)
        },
    }


def write_figures(tables: Sequence[pd.DataFrame]) -> dict[str, Any]:
    """Writes that were begun: how many, how many failed, and how long they took from their intended start."""
    requests = pool(tables)
    writes = requests[requests["sent_s"].notna() & (requests["kind"] == Kind.WRITE)]
    times = spread(response_ms(writes[is_timed(writes)]), "p50", "p99")
    return {
        "count": len(writes),
        "failed": int(failure_causes(writes).notna().sum()),
        "p50_ms": times["p50"],
        "p99_ms": times["p99"],
    }


def by_stampede(trials: Sequence[tuple[pd.DataFrame, Sequence[Stampede]]]) -> dict[str, dict[str, Any]]:
    """Response times of requests that were under way during a stampede of any entry, and of all the others."""
    inside: list[Floats] = []
    outside: list[Floats] = []
    for table, stampedes in trials:
        timed = table[is_timed(table)]
        met = overlaps(timed["sent_s"].to_numpy(float), timed["done_s"].to_numpy(float), stampedes)
        inside.append(response_ms(timed[met]))
        outside.append(response_ms(timed[~met]))
    return {
        name: {"count": int(times.size), "response_ms": spread(times, "p50", "p95")}
        for name, parts in (("inside_stampede", inside), ("outside_stampede", outside))
        for times in (np.concatenate(parts) if parts else np.empty(0),)
    }


def queue_empty_at_end(requests: pd.DataFrame, end_s: float) -> bool:
    """Whether the target kept up: nothing intended before ``end_s`` - 0.5 s is still open at ``end_s``.

    A request dropped before it was begun counts as open: it was never served.
    """
    early = requests[requests["intended_s"] < end_s - OPEN_AT_END_S]
    return not bool((early["sent_s"].isna() | (early["done_s"] > end_s)).any())


def response_ms(requests: pd.DataFrame) -> Floats:
    """Completion minus intended start: includes time queued in the generator."""
    return _milliseconds(requests, "intended_s", "done_s")


def failure_causes(sent: pd.DataFrame) -> pd.Series[Any]:
    """Why each request failed, null where it did not; without status and cause it is 'unrecorded', no success."""
    causes = sent["cause"].astype(object)
    causes = causes.where(causes.notna() | ~(sent["status"] >= 400), "status")
    return causes.where(causes.notna() | sent["status"].notna(), "unrecorded")


def is_timed(requests: pd.DataFrame) -> pd.Series[bool]:
    """Whether a request has a response time: a complete response, or a deadline that ended it."""
    ended = requests["sent_s"].notna() & requests["done_s"].notna()
    return ended & (_is_complete(requests) | requests["cause"].isin(DEADLINE))


def pool(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """All windows as one frame."""
    return pd.concat(tables, ignore_index=True)


def _is_complete(requests: pd.DataFrame) -> pd.Series[bool]:
    whole = requests["cause"].isna() | requests["cause"].isin(COMPLETE)
    return requests["sent_s"].notna() & requests["status"].notna() & requests["done_s"].notna() & whole


def _rows(window: pd.DataFrame | SealedTrial) -> int:
    return len(window) if isinstance(window, pd.DataFrame) else window.rows("requests")


def _chunks(window: pd.DataFrame | SealedTrial) -> Iterable[pd.DataFrame]:
    return [window] if isinstance(window, pd.DataFrame) else window.chunks("requests", COLUMNS)


def _milliseconds(requests: pd.DataFrame, begin: str, end: str) -> Floats:
    times: Floats = (requests[end].to_numpy(float) - requests[begin].to_numpy(float)) * 1000
    return times
