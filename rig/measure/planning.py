"""From options to a plan: what the target offers, how long one recompute takes here, what follows from it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from rig.measure.services.cache_server import round_trip_ms
from rig.measure.target import Target
from rig.model import Arm, UsageError
from rig.plan.choose import choose
from rig.plan.disturbance import KINDS
from rig.plan.pick import pick_strategies
from rig.plan.plan import Conditions, Plan, PlannedArm, RunOptions
from rig.plan.profile import Profile

_RECOMPUTES_TIMED = 5
_TOLD = ("strategies", "seed_strategies", "threads", "database")
_TOLD_OF_STRATEGY = ("name", "ttl_s", "max_staleness_s", "max_staleness_recomputes")


def plan_run(
    options: RunOptions, profile: Profile, target: Target, cache_url: str, own_target: Callable[[str], Target]
) -> Plan:
    """Ask the target who it is, measure a recompute, choose the amounts.

    ``own_target`` starts a target for a strategy that needs a process of its own.

    Raises:
        UsageError: a strategy, disturbance or write that the target does not offer, or something it does not tell.
    """
    identity = target.identity()
    refuse_untold(identity, target.url)
    refuse_unoffered(profile, identity)
    names = pick_strategies(options.strategies, profile.strategies, identity["strategies"], identity["seed_strategies"])
    rows = {row["name"]: row for row in identity["strategies"]}
    targets = {name: own_target(name) if rows[name].get("own_process") else target for name in names}
    for one, name in {targets[name]: name for name in reversed(names)}.items():
        one.exercise(profile.hot_path, name, connections=2 * identity["threads"])
    # A strategy that stores nothing would tell as much, but a cold read is what the amounts are chosen from.
    timed = next((name for name in names if rows[name].get("caches", True)), names[0])
    recompute_ms = targets[timed].recompute_alone_ms(profile.hot_path, timed, _RECOMPUTES_TIMED)
    amounts = choose(
        profile,
        recompute_ms / 1000,
        identity["threads"],
        rate_rps=options.rate_rps,
        write_share=options.write_share,
        ttl_s=options.ttl_s,
        window_s=options.window_s,
    )
    target.reset({"ttl_mode": options.ttl_mode, "ttl_s": amounts.ttl_s})
    # A process of its own lists its own strategy, with what it declares under these parameters: they share the reset.
    told = [one.identity()["strategies"] for one in dict.fromkeys((target, *targets.values()))]
    declared = {strategy["name"]: strategy for strategies in told for strategy in strategies}
    arms = [
        PlannedArm(
            arm=Arm(label=name, url=targets[name].url, strategy=name),
            ttl_s=declared[name]["ttl_s"],
            max_staleness_s=declared[name]["max_staleness_s"],
            max_staleness_recomputes=declared[name]["max_staleness_recomputes"],
            known_bad=declared[name].get("known_bad"),
        )
        for name in names
    ]
    conditions = Conditions(
        recompute_ms=recompute_ms,
        threads=identity["threads"],
        database=identity["database"],
        cache_round_trip_ms=round_trip_ms(cache_url),
        isolated=identity.get("isolated"),
    )
    return Plan(options=options, profile=profile, amounts=amounts, conditions=conditions, arms=arms)


def refuse_borrowed_cache(profile: Profile) -> None:
    """Refuse a profile that would kill or empty a cache server which is not rig's own.

    Raises:
        UsageError: ``RIG_REDIS_URL`` names one.
    """
    needy = [one.kind for one in profile.disturbances if KINDS[one.kind].own_cache]
    if needy and os.environ.get("RIG_REDIS_URL"):
        raise UsageError(
            f"profile {profile.name}: {needy[0]} takes every key of the cache server, and RIG_REDIS_URL names one that"
            " is not rig's own; unset RIG_REDIS_URL, so that rig starts its own"
        )


def refuse_untold(identity: Mapping[str, Any], url: str) -> None:
    """Refuse a target that leaves out what a run can't be planned without.

    Raises:
        UsageError: names what is missing, and where it is said.
    """
    missing = [name for name in _TOLD if identity.get(name) is None]
    missing += [
        f"{name} of strategy {row.get('name', '?')}"
        for row in identity.get("strategies") or ()
        for name in _TOLD_OF_STRATEGY
        if name not in row
    ]
    if missing:
        raise UsageError(
            f"target {url}: its identity does not tell {', '.join(missing)}; `rig run` needs it, say it in"
            " Hooks(identity=…) (docs/target-contract.md)"
        )


def refuse_unoffered(profile: Profile, identity: Mapping[str, Any]) -> None:
    """Refuse a profile whose disturbances or writes the target does not have.

    Raises:
        UsageError: names what is missing, or the fan-out that differs.
    """
    offered = list(identity.get("disturbances") or [])
    for one in profile.disturbances:
        asked = KINDS[one.kind].asks
        if asked and asked not in offered:
            raise UsageError(
                f"profile {profile.name}: the target does not offer {asked} (it offers"
                f" {', '.join(offered) or 'no disturbance'}); choose another profile, `rig profiles` lists them"
            )
    if "writes" not in identity:
        return
    dependents = {write["path"]: write["dependents"] for write in identity["writes"]}
    entries = {write["path"]: write["entries"] for write in identity["writes"]}
    for group in profile.write_groups:
        if group.path not in dependents:
            raise UsageError(
                f"profile {profile.name}: the target declares no write {group.path}; it has {', '.join(dependents)}"
            )
        if dependents[group.path] != group.dependents:
            raise UsageError(
                f"profile {profile.name}: {group.dependents} entries should depend on {group.path}, the target says"
                f" {dependents[group.path]}; correct dependents in the profile"
            )
        if group.hot != (profile.hot_entry in entries[group.path]):
            raise UsageError(
                f"profile {profile.name}: {profile.hot_entry} {'does not depend' if group.hot else 'depends'} on"
                f" {group.path}, says the target; correct hot in the profile"
            )
