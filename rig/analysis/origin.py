"""What the cache cost its origin: recomputes, waste, stampedes, queries, processor time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from rig.analysis.causes import CAUSES, EXPIRY
from rig.analysis.quantiles import known_sum, quantile, ratio, some_sum
from rig.analysis.stampede import Stampede, capped, members
from rig.model import parse_versions


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One trial as its origin saw it. ``until_s``: when the last request begun in the window had ended."""

    start_s: float
    end_s: float
    until_s: float
    recomputes: pd.DataFrame
    stampedes: Sequence[Stampede]
    expiries: Sequence[tuple[str, float]]
    writes_committed: int
    requests_and_visits: int
    cache_commands: float | None
    cache_round_trips: float | None = None
    invalidations: int = 0
    """Calls that took entries out of the cache after a write."""

    @property
    def begun(self) -> pd.DataFrame:
        """Recomputes that began in the window or while it drained, warm-up excluded."""
        begin_s = self.recomputes["begin_s"]
        return self.recomputes[(begin_s >= self.start_s) & (begin_s <= self.until_s)]

    @property
    def met(self) -> list[Stampede]:
        """Stampedes that began in the window or while it drained."""
        return [one for one in self.stampedes if self.start_s <= one.begin_s <= self.until_s]

    @property
    def stores(self) -> bool:
        """Whether anything was stored, warm-up included: a control that does not cache has no stampedes."""
        return self.recomputes.empty or bool((self.recomputes["outcome"] == "stored").any())


def figures(windows: Sequence[Window], *, hot_entry: str | None, threads: int | None) -> dict[str, Any]:
    """The figures of ``origin`` in summary.json, pooled over windows.

    Stampede figures and ``wasted`` are null for a strategy that stores nothing: it recomputes at every read by
    design. ``stampede_capped``: the peak is within one of the number of server threads, so it may have been
    higher with more. ``cpu_share``: processor seconds of recomputes for each second from the window's start to its end,
    or to the end of the last recompute, where an overloaded target went on after it. ``cache_cost_ms``: what the round
    trips of a request would cost at each of :data:`ROUND_TRIPS_MS`, computed.
    """
    begun = [window.begun for window in windows]
    met = [window.met for window in windows]
    caching = all(window.stores for window in windows)
    writes = sum(window.writes_committed for window in windows)
    return {
        "recomputes": sum(len(frame) for frame in begun),
        "wasted": sum(wasted(frame) for frame in begun) if caching else None,
        **(_stampede_figures(begun, met, threads) if caching else dict.fromkeys(_NO_STAMPEDES)),
        **(_hot_figures(windows, hot_entry) if caching else dict.fromkeys(_NO_HOT)),
        "queries_per_write": ratio(_total(begun, "queries"), writes),
        "invalidations_per_write": ratio(sum(window.invalidations for window in windows), writes),
        **_cache_figures(windows),
        "cpu_share": ratio(_cpu_s(begun), sum(map(_busy_s, windows))),
        "recompute_alone_ms": _median_ms([frame[~members(frame, own)] for frame, own in zip(begun, met, strict=True)]),
        "recompute_herd_ms": herd_ms(windows),
        "unended": sum(int(frame["end_s"].isna().sum()) for frame in begun),
    }


ROUND_TRIPS_MS = (0.05, 0.5, 1.0)
"""A cache on the same host, in the same data centre, and a hop away in it."""


def _cache_figures(windows: Sequence[Window]) -> dict[str, Any]:
    served = sum(window.requests_and_visits for window in windows)
    commands = ratio(_sum([one.cache_commands for one in windows]), served)
    trips = ratio(_sum([one.cache_round_trips for one in windows]), served)
    return {
        "cache_commands_per_request": commands,
        "cache_round_trips_per_request": trips,
        "cache_cost_ms": {f"{each:g}": None if trips is None else trips * each for each in ROUND_TRIPS_MS},
    }


def _sum(values: Sequence[float | None]) -> float | None:
    """None as soon as one window does not know it."""
    return known_sum([np.nan if value is None else value for value in values])


