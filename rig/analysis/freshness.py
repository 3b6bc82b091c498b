"""How long after a write old pages were still served, and the figures of a summary's ``staleness``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from rig.analysis.quantiles import Floats, ratio, spread
from rig.analysis.sightings import sightings
from rig.analysis.staleness import Commits, Freshness, judge
from rig.analysis.torn import Torn, torn

FEW_OPPORTUNITIES = 30
"""With fewer chances to be seen, "no stale read" says nothing: the rule of three would allow one in ten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Witnessed:
    """What readers of one trial saw. ``settle``: the check of cache against database after it, None if none.

    ``fresh_s``, ``first_fresh_s``, ``all_fresh_s``: one value a write that was read afterwards; see :func:`figures`.
    """

    judged: pd.DataFrame
    fresh_s: Floats
    first_fresh_s: Floats
    all_fresh_s: Floats
    torn: Torn
    settle: Mapping[str, Any] | None


def witness(reads: pd.DataFrame, commits: Commits, settle: Mapping[str, Any] | None) -> Witnessed:
    """Judge the reads of one trial and time its writes."""
    judged = judge(reads, commits)
    errors = judged.index[judged["verdict"] == Freshness.ERROR]
    # What was never committed, or not yet, shows no write.
    honest = reads[~reads["read"].isin(errors)] if len(errors) else reads
    seen = sightings(honest, commits)
    times = _times(seen)
    by_write = times.groupby("write")
    return Witnessed(
        judged=judged,
        fresh_s=by_write["seconds"].max().to_numpy(float),
        first_fresh_s=by_write["first_s"].min().to_numpy(float),
        all_fresh_s=_all_fresh(times, commits.dependents),
        torn=torn(honest, seen),
        settle=settle,
    )


def fresh_times(reads: pd.DataFrame, commits: Commits) -> pd.DataFrame:
    """For each write and each entry read after it: columns ``write, entry, seconds, first_s``.

    ``seconds``: from the end of the commit to the start of the last read that was surely stale by it, 0 if there
    was none. It is a lower bound. A pair that nobody read after the commit is left out: nothing was seen.
    ``first_s``: from the begin of the commit to the end of the first read that showed it, an upper bound; inf if
    none did.
    """
    return _times(sightings(reads, commits))


def _times(seen: pd.DataFrame) -> pd.DataFrame:
    read_after = seen[seen["last_s"] > seen["end_s"]]
    pairs = pd.DataFrame(
        {
            "write": read_after["write"],
            "entry": read_after["entry"],
            "seconds": (read_after["older_s"] - read_after["end_s"]).clip(lower=0.0),
            "first_s": read_after["shown_s"] - read_after["begin_s"],
        }
    )
    # A write of several scopes on one page counts once, by the scope that took longest.
    return pairs.groupby(["write", "entry"], as_index=False).max()


def _all_fresh(times: pd.DataFrame, dependents: Mapping[str, frozenset[str]]) -> Floats:
    """The slowest dependent of each write, for writes of which every dependent was read afterwards."""
    by_write = times.groupby("write")
    read = by_write["entry"].agg(frozenset)
    whole = [bool(dependents[str(write)]) and dependents[str(write)] <= entries for write, entries in read.items()]
    slowest: Floats = by_write["seconds"].max()[whole].to_numpy(float)
    return slowest


