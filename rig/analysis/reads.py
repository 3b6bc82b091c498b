"""What readers got, and when: the reads that are judged."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from rig.model import Kind, VisitOutcome, parse_versions

READ_COLUMNS = ("read", "start_s", "end_s", "entry", "scope", "version")
UNREADABLE = "?"


def reads_of(requests: pd.DataFrame, pages: pd.DataFrame, entries: Mapping[str, str]) -> pd.DataFrame:
    """What readers got: one row for each (read, scope), columns :data:`READ_COLUMNS`.

    Complete reads without a failure, and page visits that were measured or starved (a starved visit was served,
    only its LCP is worthless). A visit's interval is from the order to go to the reading of its figures: wider
    than its navigation, so never wrong. ``entries`` maps a path to its logical entry; others stand for
    themselves. A version text that can't be read has scope :data:`UNREADABLE`, which is never judged.
    """
    answered = requests[
        (requests["kind"] == Kind.READ) & requests["cause"].isna() & requests["content_version"].notna()
    ]
    served = pages[
        pages["outcome"].isin([VisitOutcome.MEASURED, VisitOutcome.STARVED]) & pages["content_version"].notna()
    ]
    parts = [
        _long(answered, "r", answered["sent_s"], answered["done_s"], entries),
        _long(served, "p", served["started_s"].fillna(served["navigation_s"]), served["done_s"], entries),
    ]
    found = [part for part in parts if len(part)]
    return pd.concat(found, ignore_index=True) if found else parts[0]


def _long(
    rows: pd.DataFrame, prefix: str, start_s: pd.Series[float], end_s: pd.Series[float], entries: Mapping[str, str]
) -> pd.DataFrame:
    texts, names_of_texts = pd.factorize(rows["content_version"])
    paths, names_of_paths = pd.factorize(rows["path"])
    # Each text is parsed once; then its pairs are laid out for every row that has it.
    parsed = [_pairs(str(text)) for text in names_of_texts]
    scopes = np.array([scope for pairs in parsed for scope, _ in pairs], dtype=object)
    versions = np.array([version for pairs in parsed for _, version in pairs], dtype=np.int64)
    sizes = np.array([len(pairs) for pairs in parsed], dtype=np.int64)
    row = np.repeat(np.arange(len(rows)), sizes[texts])
    nth = np.arange(row.size) - (np.cumsum(sizes[texts]) - sizes[texts])[row]
    pair = (np.cumsum(sizes) - sizes)[texts][row] + nth
    reads = np.array([f"{prefix}{index}" for index in rows["index"].to_numpy()], dtype=object)
    pages = np.array([entries.get(str(path), str(path)) for path in names_of_paths], dtype=object)
    return pd.DataFrame(
        {
            "read": reads[row],
            "start_s": start_s.to_numpy(float)[row],
            "end_s": end_s.fillna(np.inf).to_numpy(float)[row],
            "entry": pages[paths][row],
            "scope": scopes[pair],
            "version": versions[pair],
        },
        columns=list(READ_COLUMNS),
    )


def _pairs(text: str) -> tuple[tuple[str, int], ...]:
    try:
        return tuple(parse_versions(text).items())
    except ValueError:
        return ((UNREADABLE, 0),)
