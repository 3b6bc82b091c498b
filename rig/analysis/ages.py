"""How old what readers were served was, over the window of one sealed trial.

The same judgement as in the figures of staleness (:mod:`rig.analysis.staleness`): ages are lower bounds. A read
counts where it was sent, because that is the instant it was judged at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from rig.analysis.arms import of_other_clocks
from rig.analysis.reads import reads_of
from rig.analysis.staleness import Freshness, commits_of, judge
from rig.analysis.timeline import BUCKET_S, bucket_count
from rig.analysis.visits import of_target
from rig.journal import SealedTrial

_REQUESTS = ["index", "kind", "path", "sent_s", "done_s", "cause", "content_version", "worker"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ages:
    """By bucket: how many reads were judged, how many were stale, and the oldest in seconds (None: none judged)."""

    judged: list[int]
    stale: list[int]
    oldest_s: list[float | None]


def ages(trial: SealedTrial, entries: Mapping[str, str], bucket_s: float = BUCKET_S) -> Ages:
    """The ages served in a sealed trial; ``entries`` maps a path to its logical entry.

    Reads timed with another host's clock are left out: beside the target's commits their times say nothing.
    """
    facts = trial.facts
    requests = trial.frame("requests", _REQUESTS)
    visits = of_target(trial.frame("pages")).reset_index(drop=True)
    reads = reads_of(requests[~of_other_clocks(requests, facts)], visits, entries)
    commits = commits_of(trial.frame("origin"), (facts.get("settle") or {}).get("versions"))
    start_s = float(facts["start_s"])
    return by_bucket(reads, judge(reads, commits), start_s, float(facts["end_s"]) - start_s, bucket_s)


def by_bucket(reads: pd.DataFrame, judged: pd.DataFrame, start_s: float, window_s: float, bucket_s: float) -> Ages:
    """``judged`` as :func:`rig.analysis.staleness.judge` gives it for ``reads``; what lies outside the window is not
    counted."""
    buckets = bucket_count(window_s, bucket_s)
    sent_s = reads.drop_duplicates("read").set_index("read")["start_s"].reindex(judged.index).to_numpy(float)
    bucket = np.floor((sent_s - start_s) / bucket_s + 1e-9)
    age_s = judged["age_s"].to_numpy(float)
    counted = ~np.isnan(age_s) & (bucket >= 0) & (bucket < buckets)
    place = bucket[counted].astype(int)
    oldest = np.full(buckets, -1.0)
    np.maximum.at(oldest, place, age_s[counted])
    stale = (judged["verdict"] == Freshness.STALE).to_numpy(bool)[counted]
    return Ages(
        judged=np.bincount(place, minlength=buckets).tolist(),
        stale=np.bincount(place[stale], minlength=buckets).tolist(),
        oldest_s=[None if value < 0 else float(value) for value in oldest],
    )
