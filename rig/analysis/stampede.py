"""Stampedes: two or more recomputes of one logical entry open at once, within one epoch.

A stampede begins with the first recompute of the group and ends when none is open; its cause is that of its first
recompute. An entry's name carries no generation, so recomputes under an old and a new key count together.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from rig.analysis.causes import Invalidation, Opening, attribute, expiry_instants

RECOMPUTE_COLUMNS = (
    "entry", "begin_s", "end_s", "cause", "outcome", "ttl_s", "versions",
    "epoch", "closed_s", "cpu_ms", "db_ms", "queries",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Stampede:
    """One stampede. ``peak``: most recomputes open at once; ``recomputes``: how many there were in all."""

    entry: str
    cause: str
    begin_s: float
    end_s: float
    peak: int
    recomputes: int


def recomputes(origin: pd.DataFrame) -> pd.DataFrame:
    """The recomputes of a trial in order of their begin, each with its cause (see :mod:`rig.analysis.causes`).

    Columns: ``entry, begin_s, end_s`` (NaN: never ended), ``cause, outcome, ttl_s, versions, epoch, cpu_ms,
    db_ms, queries`` and ``closed_s``: when it ended, else the last sign of life of its process, after which nothing
    shows that it was still open. Warm-up is included: it decides causes.
    """
    found = _frame(origin)
    found["cause"] = None
    calls = _invalidations(origin)
    for (epoch, entry), group in found.groupby(["epoch", "entry"]):
        found.loc[group.index, "cause"] = attribute(_openings(group), calls.get((epoch, str(entry)), []))
    return found[list(RECOMPUTE_COLUMNS)]


def stampedes(recomputes: pd.DataFrame) -> list[Stampede]:
    """Every stampede among :func:`recomputes`, in order of their begin.

    Intervals are half open: one that begins at the instant another ends does not overlap it.
    """
    found = []
    for (_, entry), group in recomputes.groupby(["epoch", "entry"]):
        begins, closes = group["begin_s"].to_numpy(float), group["closed_s"].to_numpy(float)
        causes = group["cause"].tolist()
        for first, last, peak in _clusters(begins, closes):
            if peak >= 2:
                found.append(
                    Stampede(
                        entry=str(entry),
                        cause=str(causes[first]),
                        begin_s=float(begins[first]),
                        end_s=float(closes[first:last].max()),
                        peak=peak,
                        recomputes=last - first,
                    )
                )
    return sorted(found, key=lambda one: (one.begin_s, one.entry))


def expiries(origin: pd.DataFrame) -> list[tuple[str, float]]:
    """``(entry, instant)`` at which a stored value ran out of its time to live, not replaced or removed before.

    The instant follows from the time to live alone and may lie after the trial: callers keep what falls into
    their window.
    """
    found = []
    calls = _invalidations(origin)
    for (epoch, entry), group in _frame(origin).groupby(["epoch", "entry"]):
        instants = expiry_instants(_openings(group), calls.get((epoch, str(entry)), []))
        found += [(str(entry), instant) for instant in instants]
    return sorted(found, key=lambda one: one[1])


def overlaps(
    begin_s: npt.NDArray[np.float64], end_s: npt.NDArray[np.float64], stampedes: Sequence[Stampede]
) -> npt.NDArray[np.bool_]:
    """Which of the intervals [begin, end] touch a stampede; an interval with an unknown edge touches none."""
    met = np.zeros(len(begin_s), dtype=bool)
    for one in stampedes:
        met |= (begin_s <= one.end_s) & (end_s >= one.begin_s)
    return met


def members(recomputes: pd.DataFrame, stampedes: Sequence[Stampede]) -> npt.NDArray[np.bool_]:
    """Which recomputes belong to one of the stampedes."""
    begins = recomputes["begin_s"].to_numpy(float)
    belongs = np.zeros(len(recomputes), dtype=bool)
    for one in stampedes:
        same = (recomputes["entry"] == one.entry).to_numpy(bool)
        belongs |= same & (begins >= one.begin_s) & (begins < one.end_s)
    return belongs


def capped(peak: int, threads: int | None) -> bool | None:
    """Whether a peak is within one of the number of server threads: with more it may have been higher."""
    return None if threads is None else peak >= threads - 1


def _frame(origin: pd.DataFrame) -> pd.DataFrame:
    found = origin[origin["event"] == "recompute"].copy()
    found["begin_s"] = found["begin_ns"].to_numpy(float) / 1e9
    found["end_s"] = found["end_ns"].to_numpy(float) / 1e9
    alive_ns = np.fmax(origin["begin_ns"].to_numpy(float), origin["end_ns"].to_numpy(float))
    # A nanosecond more: what a process wrote last shows that its others were open at that very instant.
    last_sign_s = pd.Series((alive_ns + 1) / 1e9, index=origin.index).groupby(origin["pid"]).max()
    found["closed_s"] = found["end_s"].fillna(found["pid"].map(last_sign_s))
    return found.sort_values(["begin_s", "closed_s"], kind="stable", ignore_index=True)


def _openings(group: pd.DataFrame) -> list[Opening]:
    ttl_s = group["ttl_s"].astype(float).fillna(np.inf)
    return [
        Opening(begin_s=begin, closed_s=closed, stored=outcome == "stored", ttl_s=ttl, hint=hint)
        for begin, closed, outcome, ttl, hint in zip(
            group["begin_s"], group["closed_s"], group["outcome"], ttl_s, group["hint"], strict=True
        )
    ]


def _invalidations(origin: pd.DataFrame) -> dict[tuple[Hashable, str], list[Invalidation]]:
    """The calls that touched each (epoch, entry), in order of their begin. 'delete failed' is a delete in doubt."""
    rows = origin[origin["event"] == "invalidate"].sort_values("begin_ns", kind="stable")
    found: dict[tuple[Hashable, str], list[Invalidation]] = {}
    columns = ("epoch", "entries", "begin_ns", "end_ns", "outcome")
    # A call that names no entry reached all of them (a generation common to the whole catalogue).
    known = origin["entry"].dropna().unique()
    for epoch, entries, begin_ns, end_ns, outcome in zip(*(rows[name] for name in columns), strict=True):
        kind, _, failed = str(outcome).partition(" ")
        end_s = math.inf if pd.isna(end_ns) else float(end_ns) / 1e9
        call = Invalidation(begin_s=float(begin_ns) / 1e9, end_s=end_s, kind=kind, failed=bool(failed))
        for entry in known if entries is None or not len(entries) else entries:
            found.setdefault((epoch, str(entry)), []).append(call)
    return found


def _clusters(begins: npt.NDArray[np.float64], closes: npt.NDArray[np.float64]) -> Iterator[tuple[int, int, int]]:
    """Groups of intervals (sorted by begin) without a gap between them: first, one past the last, peak."""
    open_until: list[float] = []
    first, peak = 0, 0
    for number, (begin, close) in enumerate(zip(begins, closes, strict=True)):
        while open_until and open_until[0] <= begin:
            heapq.heappop(open_until)
        if not open_until and number:
            yield first, number, peak
            first, peak = number, 0
        heapq.heappush(open_until, float(close))
        peak = max(peak, len(open_until))
    if len(begins):
        yield first, len(begins), peak
