"""Torn views: somebody was shown the new product, and then still the old home page.

A write raises the versions of everything that depends on it in one transaction. A view is torn by a write if it
returned a version older than the write's, and

* a read of another page that showed the write (its version or a newer one) had ended before this one began, or
* the same response showed the write in another of its parts.

Both are facts about what was served: they need no commit interval, so doubt about a commit can't make them false.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from rig.analysis.sightings import pages_read


@dataclass(frozen=True, slots=True, kw_only=True)
class Torn:
    """``views``: torn reads, each once. ``writes``: writes that tore a view. ``opportunities``: writes of which a
    dependent was read after another page had shown them, so that they could have torn a view.
    """

    views: int
    writes: int
    opportunities: int


def torn(reads: pd.DataFrame, seen: pd.DataFrame) -> Torn:
    """Count the torn views among ``reads``; ``seen``: their :func:`rig.analysis.sightings.sightings`.

    Reads of versions that were never committed are to be left out of both: they show no write.
    """
    known = seen.assign(elsewhere_s=_shown_elsewhere(seen))
    views = _views_across_pages(reads, known) | _views_within(reads, seen)
    writes = set(known["write"][known["older_s"] > known["elsewhere_s"]]) | _writes_within(reads, seen)
    possible = set(known["write"][known["last_s"] > known["elsewhere_s"]])
    return Torn(views=len(views), writes=len(writes), opportunities=len(possible | writes))


def _shown_elsewhere(seen: pd.DataFrame) -> pd.Series[float]:
    """For each row, when a page other than the row's had first shown the write; inf if none did."""
    by_entry = seen.groupby(["write", "entry"], sort=False)["shown_s"].min().sort_values(kind="stable").reset_index()
    rank = by_entry.groupby("write", sort=False).cumcount()
    first = by_entry[rank == 0].set_index("write")
    second = by_entry[rank == 1].set_index("write")["shown_s"]
    writes = seen["write"]
    own_is_first = writes.map(first["entry"]) == seen["entry"]
    return writes.map(first["shown_s"]).where(~own_is_first, writes.map(second).fillna(np.inf)).astype(float)


def _views_across_pages(reads: pd.DataFrame, known: pd.DataFrame) -> set[str]:
    made, elsewhere_s = known["version"].to_numpy(np.int64), known["elsewhere_s"].to_numpy(float)
    writes = {page: rows[np.argsort(made[rows], kind="stable")] for page, rows in pages_read(known)}
    read, got, start_s = (reads[name].to_numpy() for name in ("read", "version", "start_s"))
    found: set[str] = set()
    for page, rows in pages_read(reads):
        if page in writes:
            own = writes[page]
            # When any write newer than each place had been shown elsewhere.
            shown_s = np.append(np.minimum.accumulate(elsewhere_s[own][::-1])[::-1], np.inf)
            newer = np.searchsorted(made[own], got[rows], side="right")
            found.update(read[rows][shown_s[newer] < start_s[rows]])
    return found


def _views_within(reads: pd.DataFrame, seen: pd.DataFrame) -> set[str]:
    return {str(read) for read, _ in _within(reads, seen)}


def _writes_within(reads: pd.DataFrame, seen: pd.DataFrame) -> set[str]:
    return {str(write) for _, write in _within(reads, seen)}


def _within(reads: pd.DataFrame, seen: pd.DataFrame) -> list[tuple[str, str]]:
    """(read, write) where one response shows a write in one part and not in another."""
    several = reads[reads["read"].duplicated(keep=False)][["read", "scope", "version"]]
    if several.empty:
        return []
    made = seen[["write", "scope", "version"]].drop_duplicates()
    found = []
    both = several.merge(several, on="read", suffixes=("_new", "_old"))
    for (new, old), group in both[both["scope_new"] != both["scope_old"]].groupby(["scope_new", "scope_old"]):
        common = made[made["scope"] == new].merge(made[made["scope"] == old], on="write", suffixes=("_new", "_old"))
        for view in group.itertuples():
            tearing = common[(common["version_new"] <= view.version_new) & (common["version_old"] > view.version_old)]
            found += [(str(view.read), str(write)) for write in tearing["write"]]
    return found
