"""Turns the target's event files into markers of the live picture while the target writes them.

The rules are the report's (:mod:`rig.analysis.causes`), applied to what is known by now: a stampede grows until none
of its recomputes is open, and an expiry is marked once its instant has passed. One whose worker was killed stays open
until the next epoch. See ``docs/target-contract.md`` for the events.
"""

from __future__ import annotations

import heapq
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gevent

from rig.analysis.causes import Invalidation, Opening, attribute, expiry_instants
from rig.measure.load.live.event_tail import EventTail
from rig.measure.load.live.feed import LiveFeed
from rig.model import parse_versions

PERIOD_S = 1.0
_SETTLE_S = 0.2
"""An event may be written this much after its own time; what is decided by its absence waits so long."""
_MOST_READS = 64
_EVENTS_AT_ONCE = 100
_MOST_CALLS = 256
_MOST_AWAITED = 10_000


@dataclass(slots=True)
class _Stored:
    """A stored value, and when the next one took its place."""

    value: Opening
    replaced_s: float = float("inf")


@dataclass(slots=True)
class _Group:
    """Recomputes of one entry without a gap between them."""

    first: Opening
    before: Opening | None
    recomputes: int = 0
    peak: int = 0
    until_s: float | None = None


@dataclass(slots=True)
class _Entry:
    """What is known of one logical entry in the epoch."""

    name: str
    open: dict[str, tuple[float, str | None]] = field(default_factory=dict)  # id: begin, hint
    group: _Group | None = None
    stored: _Stored | None = None
    calls: deque[Invalidation] = field(default_factory=lambda: deque(maxlen=_MOST_CALLS))


