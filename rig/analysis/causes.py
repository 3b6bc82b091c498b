"""Why a recompute began, read from the order of the events of its logical entry.

A cache does not say why it missed. What it was told does: what was stored last, for how long, and which calls
removed or bumped it since. The instant of a set lies somewhere within its recompute's [begin, end], so an
invalidation that overlaps a store may have come before or after it; the time to live decides then.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

COLD = "cold"  # nothing was stored in this epoch before
EXPIRY = "expiry"  # the stored value had run out of its time to live
DELETE = "delete"  # a call after a write removed it
BUMP = "bump"  # a call after a write made its key unreachable
MARK = "mark"  # a call after a write marked it stale; whoever met it has it recomputed
EARLY = "early"  # the strategy chose to recompute although the value was still good
WRITE = "write"  # a writer computed it anew after its commit
UNKNOWN = "unknown"  # none of these explains it: evicted, or an event was lost

CAUSES = (EXPIRY, DELETE, BUMP, MARK, COLD, EARLY, WRITE)

HINTED = frozenset((EARLY, WRITE))
"""What a recompute says of itself as it begins (``hint`` of its event)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """One recompute of one entry. ``closed_s``: when it ended, or was last known to be open."""

    begin_s: float
    closed_s: float
    stored: bool
    ttl_s: float
    hint: str | None = None
    """Its cause, where it names one of ``HINTED`` itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invalidation:
    """One call that removed an entry, bumped its key or marked it stale. ``end_s``: inf if it never ended."""

    begin_s: float
    end_s: float
    kind: str  # DELETE, BUMP or MARK
    failed: bool = False  # it ended in an error, so it may or may not have reached the cache


def attribute(openings: Sequence[Opening], invalidations: Sequence[Invalidation]) -> list[str]:
    """The cause of each of the recomputes of one entry in one epoch, both in order of their begin.

    A recompute that begins while another is open has the cause of the one open longest: it met the same gap.
    """
    causes: list[str] = []
    open_now: list[int] = []
    last: Opening | None = None
    for number, opening in enumerate(openings):
        for other in [one for one in open_now if openings[one].closed_s <= opening.begin_s]:
            open_now.remove(other)
            if openings[other].stored and (last is None or openings[other].closed_s >= last.closed_s):
                last = openings[other]
        if opening.hint in HINTED:
            causes.append(opening.hint)
        elif open_now:
            causes.append(causes[open_now[0]])
        else:
            causes.append(_what_removed(last, opening.begin_s, invalidations))
        open_now.append(number)
    return causes


def expiry_instants(openings: Sequence[Opening], invalidations: Sequence[Invalidation]) -> list[float]:
    """When stored values of one entry ran out, unless replaced or removed before; calls in order of begin."""
    stored = sorted((one for one in openings if one.stored), key=lambda one: one.closed_s)
    found = []
    for number, one in enumerate(stored):
        instant = one.closed_s + one.ttl_s
        replaced = number + 1 < len(stored) and stored[number + 1].closed_s <= instant
        if not replaced and math.isfinite(instant) and not _removed_before(instant, one, invalidations):
            found.append(instant)
    return found


def _removed_before(instant: float, stored: Opening, invalidations: Sequence[Invalidation]) -> bool:
    for call in invalidations[_first_from(stored.begin_s, invalidations) :]:
        if call.begin_s >= instant:
            break
        if call.failed:
            continue
        # A delete that began before the store had ended may have missed it: the race that leaves an old value
        # until it expires. A bump makes what was computed before it unreachable either way.
        if call.kind == BUMP or call.begin_s >= stored.closed_s:
            return True
    return False


def _what_removed(last: Opening | None, at_s: float, invalidations: Sequence[Invalidation]) -> str:
    if last is None:
        return COLD
    before = bisect_right(invalidations, at_s, key=lambda call: call.begin_s)
    for call in invalidations[_first_from(last.closed_s, invalidations) : before]:
        # Once the value has run out there is nothing left to remove.
        if not call.failed and call.begin_s < last.closed_s + last.ttl_s:
            return call.kind
    if at_s >= last.begin_s + last.ttl_s:
        return EXPIRY
    possible = (call.kind for call in reversed(invalidations[:before]) if call.end_s >= last.begin_s)
    return next(possible, UNKNOWN)


def _first_from(at_s: float, invalidations: Sequence[Invalidation]) -> int:
    return bisect_left(invalidations, at_s, key=lambda call: call.begin_s)
