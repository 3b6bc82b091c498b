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
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from rig.analysis.quantiles import Floats
from rig.analysis.reads import UNREADABLE
from rig.model import parse_versions

Integers = npt.NDArray[np.int64]
_Number = TypeVar("_Number", bound=np.generic)
_NO_VERSION = np.iinfo(np.int64).min
COMMIT_COLUMNS = ("write", "scope", "version", "begin_s", "end_s")


class Freshness(StrEnum):
    """The verdict on one read, the most serious first: of several scopes on a page that one counts."""

    ERROR = "error"
    STALE = "stale"
    INDETERMINATE = "indeterminate"
    FRESH = "fresh"


_RANK = {verdict: number for number, verdict in enumerate(Freshness)}
_DECIDED = (Freshness.ERROR, Freshness.STALE, Freshness.FRESH)


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


def judge(reads: pd.DataFrame, commits: Commits) -> pd.DataFrame:
    """One row for each read: ``verdict``, ``age_s``, ``behind`` (lower bounds), ``age_most_s``, ``opportunity``.

    ``age_s``: time since the first newer version was surely committed, 0 where fresh, NaN where not judged.
    ``age_most_s``: the upper bound, counted from just before that COMMIT to the end of the read; 0 where fresh, inf
    where unknown, also for reads that could not be judged.
    ``behind``: how many newer versions had surely been committed. ``opportunity``: a version of something on the
    page had been committed in this trial before the read began, so it could have been stale.
    """
    known = known_by_scope(commits)
    got, start_s, end_s = (reads[name].to_numpy() for name in ("version", "start_s", "end_s"))
    found = {
        name: np.empty(len(reads), dtype)
        for name, dtype in (("rank", np.int8), ("age_s", float), ("behind", float), ("age_most_s", float))
    }
    found["opportunity"] = np.empty(len(reads), bool)
    for scope, rows in places(reads["scope"]):
        made = known.get(scope, NOTHING)
        for name, values in _judge_scope(got[rows], start_s[rows], end_s[rows], made, commits, scope).items():
            found[name][rows] = values
    table = pd.DataFrame(found, index=pd.Index(reads["read"], name="read"))
    return _verdicts(_worst(table) if table.index.has_duplicates else table)


def _worst(rows: pd.DataFrame) -> pd.DataFrame:
    """One row for each read: of several scopes on a page the most serious verdict counts."""
    most = dict.fromkeys(("age_s", "behind", "age_most_s", "opportunity"), "max")
    return rows.groupby(level="read", sort=False).agg({"rank": "min", **most})


def _verdicts(rows: pd.DataFrame) -> pd.DataFrame:
    order = list(Freshness)
    rows["verdict"] = np.array(order, dtype=object)[rows.pop("rank").to_numpy(np.int64)]
    judged = rows["verdict"].isin([Freshness.STALE, Freshness.FRESH])
    rows.loc[~judged, ["age_s", "behind"]] = np.nan
    return rows


def places(names_of_rows: pd.Series[Any]) -> Iterator[tuple[str, Integers]]:
    """Each name with the positions of its rows, in order."""
    codes, names = pd.factorize(names_of_rows)
    order = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[order], np.arange(len(names) + 1))
    for number, name in enumerate(names):
        yield str(name), order[bounds[number] : bounds[number + 1]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Versions of one scope in rising order, each with b and a; a is tightened by later commits, which came after."""

    versions: Integers
    begins: Floats
    ends: Floats


NOTHING = Known(versions=np.empty(0, np.int64), begins=np.empty(0), ends=np.empty(0))


def known_by_scope(commits: Commits) -> dict[str, Known]:
    """What is known of each scope that was written."""
    columns = (commits.table[name].to_numpy() for name in ("version", "begin_s", "end_s"))
    made, begin_s, end_s = (column.astype(kind) for column, kind in zip(columns, (np.int64, float, float), strict=True))
    return {
        scope: _known(made[rows], begin_s[rows], end_s[rows])
        for scope, rows in places(commits.table["scope"].astype(str))
    }


def _known(made: Integers, begin_s: Floats, end_s: Floats) -> Known:
    order = np.argsort(made, kind="stable")
    versions, first = np.unique(made[order], return_index=True)
    ends = np.maximum.reduceat(end_s[order], first)
    return Known(
        versions=versions,
        begins=np.minimum.reduceat(begin_s[order], first),
        ends=np.minimum.accumulate(ends[::-1])[::-1],
    )


def _judge_scope(
    got: Integers, start_s: Floats, end_s: Floats, known: Known, commits: Commits, scope: str
) -> dict[str, npt.NDArray[Any]]:
    versions, begins, ends = known.versions, known.begins, known.ends
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
    rank = np.select([error, stale, fresh], [_RANK[one] for one in _DECIDED], _RANK[Freshness.INDETERMINATE])
    return {
        "rank": rank,
        "age_s": np.where(stale, start_s - np.where(stale, ends_[newer], 0.0), np.where(fresh, 0.0, np.nan)),
        "age_most_s": np.where(fresh, 0.0, end_s - _begun(versions_, begins_, own, newer, got)),
        "behind": np.where(stale, newest_out - got, 0),
        "opportunity": surely_out > 0,
    }


def _begun(versions: Integers, begins: Floats, own: Integers, newer: Integers, got: Integers) -> Floats:
    """Before this instant each version was not yet out of date: its successor's COMMIT, or its own; else -inf."""
    own_s = np.where(versions[own] == got, begins[own], -np.inf)
    return np.where(versions[newer] == got + 1, begins[newer], own_s)


def _padded(values: npt.NDArray[_Number], last: float) -> npt.NDArray[_Number]:
    return np.append(values, np.asarray(last, dtype=values.dtype))