def figures(
    trials: Sequence[Witnessed], *, max_staleness_s: float | None, ttl_s: float | None = None
) -> dict[str, Any]:
    """The figures of ``staleness`` in summary.json, pooled over trials.

    Ages are lower bounds, over all reads that were judged (a fresh one has age 0), and null where nothing could
    have been stale; ``age_max_upper_s`` is the most that any read, also an indeterminate one, may have been out of
    date. ``*_ttls``: the same as multiples of ``ttl_s``, the run's short time to live. ``tested``: whether enough
    reads could have been stale, or some were; ``stale_ratio_upper``: with none stale, the 95 % upper bound 3/n (rule
    of three). ``time_to_fresh``: until the last stale read after a write; ``time_to_first_fresh``: until somebody had
    first been shown it, an upper bound; ``never_shown``: writes that nobody saw who read after them. ``torn_views``:
    see :mod:`rig.analysis.torn`. ``beyond_declared``: reads older than the strategy declares it may serve.
    ``persistent``: entries whose cached version or body differed from the database after traffic had stopped;
    ``persistent_ttl_max_s``: how long the longest of them would have stayed; ``persistent_unbounded``: how many had no
    time to live at all.
    """
    judged = pd.concat([trial.judged for trial in trials], ignore_index=True)
    verdicts = judged["verdict"].value_counts()
    stale, opportunities = int(verdicts.get(Freshness.STALE, 0)), int(judged["opportunity"].sum())
    tested = bool(stale) or opportunities >= FEW_OPPORTUNITIES
    ages = judged["age_s"].to_numpy(float) if opportunities else np.empty(0)
    age = spread(ages, "p99", "max")
    most_behind = spread(judged["behind"].to_numpy(float) if opportunities else np.empty(0), "max")["max"]
    return {
        "reads": len(judged),
        "stale": stale,
        "indeterminate": int(verdicts.get(Freshness.INDETERMINATE, 0)),
        "errors": int(verdicts.get(Freshness.ERROR, 0)),
        "opportunities": opportunities,
        "tested": tested,
        "stale_ratio": ratio(stale, opportunities),
        "stale_ratio_upper": 3 / opportunities if tested and not stale else None,
        "age_p99_s": age["p99"],
        "age_max_s": age["max"],
        "age_max_upper_s": _oldest_possible_s(judged) if opportunities else None,
        "age_p99_ttls": ratio(age["p99"], ttl_s),
        "age_max_ttls": ratio(age["max"], ttl_s),
        "versions_behind_max": None if most_behind is None else int(most_behind),
        "beyond_declared": _beyond(ages, max_staleness_s),
        **_after_writes(trials),
        **_torn([trial.torn for trial in trials]),
        **_persistent([trial.settle for trial in trials]),
    }


def _oldest_possible_s(judged: pd.DataFrame) -> float | None:
    """None where it is unbounded: a read whose end, or whose version's commit, is not known."""
    doubtful = judged["verdict"].isin([Freshness.STALE, Freshness.INDETERMINATE])
    oldest_s = float(judged["age_most_s"][doubtful].max()) if doubtful.any() else 0.0
    return max(0.0, oldest_s) if math.isfinite(oldest_s) else None


def _after_writes(trials: Sequence[Witnessed]) -> dict[str, Any]:
    last = spread(np.concatenate([trial.fresh_s for trial in trials]), "p50", "p99")
    first_s = np.concatenate([trial.first_fresh_s for trial in trials])
    first = spread(first_s[np.isfinite(first_s)], "p50", "p99")
    return {
        "time_to_fresh_p50_s": last["p50"],
        "time_to_fresh_p99_s": last["p99"],
        "time_to_first_fresh_p50_s": first["p50"],
        "time_to_first_fresh_p99_s": first["p99"],
        "never_shown": int(np.isinf(first_s).sum()) if first_s.size else None,
        "time_to_all_fresh_p99_s": spread(np.concatenate([trial.all_fresh_s for trial in trials]), "p99")["p99"],
    }


def _torn(counts: Sequence[Torn]) -> dict[str, Any]:
    """Null where no write could have torn a view: nobody read a dependent after another page had shown it."""
    opportunities = sum(one.opportunities for one in counts)
    return {
        "torn_views": sum(one.views for one in counts) if opportunities else None,
        "torn_writes": sum(one.writes for one in counts) if opportunities else None,
        "torn_opportunities": opportunities,
    }


def _beyond(ages: Floats, max_staleness_s: float | None) -> int | None:
    if max_staleness_s is None or not ages.size:
        return None
    return int((ages > max_staleness_s).sum())


def _wrong_bodies(settle: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Entries whose body differs from the database's though the target names no mismatch of theirs; nor how long."""
    told, differing = {mismatch["entry"] for mismatch in settle["mismatches"]}, settle.get("bodies_differ")
    return [{"entry": name} for name in differing if name not in told] if isinstance(differing, list) else []


def _persistent(settles: Sequence[Mapping[str, Any] | None]) -> dict[str, Any]:
    checks = [settle for settle in settles if settle and settle.get("checked") is not None]
    if len(checks) < len(settles):
        return dict.fromkeys(("persistent", "persistent_ttl_max_s", "persistent_unbounded"))
    mismatches = [mismatch for settle in checks for mismatch in [*settle["mismatches"], *_wrong_bodies(settle)]]
    ttls = [mismatch.get("ttl_s") for mismatch in mismatches]
    # A negative time to live is the cache's word for "for ever".
    bounded = [ttl for ttl in ttls if ttl is not None and ttl >= 0]
    return {
        "persistent": len(mismatches),
        "persistent_ttl_max_s": max(bounded, default=None),
        "persistent_unbounded": len(ttls) - len(bounded),
    }
