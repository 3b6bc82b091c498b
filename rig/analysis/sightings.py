"""What readers of each dependent page saw of each write: the ground for times to fresh and for torn views."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from rig.analysis.quantiles import Floats
from rig.analysis.staleness import Commits, Integers, Known, known_by_scope, places

SIGHTING_COLUMNS = ("write", "entry", "scope", "version", "begin_s", "end_s", "older_s", "last_s", "shown_s")


def sightings(reads: pd.DataFrame, commits: Commits) -> pd.DataFrame:
    """One row for each committed write, scope it raised and entry read with that scope: :data:`SIGHTING_COLUMNS`.

    ``begin_s, end_s``: the commit's interval. ``older_s``: when the last read began that returned an older version,
    -inf if none did; ``last_s``: when the last read of all began. ``shown_s``: when the first read had ended that
    returned this version or a newer one, inf if none did.
    """
    known = known_by_scope(commits)
    writes, made = commits.table["write"].to_numpy(), commits.table["version"].to_numpy(np.int64)
    own = dict(places(commits.table["scope"]))
    got, start_s, end_s = (reads[name].to_numpy() for name in ("version", "start_s", "end_s"))
    parts = []
    for (scope, entry), rows in pages_read(reads):
        if scope not in own:
            continue
        rows_written = own[scope]
        seen = _seen(made[rows_written], known[scope], got[rows], start_s[rows], end_s[rows])
        named = {"write": writes[rows_written], "version": made[rows_written]}
        alike = {"entry": np.full(rows_written.size, entry, object), "scope": np.full(rows_written.size, scope, object)}
        parts.append({**named, **alike, **seen})
    if not parts:
        return pd.DataFrame(columns=list(SIGHTING_COLUMNS))
    found = pd.DataFrame({name: np.concatenate([part[name] for part in parts]) for name in SIGHTING_COLUMNS})
    return found[found["end_s"] < np.inf]


def pages_read(rows: pd.DataFrame) -> Iterator[tuple[tuple[str, str], Integers]]:
    """Each (scope, entry) with the positions of its rows, in order."""
    scopes, scope_names = pd.factorize(rows["scope"])
    entries, entry_names = pd.factorize(rows["entry"])
    for page, found in places(pd.Series(scopes * len(entry_names) + entries)):
        scope, entry = divmod(int(page), len(entry_names))
        yield (str(scope_names[scope]), str(entry_names[entry])), found


def _seen(made: Integers, known: Known, got: Integers, start_s: Floats, end_s: Floats) -> dict[str, Floats]:
    place = np.searchsorted(known.versions, made)
    order = np.argsort(got, kind="stable")
    latest_s = np.append(-np.inf, np.maximum.accumulate(start_s[order]))
    earliest_s = np.append(np.minimum.accumulate(end_s[order][::-1])[::-1], np.inf)
    older = np.searchsorted(got[order], made)
    return {
        "begin_s": known.begins[place],
        "end_s": known.ends[place],
        "older_s": latest_s[older],
        "last_s": np.full(made.size, latest_s[-1]),
        "shown_s": earliest_s[older],
    }