class LiveEvents:
    """Reads a folder of event files and tells a feed what it means."""

    def __init__(self, folder: Path, feed: LiveFeed) -> None:
        self._tail = EventTail(folder)
        self._feed = feed
        self._last_s = 0.0
        self._forget(-1)

    def watch(self) -> None:
        """Poll once a second, for ever; for a greenlet of its own."""
        while True:
            self.poll(time.monotonic())
            gevent.sleep(PERIOD_S)

    def poll(self, now_s: float) -> None:
        """Read what was appended and bring the feed up to now. What belongs to an earlier epoch came late: left out."""
        events, all_read = self._read()
        for epoch in sorted({event["epoch"] for event in events}):
            if epoch > self._epoch:
                self._mark_stampedes()
                self._forget(epoch)
            if epoch == self._epoch:
                self._take([event for event in events if event["epoch"] == epoch])
        until_s = now_s if all_read else self._last_s
        self._mark_expiries(until_s - _SETTLE_S)
        self._mark_stampedes()
        self._feed.recomputes_open([(until_s, self._open)])
        self._feed.events_read(until_s)

    def _read(self) -> tuple[list[dict[str, Any]], bool]:
        """What one poll takes, in pieces: between two of them whatever is due is sent."""
        events, all_read = self._tail.read()
        for _ in range(_MOST_READS - 1):
            if all_read:
                break
            gevent.sleep(0)
            more, all_read = self._tail.read()
            events += more
        return events, all_read

    def _forget(self, epoch: int) -> None:
        self._epoch = epoch
        self._entries: dict[str, _Entry] = {}
        self._calls_to_all: deque[Invalidation] = deque(maxlen=_MOST_CALLS)
        self._awaited: list[tuple[float, int, _Entry, _Stored]] = []  # a heap, the next instant first
        self._pushed = 0
        self._open = 0
        self._stores = False
        self._grown: dict[str, _Entry] = {}

    def _entry(self, name: str) -> _Entry:
        if name not in self._entries:
            self._entries[name] = _Entry(name)
        return self._entries[name]

    def _take(self, events: list[dict[str, Any]]) -> None:
        """Events of one epoch. Calls first: a call is written when it ends, so what it caused may stand before it."""
        for event in events:
            if event["event"] == "invalidate":
                self._called(event)
            elif event["event"] == "write" and event["outcome"] == "committed":
                at_s = (event.get("commit_end_ns") or event["begin_ns"]) / 1e9
                entries = event["entries"]
                self._feed.marker("write", at_s, ", ".join(entries), entries=entries)
                self._feed.committed(at_s, _versions(event))
        self._feed.recomputes_open(self._recomputes(events))

    def _recomputes(self, events: Iterable[Mapping[str, Any]]) -> Iterator[tuple[float, int]]:
        """Begins and ends in order of time; ends first, for one that follows another does not overlap it."""
        found = [event for event in events if event["event"] in ("recompute.begin", "recompute.end")]
        found.sort(key=lambda one: (one["t_ns"], one["event"] == "recompute.begin"))
        for number, event in enumerate(found, 1):
            if number % _EVENTS_AT_ONCE == 0:
                gevent.sleep(0)
            at_s = event["t_ns"] / 1e9
            entry = self._entry(event["entry"])
            if event["event"] == "recompute.begin":
                self._begun(entry, event, at_s)
            else:
                self._closed(entry, event, at_s)
            self._last_s = max(self._last_s, at_s)
            yield at_s, self._open

    def _begun(self, entry: _Entry, event: Mapping[str, Any], at_s: float) -> None:
        hint = event.get("hint")
        if entry.group is None or not entry.open:
            self._mark_stampede(entry)  # The group before this one, if it was read in the same poll.
            first = Opening(begin_s=at_s, closed_s=float("inf"), stored=False, ttl_s=float("inf"), hint=hint)
            entry.group = _Group(first=first, before=entry.stored.value if entry.stored else None)
        entry.open[event["id"]] = (at_s, hint)
        entry.group.recomputes += 1
        entry.group.peak = max(entry.group.peak, len(entry.open))
        self._open += 1
        self._grown[entry.name] = entry

    def _closed(self, entry: _Entry, event: Mapping[str, Any], at_s: float) -> None:
        begun = entry.open.pop(event["id"], None)
        if begun is None or entry.group is None:
            return  # Begun before we looked.
        self._open -= 1
        self._grown[entry.name] = entry
        if not entry.open:
            entry.group.until_s = at_s
        if event["outcome"] == "stored":
            self._stores = True
            ttl_s = float("inf") if event.get("ttl_s") is None else float(event["ttl_s"])
            value = Opening(begin_s=begun[0], closed_s=at_s, stored=True, ttl_s=ttl_s, hint=begun[1])
            self._await_expiry(entry, value)

    def _await_expiry(self, entry: _Entry, value: Opening) -> None:
        if entry.stored is not None:
            entry.stored.replaced_s = value.closed_s
        entry.stored = _Stored(value)
        self._pushed += 1  # Two instants may be equal, and entries have no order.
        heapq.heappush(self._awaited, (value.closed_s + value.ttl_s, self._pushed, entry, entry.stored))
        if len(self._awaited) > _MOST_AWAITED:
            self._awaited = [one for one in self._awaited if one[2].stored is one[3]]
            heapq.heapify(self._awaited)

    def _mark_expiries(self, until_s: float) -> None:
        while self._awaited and self._awaited[0][0] <= until_s:
            instant_s, _, entry, stored = heapq.heappop(self._awaited)
            if stored.replaced_s > instant_s and expiry_instants([stored.value], self._calls_to(entry)):
                self._feed.marker("expiry", instant_s, entry.name, entries=[entry.name])

    def _mark_stampedes(self) -> None:
        if self._stores:  # Until then: what stores nothing recomputes at every read by design.
            for entry in self._grown.values():
                self._mark_stampede(entry)
            self._grown.clear()

    def _mark_stampede(self, entry: _Entry) -> None:
        group = entry.group
        if group is None or group.peak < 2 or not self._stores:
            return
        openings = [group.first] if group.before is None else [group.before, group.first]
        self._feed.marker(
            "stampede",
            group.first.begin_s,
            entry.name,
            until_s=group.until_s,
            entries=[entry.name],
            peak=group.peak,
            cause=attribute(openings, self._calls_to(entry))[-1],
            recomputes=group.recomputes,
        )

    def _called(self, event: Mapping[str, Any]) -> None:
        kind, _, failed = str(event["outcome"]).partition(" ")
        call = Invalidation(
            begin_s=event["begin_ns"] / 1e9, end_s=event["end_ns"] / 1e9, kind=kind, failed=bool(failed)
        )
        for name in event["entries"]:
            self._entry(name).calls.append(call)
        if not event["entries"]:
            self._calls_to_all.append(call)

    def _calls_to(self, entry: _Entry) -> list[Invalidation]:
        return sorted([*entry.calls, *self._calls_to_all], key=lambda call: call.begin_s)


def _versions(event: Mapping[str, Any]) -> dict[str, int]:
    try:
        return parse_versions(event.get("versions"))
    except ValueError:
        return {}
