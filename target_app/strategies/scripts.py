"""Steps of several commands that must not be torn apart: Lua scripts, which the cache server runs as one command.

Each is one round trip (EVALSHA), three the first time a server meets the script. On a cluster, both keys of a lease
would need one hash slot.
"""

from __future__ import annotations

from typing import Any

from django.core.cache import cache
from redis.commands.core import Script

from rig.contrib.django import current
from target_app.strategies import store
from target_app.strategies.store import Fresh, Stored

_GET_OR_LEASE = """
local value = redis.call('GET', KEYS[1])
if value then return {value, 0} end
if redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then return {false, 1} end
return {false, 0}
"""

_SET_LEASED = """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[2])
if ARGV[2] ~= '' then redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
return 1
"""

# The version lies in the value itself: with a key of its own, one of the two could be evicted without the other.
_SET_IF_NEWER = """
local held = redis.call('GET', KEYS[1])
if held and cmsgpack.unpack(held).versions[ARGV[1]] >= tonumber(ARGV[2]) then return 0 end
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
return 1
"""


def lease_key(key: str) -> str:
    """Where the token of ``key`` lies: deleting it voids the token."""
    return f"{key}#lease"


def get_or_lease(key: str, token: str, lease_s: float) -> tuple[Stored | None, bool]:
    """The value, or whether ``token`` is now the one that may set it; 1 round trip.

    ``(None, False)``: somebody else's token is valid, for ``lease_s`` seconds at most.
    """
    value, granted = _run(_GET_OR_LEASE, [key, lease_key(key)], [token, _milliseconds(lease_s)])
    return (None if value is None else Stored(**cache.client.decode(value)), bool(granted))


def set_leased(key: str, token: str, fresh: Fresh, ttl_s: float) -> Stored:
    """Store ``fresh`` if ``token`` is still valid, and use it up; 1 round trip. Returns it, stored or not."""
    stored = store.stored_now(fresh, ttl_s)
    arguments = [token, _encoded(stored), _milliseconds(stored.ttl_s)]
    if _run(_SET_LEASED, [key, lease_key(key)], arguments):
        fresh.work.stored(stored.ttl_s)
    return stored


def give_back(key: str, token: str) -> None:
    """Let the next one have the lease at once: there will be no value; 1 round trip."""
    _run(_SET_LEASED, [key, lease_key(key)], [token, "", 0])


def set_if_newer(key: str, scope: str, fresh: Fresh, ttl_s: float) -> Stored:
    """Store ``fresh`` unless a value of its version of ``scope``, or a later one, is there; 1 round trip.

    Returns it, stored or not. Versions beyond 2**53 would lose digits in Lua.
    """
    stored = store.stored_now(fresh, ttl_s)
    arguments = [scope, fresh.versions[scope], _encoded(stored), _milliseconds(stored.ttl_s)]
    if _run(_SET_IF_NEWER, [key], arguments):
        fresh.work.stored(stored.ttl_s)
    return stored


def _run(script: str, keys: list[str], arguments: list[Any]) -> Any:
    client = cache.client.get_client(write=True)
    with current().timing("cache"):
        return Script(client, script)(keys=[cache.make_key(store._key(key)) for key in keys], args=arguments)


def _encoded(stored: Stored) -> Any:
    return cache.client.encode(store.packed(stored))


def _milliseconds(seconds: float | None) -> int:
    assert seconds is not None, "a script stores nothing for ever"
    return max(1, round(seconds * 1000))
