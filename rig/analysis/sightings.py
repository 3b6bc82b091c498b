"""What readers of each dependent page saw of each write: the ground for times to fresh and for torn views."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rig.analysis.staleness import Commits, Known, known_by_scope

SIGHTING_COLUMNS = ("write", "entry", "scope", "version", "begin_s", "end_s", "older_s", "last_s", "shown_s")


def sightings(reads: pd.DataFrame, commits: Commits) -> pd.DataFrame:
    """One row for each committed write, scope it raised and entry read with that scope: :data:`SIGHTING_COLUMNS`.

    ``begin_s, end_s``: the commit's interval. ``older_s``: when the last read began that returned an older version,
    -inf if none did; ``last_s``: when the last read of all began. ``shown_s``: when the first read had ended that
    returned this version or a newer one, inf if none did.
    """
    known = known_by_scope(commits)
    writes = {str(scope): own for scope, own in commits.table.groupby("scope", sort=False)}
    parts = [
        _of_entry(group, writes[scope], known[scope], str(scope), str(entry))
        for (scope, entry), group in reads.groupby(["scope", "entry"], sort=False)
        if scope in writes
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(SIGHTING_COLUMNS))


def _of_entry(reads: pd.DataFrame, own: pd.DataFrame, known: Known, scope: str, entry: str) -> pd.DataFrame:
    made = own["version"].to_numpy(np.int64)
    place = np.searchsorted(known.versions, made)
    order = np.argsort(reads["version"].to_numpy(np.int64), kind="stable")
    got = reads["version"].to_numpy(np.int64)[order]
    start_s, end_s = reads["start_s"].to_numpy(float)[order], reads["end_s"].to_numpy(float)[order]
    latest_s = np.append(-np.inf, np.maximum.accumulate(start_s))
    earliest_s = np.append(np.minimum.accumulate(end_s[::-1])[::-1], np.inf)
    older = np.searchsorted(got, made)
    found = pd.DataFrame(
        {
            "write": own["write"].to_numpy(),
            "entry": entry,
            "scope": scope,
            "version": made,
            "begin_s": known.begins[place],
            "end_s": known.ends[place],
            "older_s": latest_s[older],
            "last_s": latest_s[-1],
            "shown_s": earliest_s[older],
        }
    )
    return found[found["end_s"] < np.inf]
