"""Mistakes that no percentile shows: a page the cache never serves, an entry it has ceased to store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypedDict

import pandas as pd

from rig.analysis.causes import UNKNOWN
from rig.model import CacheStatus, Kind

# With no hit among so many, the hit ratio is below 10 % (rule of three).
FEWEST_READS = 30
# Losing a race or two is ordinary; so many in a row up to the end are not.
FEWEST_LOST = 10
# Of the recomputes of a page that is never hit: the rest may be what other pages' herds and warming explain.
UNEXPLAINED = 0.9

_FROM_CACHE = (CacheStatus.HIT, CacheStatus.STALE, CacheStatus.WAIT)


class NeverHit(TypedDict):
    """A path whose every read was recomputed although its entry had been stored and nothing had removed it."""

    path: str
    entry: str
    reads: int
    stored: int


class NeverStored(TypedDict):
    """An entry whose last recomputes of a trial were all thrown away. ``after_death``: since one was killed."""

    entry: str
    recomputes: int
    lasted_s: float
    after_death: bool


def never_hit(
    requests: Sequence[pd.DataFrame], recomputes: Sequence[pd.DataFrame], entries: Mapping[str, str]
) -> list[NeverHit]:
    """Paths that were read often and never served from the cache, for no reason that shows. Pooled over trials.

    ``recomputes`` as :func:`rig.analysis.stampede.recomputes` has them, ``entries`` maps a path to its logical entry.
    """
    reads = pd.concat([frame[(frame["kind"] == Kind.READ) & frame["cache"].notna()] for frame in requests])
    found = []
    for path, group in reads.groupby("path", observed=True):
        if len(group) < FEWEST_READS or group["cache"].isin(_FROM_CACHE).any():
            continue
        entry = entries.get(str(path), str(path))
        own = pd.concat([frame[frame["entry"] == entry] for frame in recomputes])
        if len(own) and (own["cause"] == UNKNOWN).mean() >= UNEXPLAINED:
            stored = int((own["outcome"] == "stored").sum())
            found.append(NeverHit(path=str(path), entry=entry, reads=len(group), stored=stored))
    return found


def never_stored(recomputes: Sequence[pd.DataFrame]) -> list[NeverStored]:
    """Entries that were recomputed again and again up to the end of a trial and not stored once. One row an entry:
    recomputes of all trials, the longest time.
    """
    found: dict[str, NeverStored] = {}
    for one in (one for frame in recomputes for one in _lost_at_the_end(frame)):
        known = found.setdefault(one["entry"], {**one, "recomputes": 0})
        known["recomputes"] += one["recomputes"]
        known["lasted_s"] = max(known["lasted_s"], one["lasted_s"])
        known["after_death"] |= one["after_death"]
    return list(found.values())


def _lost_at_the_end(recomputes: pd.DataFrame) -> Iterable[NeverStored]:
    for entry, group in recomputes.groupby("entry"):
        stored = (group["outcome"] == "stored").to_numpy(bool)
        last = int(stored.nonzero()[0][-1]) + 1 if stored.any() else 0
        lost = group.iloc[last:]
        if len(lost) >= FEWEST_LOST:
            lasted_s = float(lost["closed_s"].max() - lost["begin_s"].iloc[0])
            killed = bool(pd.isna(lost["end_s"].iloc[0]))
            yield NeverStored(entry=str(entry), recomputes=len(lost), lasted_s=lasted_s, after_death=killed)


def figures(
    requests: Sequence[pd.DataFrame], recomputes: Sequence[pd.DataFrame], entries: Mapping[str, str]
) -> dict[str, Any]:
    """``{"never_hit": [...], "never_stored": [...]}`` of one arm, over its sound trials."""
    return {"never_hit": never_hit(requests, recomputes, entries), "never_stored": never_stored(recomputes)}
