"""What readers got, and when: the reads that are judged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

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
    texts = rows["content_version"].astype(str)
    parsed = {text: _pairs(text) for text in texts.unique()}
    frame = pd.DataFrame(
        {
            "read": [f"{prefix}{index}" for index in rows["index"]],
            "start_s": start_s.to_numpy(float),
            "end_s": end_s.fillna(np.inf).to_numpy(float),
            "entry": [entries.get(path, path) for path in _strings(rows["path"])],
            "pair": [parsed[text] for text in texts],
        }
    )
    frame = frame.explode("pair", ignore_index=True)
    frame = frame[frame["pair"].notna()]
    frame["scope"] = [scope for scope, _ in frame["pair"]]
    frame["version"] = np.array([version for _, version in frame["pair"]], dtype=np.int64)
    return frame[list(READ_COLUMNS)]


def _pairs(text: str) -> tuple[tuple[str, int], ...]:
    try:
        return tuple(parse_versions(text).items())
    except ValueError:
        return ((UNREADABLE, 0),)


def _strings(values: Iterable[object]) -> list[str]:
    return [str(value) for value in values]
