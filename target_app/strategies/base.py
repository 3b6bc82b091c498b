"""The one interface all strategies share, and the three helpers each of them is written with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from rig.contrib.django import Served, Status, parameters, recompute, repeated, serve, snapshot
from target_app.shop.entries import Entry
from target_app.shop.models import ScopeVersion
from target_app.strategies import store
from target_app.strategies.store import Fresh, Stored

Render = Callable[[dict[str, Any]], HttpResponse]
"""An entry's value in, its page out."""

SAFETY_TTL_S = 3600.0
"""Strategies that invalidate on write keep entries this long, in case a write went unseen."""

INVALIDATION_S = 1.0
"""Longest time between COMMIT and the end of the cache call after it: the cache client gives up after it."""

_DJANGO_DEFAULT_TTL_S = 300.0
"""``cache.set()`` without a timeout: what the literal setting compresses to the short TTL."""


class TtlMode(StrEnum):
    """How times to live are chosen; see docs/target-contract.md."""

    AS_USED = "as-used"
    EQUAL = "equal"
    LITERAL = "literal"


@dataclass(frozen=True, slots=True)
class Cost:
    """Round trips to the cache server, K being the entries that depend on one write."""

    read_hit: int
    read_miss: int
    write: str
    """A sum of terms: ``"0"``, ``"1"``, ``"K"``, ``"2K+1"``."""
    background: int = 0
    """Round trips of one piece of work it leaves behind a request's back; part of none of the three above."""

    def write_trips(self, dependents: int) -> int:
        """``write`` for K = ``dependents``."""
        total = 0
        for term in self.write.split("+"):
            factor, per_entry, _ = term.partition("K")
            total += int(factor or 1) * (dependents if per_entry else 1)
        return total


class Strategy(ABC):
    """How cached entries are read and how a write takes them out."""

    name: ClassVar[str]
    family: ClassVar[str]
    summary: ClassVar[str]
    source: ClassVar[str]
    cost: ClassVar[Cost]
    freshness_by_ttl: ClassVar[bool]
    """True: the TTL is what bounds staleness, so it is short. False: writes invalidate, the TTL is a safety net."""
    fresh_after_race: ClassVar[bool] = False
    """Whether a reader that paused between snapshot and set, while a write committed, leaves nothing stale behind."""
    survives_crash: ClassVar[bool] = False
    """Whether a process killed between commit and invalidation leaves nothing stale behind for longer than declared."""
    recomputes_at_once: ClassVar[int | None] = None
    """Most recomputes of one entry open at once when many miss together; None: as many as miss."""
    own_process: ClassVar[bool] = False
    """Whether it works only in a process started with it, because it patches what others use."""
    known_bad: ClassVar[str | None] = None
    """What is wrong with it, in a few words, for a control that exists to be caught; None for all others."""
    caches: ClassVar[bool] = True
    """False for the control that stores nothing."""
    names_entries: ClassVar[bool] = True
    """Whether the keys of all that is stored about an entry contain its name."""
    literal_ttl_s: ClassVar[float] = _DJANGO_DEFAULT_TTL_S

    @property
    def unavailable(self) -> str | None:
        """Why this process can't use it, with the remedy; None where it can."""
        return None

    @abstractmethod
    def key(self, entry: Entry) -> str:
        """Where ``entry`` lies now (may ask the cache)."""

    @abstractmethod
    def read(self, entry: Entry) -> dict[str, Any]:
        """The entry's value, from the cache or recomputed; says which by :func:`answer`."""

    def page(self, request: HttpRequest, entry: Entry, render: Render) -> HttpResponse:
        """The response that shows ``entry``: its value rendered anew, unless the strategy caches whole pages."""
        return render(self.read(entry))

    def peek(self, request: HttpRequest, entry: Entry) -> Stored | None:
        """What lies in the cache for ``entry`` now, were it asked for by ``request`` (settling only)."""
        return store.get(self.key(entry))

    def remaining_s(self, request: HttpRequest, entry: Entry) -> float | None:
        """Seconds :meth:`peek` has left to live; -1 for ever, None when there is nothing (settling only)."""
        return store.remaining_s(self.key(entry))

    def before_write(self) -> None:  # noqa: B027 - only a control does anything here.
        """Called once before the transaction of a write begins."""

    def before_commit(self, entries: Sequence[Entry]) -> None:  # noqa: B027 - most have nothing to do here.
        """Called once inside the transaction of a write on which ``entries`` depend, after its last statement."""

    @abstractmethod
    def invalidate(self, entries: Sequence[Entry]) -> None:
        """Called once after the commit of a write on which ``entries`` depend."""

    @abstractmethod
    def max_staleness_s(self, longest_recompute_s: float) -> float:
        """Declared bound: no read is staler than this, given the longest recompute seen."""

    def past_cache(self) -> AbstractContextManager[None]:
        """Inside, what entries compute comes from the database; only what patches the ORM must say how."""
        return nullcontext()

    @property
    def ttl_s(self) -> float:
        """Time to live under the settings of this trial, seconds."""
        chosen = parameters()
        short = float(chosen.get("ttl_s", settings.CACHE_TTL_S))
        match TtlMode(chosen.get("ttl_mode", TtlMode.AS_USED)):
            case TtlMode.AS_USED:
                return short if self.freshness_by_ttl else SAFETY_TTL_S
            case TtlMode.EQUAL:
                return short
            case TtlMode.LITERAL:
                return self.literal_ttl_s * short / _DJANGO_DEFAULT_TTL_S


@contextmanager
def computing(entry: Entry, hint: str | None = None) -> Iterator[Fresh]:
    """Recompute ``entry`` from the database; the block stores it, and the recompute is open until the block ends."""
    with recompute(entry.name, hint=hint) as work:
        with snapshot():
            work.versions = {entry.name: ScopeVersion.objects.values_list("version", flat=True).get(scope=entry.name)}
            value = repeated(entry.compute)
        yield Fresh(value, work.versions, work)


def answer(entry: Entry, status: Status, stored: Stored) -> dict[str, Any]:
    """Serve ``stored`` and say so in the response's headers."""
    serve(Served(entry.name, status, stored.versions, stored.stored_s, stored.ttl_s))
    return stored.value
