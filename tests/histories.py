"""Made-up histories of one cached page, with the truth the judge never sees: same seed, same history.

Instants are ticks of the one clock. What happens in the same tick is concurrent, so a version is out of date only from
the tick after the commit of the next one; small numbers make such ties common. A read begins when the client sets out,
whatever then delays its first byte. The record of commits is what a target could write down: intervals around the true
instants, some stretched far beyond later commits, some without an end, some missing.
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from rig.analysis import staleness
from rig.analysis.reads import READ_COLUMNS
from rig.analysis.staleness import COMMIT_COLUMNS, Commits, Freshness

HORIZON, TTL = 60, 12
NEVER = math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A client set out at ``start``, had the last byte at ``end``, and got ``version``."""

    start: int
    end: int
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """``at``: the true instant, within what was recorded: ``begin`` … ``end`` (inf: nobody saw COMMIT return)."""

    begin: float
    at: int
    end: float


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """``commits``: the truth by version. ``recorded``: the versions of which there is a record. ``final``: what the
    database said afterwards, None if it was not asked.
    """

    cache: str
    commits: Mapping[int, Commit]
    recorded: frozenset[int]
    final: int | None
    reads: tuple[Read, ...]

    def committed_at(self, version: int) -> float:
        """When the version was truly committed; -inf: before the trial; inf: never."""
        if version < min(self.commits):
            return -NEVER
        return self.commits[version].at if version in self.commits else NEVER

    def is_stale(self, read: Read) -> bool:
        return any(one.at < read.start for version, one in self.commits.items() if version > read.version)

    def is_dirty(self, read: Read) -> bool:
        return self.committed_at(read.version) > read.end


Serve = Callable[[int, int], tuple[int, int]]
"""(instant the request arrives, how long a recompute takes) -> (version served, instant it is served)."""


class Consistent:
    """Asks the database each time."""

    def __init__(self, instants: Sequence[int], base: int, rng: random.Random) -> None:
        self.instants, self.base, self.rng = instants, base, rng

    def current(self, at: int) -> int:
        return self.base + sum(1 for instant in self.instants if instant <= at)

    def serve(self, at: int, delta: int) -> tuple[int, int]:
        return self.current(at), at + delta


class TimeToLive(Consistent):
    """Stores for ``TTL`` ticks. A value dates from its snapshot and is stored when the recompute ends."""

    def __init__(self, instants: Sequence[int], base: int, rng: random.Random) -> None:
        super().__init__(instants, base, rng)
        self.stores: list[tuple[int, int]] = []  # (stored at, version), a heap

    def is_alive(self, stored_at: int, at: int) -> bool:
        return at < stored_at + TTL

    def serve(self, at: int, delta: int) -> tuple[int, int]:
        found = [one for one in self.stores if one[0] <= at and self.is_alive(one[0], at)]
        if found:
            return max(found)[1], at
        version = self.current(at)
        heapq.heappush(self.stores, (at + delta, version))
        return version, at + delta


class DeleteOnWrite(TimeToLive):
    """Deletes some ticks after each commit. A reader that took its snapshot before may store after it: the race."""

    def __init__(self, instants: Sequence[int], base: int, rng: random.Random) -> None:
        super().__init__(instants, base, rng)
        self.deletes = [instant + rng.randint(0, 3) for instant in instants]

    def is_alive(self, stored_at: int, at: int) -> bool:
        return not any(stored_at <= deleted <= at for deleted in self.deletes)


class VersionedKeys(DeleteOnWrite):
    """Each delete is a bump: what was stored under an older generation is not found again, however late it comes."""

    def __init__(self, instants: Sequence[int], base: int, rng: random.Random) -> None:
        super().__init__(instants, base, rng)
        self.kept: dict[int, tuple[int, int]] = {}

    def serve(self, at: int, delta: int) -> tuple[int, int]:
        generation = sum(1 for bumped in self.deletes if bumped <= at)
        stored_at, version = self.kept.get(generation, (HORIZON * 10, 0))
        if stored_at <= at:
            return version, at
        # The snapshot comes after the generation was read, sometimes later.
        version = self.current(at + self.rng.randint(0, delta))
        self.kept[generation] = (at + delta, version)
        return version, at + delta


class BeforeCommit(Consistent):
    """Known bad: shows a version some ticks before its commit, and now and then one that was rolled back."""

    def serve(self, at: int, delta: int) -> tuple[int, int]:
        if self.rng.random() < 0.15:
            return self.base + len(self.instants) + 1, at + delta
        return self.current(at + self.rng.randint(0, 6)), at + self.rng.randint(0, 1)


CACHES: Mapping[str, type[Consistent]] = {
    "consistent": Consistent,
    "ttl": TimeToLive,
    "delete-on-write": DeleteOnWrite,
    "versioned-keys": VersionedKeys,
    "before-commit": BeforeCommit,
}


