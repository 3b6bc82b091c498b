"""The cache as strategies use it: django-redis, with the epoch in every key and its time in the request's trace."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from typing import Any

from django.core.cache import cache

from rig.contrib.django import Recompute, current


@dataclass(frozen=True, slots=True)
class Stored:
    """A value as it lies in the cache: content, the versions it was computed from, when and for how long."""

    value: dict[str, Any]
    versions: dict[str, int]
    stored_s: float  # time.time()
    ttl_s: float | None
    note: float | int | None = None  # what the strategy itself keeps with the value

    @classmethod
    def unpacked(cls, packed: dict[str, Any] | None) -> Stored | None:
        """Of what lay in the cache; None where nothing did."""
        return None if packed is None else cls(**packed)

    def shows(self, value: dict[str, Any]) -> bool:
        """Whether its content is ``value``."""
        return self.value == value


@dataclass(slots=True)
class Fresh:
    """A value just computed, not yet stored."""

    value: dict[str, Any]
    versions: dict[str, int]
    work: Recompute


_share_left: ContextVar[float] = ContextVar("share_left", default=1.0)


def _key(key: str) -> str:
    """Late work of an earlier trial writes under its own epoch, where nobody reads."""
    trace = current()
    return f"{trace.epoch}:{trace.strategy}:{key}"


def get(key: str) -> Stored | None:
    """1 round trip."""
    with current().timing("cache"):
        return Stored.unpacked(cache.get(_key(key)))


def get_many(keys: Sequence[str]) -> list[Any]:
    """Whatever lies there, None where nothing does; 1 round trip for any number of keys."""
    names = [_key(key) for key in keys]
    with current().timing("cache"):
        found = cache.get_many(names)
    return [found.get(name) for name in names]


def set(key: str, fresh: Fresh, ttl_s: float | None, note: float | int | None = None) -> Stored:
    """1 round trip. ``ttl_s=None`` stores for ever."""
    stored = now(fresh, ttl_s, note)
    with current().timing("cache"):
        cache.set(_key(key), asdict(stored), timeout=stored.ttl_s)
    fresh.work.stored(stored.ttl_s)
    return stored


def now(fresh: Fresh, ttl_s: float | None, note: float | int | None = None) -> Stored:
    """``fresh`` as it is about to be stored; no round trip."""
    return Stored(fresh.value, fresh.versions, time.time(), lifetime_s(ttl_s), note)


def lifetime_s(ttl_s: float | None) -> float | None:
    """What is left of a time to live, while :func:`share_left` stores values as if a while ago."""
    return None if ttl_s is None else ttl_s * _share_left.get()


def run(script: str, keys: Sequence[str], *arguments: Any) -> Any:
    """One Lua script, atomic at the server; 1 round trip. EVAL: a restarted server has forgotten what EVALSHA names."""
    names = [raw_key(key) for key in keys]
    with current().timing("cache"):
        return cache.client.get_client(write=True).eval(script, len(names), *names, *arguments)


def packed(stored: Stored) -> bytes:
    """The bytes :func:`get` reads back, for a script to store."""
    return bytes(cache.client.encode(asdict(stored)))


def unpacked(found: bytes) -> Stored:
    """What a script gave back of a stored value."""
    return Stored(**cache.client.decode(found))


def raw_key(key: str) -> str:
    """The key as the server has it, for scripts, and for libraries with a client of their own."""
    return str(cache.client.make_key(_key(key)))


def epoch_key(key: str) -> str:
    """``key`` for libraries that talk to a cache alias of their own."""
    return _key(key)


def delete(key: str) -> None:
    """1 round trip."""
    with current().timing("cache"):
        cache.delete(_key(key))


def delete_many(keys: Sequence[str]) -> None:
    """1 round trip for any number of keys."""
    with current().timing("cache"):
        cache.delete_many([_key(key) for key in keys])


def generation(name: str) -> int:
    """The counter ``name``; 1 round trip, 3 when it was lost.

    A lost counter restarts at a value no earlier generation had (the clock), never at 1: with 1, old entries
    would be served again.
    """
    with current().timing("cache"):
        number = cache.get(_key(name))
        if number is None:
            cache.add(_key(name), time.time_ns(), timeout=None)
            number = cache.get(_key(name))
    return int(number)


def bump(name: str) -> None:
    """Raise the counter by one atomic INCR; 1 round trip."""
    with current().timing("cache"):
        try:
            cache.incr(_key(name))
        except ValueError:  # The counter was lost: every entry of its generations is out of reach already.
            cache.add(_key(name), time.time_ns(), timeout=None)


@contextmanager
def share_left(share: float) -> Iterator[None]:
    """Inside, values are stored with this share of their time to live, as if stored a while ago (seeding only)."""
    token = _share_left.set(share)
    try:
        yield
    finally:
        _share_left.reset(token)


def remaining_s(key: str) -> float | None:
    """Seconds left to live; -1 for ever, None when there is nothing (settling only)."""
    return seconds(cache.pttl(_key(key)))


def seconds(milliseconds: int | None) -> float | None:
    """What ``pttl`` says: None is for ever, 0 is not there."""
    if milliseconds is None:
        return -1.0
    return milliseconds / 1000 if milliseconds > 0 else None
