"""What the cache holds when a window begins: for each entry the share of its time to live that is left."""

from __future__ import annotations

import random

from rig.model import UsageError
from rig.plan.choose import Amounts, first_expiry_s
from rig.plan.profile import Profile


def warm_shares(profile: Profile, amounts: Amounts, recompute_s: float, seed: str) -> dict[str, float]:
    """Entry -> share of its time to live, in the order in which they are to be stored: the hot entry last.

    Scattered, so that entries do not expire together; the hot entry's such that its expiries fit the window. Or, where
    the profile wants it, together: entries are stored one after the other, each taking ``recompute_s``, so the earlier
    ones get as much more.

    Raises:
        UsageError: by the time the last entry is stored the first would have expired.
    """
    rng = random.Random(seed)
    shares = {entry: rng.uniform(0.15, 1.0) for entry in profile.entries.values()}
    first_s = first_expiry_s(amounts, profile.expiries, rng.random())
    del shares[profile.hot_entry]
    shares[profile.hot_entry] = min(1.0, first_s / amounts.ttl_s)
    if profile.warm == "scattered":
        return shares
    behind = range(len(shares) - 1, -1, -1)
    first_s = min(first_s, amounts.ttl_s - behind[0] * recompute_s)
    if first_s <= 0:
        raise UsageError(
            f"profile {profile.name}: storing its {len(shares)} entries takes longer than the short TTL of"
            f" {amounts.ttl_s:g} s, so they cannot expire together; give a longer --ttl"
        )
    return {
        entry: (first_s + number * recompute_s) / amounts.ttl_s for entry, number in zip(shares, behind, strict=True)
    }