def history(cache: str, seed: int) -> History:
    """One history of ``cache``: up to 6 writes and 14 reads within :data:`HORIZON` ticks."""
    rng = random.Random(f"{cache}-{seed}")
    base = rng.randint(1, 5)
    instants = sorted(rng.sample(range(1, HORIZON), rng.randint(1, 6)))
    commits = {base + 1 + number: _recorded(at, rng) for number, at in enumerate(instants)}
    asked = rng.random() < 0.3
    # What no later record and no database can show to be missing has to stay.
    may_be_lost = [version for version in commits if asked or version < max(commits)]
    lost = {version for version in may_be_lost if rng.random() < 0.15}
    served = CACHES[cache](instants, base, rng)
    return History(
        cache=cache,
        commits=commits,
        recorded=frozenset(set(commits) - lost),
        final=max(commits) if asked else None,
        reads=tuple(_reads(served.serve, instants, rng)),
    )


def _recorded(at: int, rng: random.Random) -> Commit:
    slow = rng.choice((0, 0, 1, 3, 8, HORIZON))  # COMMIT returns at once, late, or long after
    end = NEVER if rng.random() < 0.08 else at + rng.randint(0, slow)
    return Commit(begin=at - rng.randint(0, rng.choice((0, 1, 6))), at=at, end=end)


def _reads(serve: Serve, instants: Sequence[int], rng: random.Random) -> Iterator[Read]:
    # Near a commit, or every mistake would be too rare to be met.
    near = [max(0, rng.choice(instants) + rng.randint(-6, 9)) for _ in range(rng.randint(2, 14))]
    # By the instant they reach the server: a cache knows no other order.
    for arrives in sorted(near):
        start = arrives - rng.choice((0, 0, 1, 5))
        version, served = serve(arrives, rng.choice((0, 1, 4, 9)))
        yield Read(start=start, end=served + rng.choice((0, 0, 1, 7)), version=version)


def judged(histories: Sequence[History]) -> Iterator[tuple[History, Read, dict[str, object]]]:
    """Every read with its verdict, all histories judged in one call: each is a scope of its own."""
    commits = [
        (f"w{number}-{version}", f"h{number}", version, float(one.begin), float(one.end))
        for number, told in enumerate(histories)
        for version, one in told.commits.items()
        if version in told.recorded
    ]
    seen = [(told, number, read) for number, told in enumerate(histories) for read in told.reads]
    reads = [
        (f"r{index}", float(read.start), float(read.end), "p", f"h{number}", read.version)
        for index, (_, number, read) in enumerate(seen)
    ]
    final = {f"h{number}": told.final for number, told in enumerate(histories) if told.final is not None}
    record = Commits(table=pd.DataFrame(commits, columns=list(COMMIT_COLUMNS)), dependents={}, final=final)
    table = staleness.judge(pd.DataFrame(reads, columns=list(READ_COLUMNS)), record)
    rows = table.loc[[read[0] for read in reads]].to_dict("records")
    for (told, _, read), row in zip(seen, rows, strict=True):
        yield told, read, row


def mistakes(told: History, read: Read, row: Mapping[str, object]) -> Iterator[str]:
    """What is false in a verdict, or withheld although the record proves it; nothing if it is right."""
    verdict, age, behind, most = row["verdict"], row["age_s"], row["behind"], row["age_most_s"]
    after = [one.at for version, one in told.commits.items() if version > read.version]
    if verdict == Freshness.STALE:
        if not told.is_stale(read):
            yield "a fresh read is called stale"
        elif not age <= read.start - min(after) <= read.end - min(after) <= most:
            yield "the true age is not within its bounds"
        elif behind > sum(at < read.start for at in after):
            yield "more versions behind than there were"
    if verdict == Freshness.FRESH and told.is_stale(read):
        yield "a stale read is called fresh"
    if verdict == Freshness.ERROR and not told.is_dirty(read):
        yield "an honest read is called an error"
    if verdict != Freshness.ERROR and _is_provably_dirty(told, read):
        yield "a dirty read is not flagged"
    if verdict == Freshness.INDETERMINATE and _is_whole(told) and _can_be_told(told, read):
        yield "a verdict is withheld that the record proves"


def _is_provably_dirty(told: History, read: Read) -> bool:
    if told.committed_at(read.version) == NEVER:
        # Without the database's word, what is newer than the record may be a lost record's.
        return told.final is not None or max(told.recorded) == max(told.commits)
    return read.version in told.recorded and told.commits[read.version].begin > read.end


def _is_whole(told: History) -> bool:
    complete = len(told.recorded) == len(told.commits)
    return complete and all(one.end < NEVER for one in told.commits.values())


def _can_be_told(told: History, read: Read) -> bool:
    """The rule itself, as the science has it, for a record without gaps."""
    after = told.commits.get(read.version + 1)
    if after is None:
        # A version beyond the newest is an error; read, it leaves open what the newest is.
        beyond = told.final is None and any(told.committed_at(one.version) == NEVER for one in told.reads)
        return not beyond
    return after.end < read.start or after.begin >= read.start
