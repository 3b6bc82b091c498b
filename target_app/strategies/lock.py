"""One holder at a time, at the cache server: a lock that ends by itself and a token that proves who holds it.

Each script is one round trip and atomic. The token is a fencing token: what a holder computed is stored only while
the lock is still its own, so one that was overtaken can't overwrite its successor's newer value.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager

from target_app.strategies import store
from target_app.strategies.store import Fresh, Stored

_CLAIM = """
local value = redis.call('GET', KEYS[1])
if value then return {value, 0} end
return {false, redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) and 1 or 0}
"""
_TAKE = "return redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) and 1 or 0"
_STORE = """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
redis.call('DEL', KEYS[2])
return 1
"""
_RELEASE = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
"""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.004, 0.05


def new_token() -> int:
    """One that no other holder has."""
    return secrets.randbits(62)


def claim(key: str, token: int, lock_s: float) -> tuple[Stored | None, bool]:
    """The value where there is one, else whether the lock is ours now.

    Looking again and locking are one step: who locks after another's release finds the value, not a gap.
    """
    found, is_ours = store.run(_CLAIM, [key, name(key)], token, _milliseconds(lock_s))
    return (None if found is None else store.unpacked(found)), bool(is_ours)


def take(key: str, token: int, lock_s: float) -> bool:
    """Whether the lock is ours now, value or not."""
    return bool(store.run(_TAKE, [name(key)], token, _milliseconds(lock_s)))


@contextmanager
def held(key: str, token: int) -> Iterator[None]:
    """The lock is ours already; an error inside releases it, else :func:`keep` has."""
    try:
        yield
    except BaseException:
        release(key, token)
        raise


def keep(key: str, token: int, fresh: Fresh, ttl_s: float, *, longer_s: float = 0.0, note: int | None = None) -> Stored:
    """Store ``fresh`` and release, or discard it because the lock is no longer ours.

    ``longer_s``: how long past its time to live it stays, to be served on purpose.
    """
    stored = store.now(fresh, ttl_s, note)
    life_ms = _milliseconds((stored.ttl_s or 0.0) + longer_s)
    if store.run(_STORE, [key, name(key)], token, store.packed(stored), life_ms):
        fresh.work.stored(stored.ttl_s)
        return stored
    return store.now(fresh, None)


def release(key: str, token: int) -> None:
    """Give the lock back, unless it is another's by now."""
    store.run(_RELEASE, [name(key)], token)


def pauses(longest_s: float) -> Iterator[float]:
    """Growing pauses between two looks, seconds, for ``longest_s`` in all."""
    deadline, pause_s = time.monotonic() + longest_s, _FIRST_PAUSE_S
    while time.monotonic() < deadline:
        yield pause_s
        pause_s = min(pause_s * 1.5, _LONGEST_PAUSE_S)


def name(key: str) -> str:
    """Where the lock of ``key`` lies."""
    return f"lock:{key}"


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
