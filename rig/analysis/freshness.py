"""How long after a write old pages were still served, and the figures of a summary's ``staleness``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from rig.analysis.quantiles import Floats, ratio, spread
from rig.analysis.staleness import Commits, Freshness, judge, known_versions


@dataclass(frozen=True, slots=True, kw_only=True)
class Witnessed:
    """What readers of one trial saw. ``settle``: the check of cache against database after it, None if none."""

    judged: pd.DataFrame
    fresh_s: Floats
    all_fresh_s: Floats
    settle: Mapping[str, Any] | None


def witness(reads: pd.DataFrame, commits: Commits, settle: Mapping[str, Any] | None) -> Witnessed:
    """Judge the reads of one trial and time its writes."""
    times = fresh_times(reads, commits)
    return Witnessed(
        judged=judge(reads, commits),
        fresh_s=times.groupby("write")["seconds"].max().to_numpy(float),
        all_fresh_s=_all_fresh(times, commits.dependents),
        settle=settle,
    )


def fresh_times(reads: pd.DataFrame, commits: Commits) -> pd.DataFrame:
    """For each write and each entry read after it: columns ``write, entry, seconds``.

    ``seconds``: from the end of the commit to the start of the last read that was surely stale by it, 0 if there
    was none. It is a lower bound. A pair that nobody read after the commit is left out: nothing was seen.
    """
    rows: list[tuple[str, str, float]] = []
    for (scope, entry), group in reads.groupby(["scope", "entry"]):
        versions, _, ends = known_versions(commits, str(scope))
        own = commits.table[commits.table["scope"] == scope]
        committed_s = dict(zip(versions.tolist(), ends.tolist(), strict=True))
        ordered = group.sort_values("version", kind="stable")
        got, start_s = ordered["version"].to_numpy(np.int64), ordered["start_s"].to_numpy(float)
        latest_s = np.maximum.accumulate(start_s)
        for write, version in zip(own["write"], own["version"], strict=True):
            end_s = committed_s[int(version)]
            if latest_s[-1] <= end_s:
                continue
            older = int(np.searchsorted(got, int(version)))
            seconds = max(0.0, float(latest_s[older - 1]) - end_s) if older else 0.0
            rows.append((str(write), str(entry), seconds))
    # A write of several scopes on one page counts once, by the scope that took longest.
    pairs = pd.DataFrame(rows, columns=["write", "entry", "seconds"]).sort_values("seconds")
    return pairs.drop_duplicates(["write", "entry"], keep="last", ignore_index=True)


def _all_fresh(times: pd.DataFrame, dependents: Mapping[str, frozenset[str]]) -> Floats:
    """The slowest dependent of each write, for writes of which every dependent was read afterwards."""
    slowest = [
        float(group["seconds"].max())
        for write, group in times.groupby("write")
        if dependents[str(write)] and dependents[str(write)] <= set(group["entry"])
    ]
    return np.array(slowest, dtype=float)


def figures(trials: Sequence[Witnessed], *, max_staleness_s: float | None) -> dict[str, Any]:
    """The figures of ``staleness`` in summary.json, pooled over trials.

    Ages are lower bounds, over all reads that were judged (a fresh one has age 0), and null where nothing could
    have been stale. ``beyond_declared``: reads older than the strategy declares it may serve. ``persistent``:
    entries whose cached value differed from the database after traffic had stopped; ``persistent_ttl_max_s``: how
    long the longest of them would have stayed, ``persistent_unbounded``: how many had no time to live at all.
    """
    judged = pd.concat([trial.judged for trial in trials], ignore_index=True)
    verdicts = judged["verdict"].value_counts()
    opportunities = int(judged["opportunity"].sum())
    ages = judged["age_s"].to_numpy(float) if opportunities else np.empty(0)
    behind = judged["behind"].to_numpy(float) if opportunities else np.empty(0)
    fresh = spread(np.concatenate([trial.fresh_s for trial in trials]), "p50", "p99")
    all_fresh = spread(np.concatenate([trial.all_fresh_s for trial in trials]), "p99")
    most_behind = spread(behind, "max")["max"]
    return {
        "reads": len(judged),
        "stale": int(verdicts.get(Freshness.STALE, 0)),
        "indeterminate": int(verdicts.get(Freshness.INDETERMINATE, 0)),
        "errors": int(verdicts.get(Freshness.ERROR, 0)),
        "opportunities": opportunities,
        "stale_ratio": ratio(int(verdicts.get(Freshness.STALE, 0)), opportunities),
        "age_p99_s": spread(ages, "p99")["p99"],
        "age_max_s": spread(ages, "max")["max"],
        "versions_behind_max": None if most_behind is None else int(most_behind),
        "beyond_declared": _beyond(ages, max_staleness_s),
        "time_to_fresh_p50_s": fresh["p50"],
        "time_to_fresh_p99_s": fresh["p99"],
        "time_to_all_fresh_p99_s": all_fresh["p99"],
        "torn_views": None,
        **_persistent([trial.settle for trial in trials]),
    }


def _beyond(ages: Floats, max_staleness_s: float | None) -> int | None:
    if max_staleness_s is None or not ages.size:
        return None
    return int((ages > max_staleness_s).sum())


def _persistent(settles: Sequence[Mapping[str, Any] | None]) -> dict[str, Any]:
    checks = [settle for settle in settles if settle and settle.get("checked") is not None]
    if len(checks) < len(settles):
        return dict.fromkeys(("persistent", "persistent_ttl_max_s", "persistent_unbounded"))
    mismatches = [mismatch for settle in checks for mismatch in settle["mismatches"]]
    ttls = [mismatch.get("ttl_s") for mismatch in mismatches]
    return {
        "persistent": len(mismatches),
        "persistent_ttl_max_s": max((ttl for ttl in ttls if ttl is not None), default=None),
        "persistent_unbounded": sum(ttl is None for ttl in ttls),
    }
