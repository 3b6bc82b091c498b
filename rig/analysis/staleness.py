"""Was what a reader got out of date? Judged from outside, soundly: a verdict is a proof, the rest is counted.

Version v of a scope was committed within [b_v, a_v], just before COMMIT and just after it returned. A read lies
within [r_s, r_e], before its first byte was sent and after the last came back. A read that returned v is

* stale, if a newer version had surely been committed before it began: a_w < r_s for some w > v;
* fresh, if v was surely the newest when it began: b_{v+1} >= r_s, or no newer version exists;
* an error of cache or rig, if v was committed after it ended (b_v > r_e) or never;
* indeterminate otherwise.

Versions rise by one under a row lock, so a version that is missing between two others was committed before the
later one: a later commit can prove a read stale, but only its direct successor's can prove it fresh. One clock
(``CLOCK_MONOTONIC`` of one host) is assumed. Delays of the generator only widen intervals.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from rig.analysis.quantiles import Floats
from rig.model import Kind, VisitOutcome, parse_versions

Integers = npt.NDArray[np.int64]
_Number = TypeVar("_Number", bound=np.generic)
_NO_VERSION = np.iinfo(np.int64).min
READ_COLUMNS = ("read", "start_s", "end_s", "entry", "scope", "version")
UNREADABLE = "?"
COMMIT_COLUMNS = ("write", "scope", "version", "begin_s", "end_s")


class Freshness(StrEnum):
    """The verdict on one read, the most serious first: of several scopes on a page that one counts."""

    ERROR = "error"
    STALE = "stale"
    INDETERMINATE = "indeterminate"
    FRESH = "fresh"


@dataclass(frozen=True, slots=True, kw_only=True)
class Commits:
    """The writes of one trial.

    ``table``: one row for each (write, scope) with its commit interval; ``end_s`` is inf where it is not known
    that the write was committed. ``dependents``: the logical entries that depend on each write.
    ``unknown_from_s``: from here on a version nobody recorded may exist, because a write began and left no word.
    ``final``: the versions in the database after the last read, for scopes that were asked for; they settle what
    the record leaves open.
    """

    table: pd.DataFrame
    dependents: Mapping[str, frozenset[str]]
    unknown_from_s: float = math.inf
    final: Mapping[str, int] = field(default_factory=dict)


def commits_of(origin: pd.DataFrame, final: Mapping[str, int] | None = None) -> Commits:
    """The commit intervals in a trial's origin events. Writes that were rolled back made no version.

    One that failed after its COMMIT had been sent may have been committed all the same: its outcome is unknown,
    unless another write is known to have made that version, or the database never came to it (``final``).
    """
    final = dict(final or {})
    undone = (origin["outcome"] == "rolled_back") & origin["commit_begin_ns"].isna()
    writes = origin[(origin["event"] == "write") & ~undone]
    rows, dependents, unknown_from_s = [], {}, math.inf
    for write in writes.to_dict("records"):
        name, committed = str(write["id"]), write["outcome"] == "committed"
        versions = parse_versions(write["versions"] if isinstance(write["versions"], str) else None)
        begin_ns = write["begin_ns"] if pd.isna(write["commit_begin_ns"]) else write["commit_begin_ns"]
        end_ns = write["end_ns"] if pd.isna(write["commit_end_ns"]) else write["commit_end_ns"]
        end_s = float(end_ns) / 1e9 if committed and not pd.isna(end_ns) else math.inf
        if not versions and not committed:
            unknown_from_s = min(unknown_from_s, float(begin_ns) / 1e9)
        entries = write["entries"]
        dependents[name] = frozenset(() if entries is None else map(str, entries))
        rows += [(name, scope, version, float(begin_ns) / 1e9, end_s) for scope, version in versions.items()]
    known = {(scope, version) for _, scope, version, _, end_s in rows if end_s < math.inf}
    kept = [row for row in rows if row[4] < math.inf or _may_exist(row[1], row[2], known, final)]
    table = pd.DataFrame(kept, columns=list(COMMIT_COLUMNS))
    return Commits(table=table, dependents=dependents, unknown_from_s=unknown_from_s, final=final)


def _may_exist(scope: str, version: int, known: set[tuple[str, int]], final: Mapping[str, int]) -> bool:
    return (scope, version) not in known and version <= final.get(scope, version)


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


def judge(reads: pd.DataFrame, commits: Commits) -> pd.DataFrame:
    """One row for each read: ``verdict``, ``age_s``, ``behind`` (lower bounds), ``age_most_s``, ``opportunity``.

    ``age_s``: time since the first newer version was surely committed, 0 where fresh, NaN where not judged.
    ``age_most_s``: the upper bound, counted from just before that COMMIT to the end of the read; 0 where fresh, inf
    where unknown, also for reads that could not be judged.
    ``behind``: how many newer versions had surely been committed. ``opportunity``: a version of something on the
    page had been committed in this trial before the read began, so it could have been stale.
    """
    judged = [_judge_scope(group, commits, str(scope)) for scope, group in reads.groupby("scope", sort=False)]
    if not judged:
        return pd.DataFrame(columns=["verdict", "age_s", "behind", "age_most_s", "opportunity"])
    rows = pd.concat(judged, ignore_index=True)
    rank = {verdict: number for number, verdict in enumerate(Freshness)}
    rows["rank"] = rows["verdict"].map(rank)
    worst = rows.groupby("read", sort=False).agg(
        rank=("rank", "min"),
        age_s=("age_s", "max"),
        behind=("behind", "max"),
        age_most_s=("age_most_s", "max"),
        opportunity=("opportunity", "any"),
    )
    worst["verdict"] = worst["rank"].map(dict(enumerate(Freshness)))
    worst.loc[~worst["verdict"].isin([Freshness.STALE, Freshness.FRESH]), ["age_s", "behind"]] = np.nan
    return worst.drop(columns="rank")


def known_versions(commits: Commits, scope: str) -> tuple[npt.NDArray[np.int64], Floats, Floats]:
    """Versions of a scope in rising order with b and a; a is tightened by later commits, which came after."""
    own = commits.table[commits.table["scope"] == scope]
    by_version = own.groupby("version").agg(begin_s=("begin_s", "min"), end_s=("end_s", "max")).sort_index()
    begin_s, end_s = by_version["begin_s"].to_numpy(float), by_version["end_s"].to_numpy(float)
    return by_version.index.to_numpy(np.int64), begin_s, np.minimum.accumulate(end_s[::-1])[::-1]


def _judge_scope(reads: pd.DataFrame, commits: Commits, scope: str) -> pd.DataFrame:
    versions, begins, ends = known_versions(commits, scope)
    start_s, end_s = reads["start_s"].to_numpy(float), reads["end_s"].to_numpy(float)
    got = reads["version"].to_numpy(np.int64)
    # One past the end stands for "no such version": it begins and ends never.
    versions_, begins_, ends_ = _padded(versions, _NO_VERSION), _padded(begins, np.inf), _padded(ends, np.inf)
    own = np.searchsorted(versions, got)
    newer = np.searchsorted(versions, got, side="right")
    final = commits.final.get(scope)
    unknown_from_s = commits.unknown_from_s if final is None else np.inf
    made = [*versions[-1:], *([] if final is None else [final])]
    never = (got > max(made, default=got.min())) & (end_s < unknown_from_s)
    # What the database holds in the end is the newest. Unasked, a version that was read may be newer than the record.
    newest_of_all = max([*made, *([got.max()] if final is None else [])])
    error = never | ((versions_[own] == got) & (begins_[own] > end_s))
    stale = ends_[newer] < start_s
    newest = (got == newest_of_all) & (start_s <= unknown_from_s)
    fresh = (scope != UNREADABLE) & newest | ((versions_[newer] == got + 1) & (begins_[newer] >= start_s))
    surely_out = np.searchsorted(ends, start_s)
    newest_out = np.where(surely_out > 0, versions_[surely_out - 1], got)
    return pd.DataFrame(
        {
            "read": reads["read"].to_numpy(),
            "verdict": np.select(
                [error, stale, fresh], [Freshness.ERROR, Freshness.STALE, Freshness.FRESH], Freshness.INDETERMINATE
            ),
            "age_s": np.where(stale, start_s - np.where(stale, ends_[newer], 0.0), np.where(fresh, 0.0, np.nan)),
            "age_most_s": np.where(fresh, 0.0, end_s - _begun(versions_, begins_, own, newer, got)),
            "behind": np.where(stale, newest_out - got, 0),
            "opportunity": surely_out > 0,
        }
    )


def _begun(versions: Integers, begins: Floats, own: Integers, newer: Integers, got: Integers) -> Floats:
    """Before this instant each version was not yet out of date: its successor's COMMIT, or its own; else -inf."""
    own_s = np.where(versions[own] == got, begins[own], -np.inf)
    return np.where(versions[newer] == got + 1, begins[newer], own_s)


def _padded(values: npt.NDArray[_Number], last: float) -> npt.NDArray[_Number]:
    return np.append(values, np.asarray(last, dtype=values.dtype))


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
