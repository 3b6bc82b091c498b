"""Cache-invalidation strategies, one small file each, behind the flag ``cache-strategy``."""

from __future__ import annotations

from rig.contrib.django import current
from target_app.strategies.bad_delete_in_transaction import BadDeleteInTransaction
from target_app.strategies.bad_falsy_miss import BadFalsyMiss
from target_app.strategies.bad_lock_no_timeout import BadLockNoTimeout
from target_app.strategies.bad_version_set import BadVersionSet
from target_app.strategies.base import Strategy
from target_app.strategies.delete_many import DeleteMany
from target_app.strategies.delete_on_write import DeleteOnWrite
from target_app.strategies.double_delete import DoubleDelete
from target_app.strategies.fixed_timeout import FixedTimeout
from target_app.strategies.key_based import KeyBased
from target_app.strategies.lease import Lease
from target_app.strategies.library_cachalot import Cachalot
from target_app.strategies.library_cacheops import Cacheops
from target_app.strategies.library_dogpile import Dogpile
from target_app.strategies.library_herd_client import HerdClient
from target_app.strategies.no_cache import NoCache
from target_app.strategies.outbox import Outbox
from target_app.strategies.page_cache import PageCache
from target_app.strategies.single_flight import SingleFlight
from target_app.strategies.stale_while_revalidate import StaleWhileRevalidate
from target_app.strategies.ttl_jitter import TtlJitter
from target_app.strategies.versioned_keys import VersionedKeys
from target_app.strategies.write_through import WriteThrough
from target_app.strategies.xfetch import XFetch

LIBRARIES = (Dogpile(), HerdClient(), Cacheops(), Cachalot())

STRATEGIES: dict[str, Strategy] = {
    strategy.name: strategy
    for strategy in (
        FixedTimeout(),
        DeleteOnWrite(),
        DeleteMany(),
        VersionedKeys(),
        NoCache(),
        PageCache(),
        TtlJitter(),
        XFetch(),
        SingleFlight(),
        StaleWhileRevalidate(),
        Lease(),
        WriteThrough(),
        KeyBased(),
        DoubleDelete(),
        Outbox(),
        *LIBRARIES,
        BadDeleteInTransaction(),
        BadVersionSet(),
        BadLockNoTimeout(),
        BadFalsyMiss(),
    )
}

SEED = ("fixed-timeout", "delete-on-write", "delete-many", "versioned-keys")
"""The four strategies the mission began with."""


def active_strategy() -> Strategy:
    """The strategy the flag chose for the request under way."""
    return STRATEGIES[current().strategy or ""]