_NO_STAMPEDES = (
    "stampedes",
    "stampedes_by_cause",
    "stampede_peak",
    "stampede_worst_s",
    "stampede_capped",
)
_NO_HOT = ("hot_expiries", "hot_expiry_stampedes")


def _stampede_figures(
    begun: Sequence[pd.DataFrame], met: Sequence[Sequence[Stampede]], threads: int | None
) -> dict[str, Any]:
    found = [one for own in met for one in own]
    causes = Counter(dict.fromkeys(CAUSES, 0))
    causes.update(one.cause for one in found)
    never_two = 1 if any(len(frame) for frame in begun) else 0
    peak = max((one.peak for one in found), default=never_two)
    return {
        "stampedes": len(found),
        "stampedes_by_cause": dict(causes),
        "stampede_peak": peak,
        "stampede_worst_s": max((one.end_s - one.begin_s for one in found), default=0.0),
        "stampede_capped": None if threads is None else bool(found) and capped(peak, threads),
    }


def _hot_figures(windows: Sequence[Window], hot_entry: str | None) -> dict[str, Any]:
    if hot_entry is None:
        return dict.fromkeys(_NO_HOT)
    instants = [
        instant
        for window in windows
        for entry, instant in window.expiries
        if entry == hot_entry and window.start_s <= instant <= window.end_s
    ]
    met = [one for window in windows for one in window.met if one.entry == hot_entry and one.cause == EXPIRY]
    return {"hot_expiries": len(instants), "hot_expiry_stampedes": len(met)}


def herd_ms(windows: Sequence[Window]) -> float | None:
    """Median duration of the recomputes that were part of a stampede, in milliseconds."""
    return _median_ms([one.begun[members(one.begun, one.met)] for one in windows if one.stores])


def wasted(recomputes: pd.DataFrame) -> int:
    """Recomputes that were discarded, or stored no newer versions than another had stored meanwhile.

    "Meanwhile": the other ended after this one began. A refresh of a value stored earlier is not waste. What was
    overwritten unread is not counted: who read an entry inside a page is not recorded, so it can't be proved.
    """
    return sum(wasted_of_entry(group) for _, group in recomputes.groupby(["epoch", "entry"]))


def wasted_of_entry(recomputes: pd.DataFrame) -> int:
    """The same for recomputes of one entry in one epoch."""
    outcome = recomputes["outcome"]
    stored = recomputes[(outcome == "stored").to_numpy(bool)].sort_values("end_s", kind="stable")
    return int((outcome == "discarded").sum()) + _duplicates(stored)


def _duplicates(stored: pd.DataFrame) -> int:
    """Stores of one entry, in order of their end, that came after one as new which ended while they computed."""
    versions = [parse_versions(text if isinstance(text, str) else None) for text in stored["versions"]]
    begins, ends = stored["begin_s"].to_numpy(float), stored["end_s"].to_numpy(float)
    count = 0
    for number in range(len(stored)):
        earliest = int(np.searchsorted(ends[:number], begins[number], side="right"))
        count += any(_as_new(versions[other], versions[number]) for other in range(earliest, number))
    return count


def _as_new(one: Mapping[str, int], other: Mapping[str, int]) -> bool:
    """Whether ``one`` is at least as new as ``other`` in every scope; unknown versions prove nothing."""
    return bool(other) and all(one.get(scope, -1) >= number for scope, number in other.items())


def _cpu_s(begun: Sequence[pd.DataFrame]) -> float | None:
    cpu_ms = _total(begun, "cpu_ms")
    return None if cpu_ms is None else cpu_ms / 1000


def _busy_s(window: Window) -> float:
    last_s = window.begun["end_s"].max()
    return max(window.end_s, window.end_s if np.isnan(last_s) else float(last_s)) - window.start_s


def _total(frames: Sequence[pd.DataFrame], column: str) -> float | None:
    """The sum over recomputes that recorded it: one killed while open did not. None where none did."""
    return some_sum(np.concatenate([frame[column].to_numpy(float) for frame in frames]))


def _median_ms(frames: Sequence[pd.DataFrame]) -> float | None:
    durations_s = [(frame["end_s"] - frame["begin_s"]).to_numpy(float) for frame in frames]
    return quantile(np.concatenate(durations_s) * 1000, 0.5) if durations_s else None
