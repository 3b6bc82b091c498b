"""The plan of a run: what is compared, in which order, under which amounts. Made before anything is measured."""

from __future__ import annotations

import math
import random
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from rig.model import Arm, TrialId, UsageError
from rig.plan.choose import Amounts, choose
from rig.plan.pick import pick_strategies
from rig.plan.profile import Profile, load_profile
from rig.plan.schedule import ScheduleSpec
from rig.plan.warm import warm_shares

NOMINAL_RECOMPUTE_S, NOMINAL_THREADS = 0.1, 16
MASTER_PORT = 5557
"""Locust's own."""
LEAST_WINDOW_S = 6.0
TTL_MODES = ("as-used", "equal", "literal")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What the user asked for; None: chosen from the recompute time measured at start."""

    profile: str = "hot-key"
    strategies: str | None = None
    """Names, or words of :mod:`rig.plan.pick`; None: what the profile asks for."""
    rounds: int = 2
    window_s: float | None = None
    rate_rps: float | None = None
    write_share: float | None = None
    ttl_mode: str = "as-used"
    ttl_s: float | None = None
    seed: int = 1
    quick: bool = False
    visits: bool = True
    workers: int = 0
    """Locust workers that share the load; 0: one process sends everything."""
    budgets: Mapping[str, float | tuple[float, float]] = field(default_factory=dict)
    """What the user declared: one limit, or what is good and what is still ok. For the rest the verdict's own hold."""
    master: str | None = None
    """Address on which workers started by hand are awaited, and on which they find the target; a port may follow."""
    target_url: str | None = None
    """A target that runs already; None: rig starts one."""

    @property
    def master_address(self) -> tuple[str, int]:
        """Where the fleet listens for workers; port 0 takes a free one.

        Raises:
            UsageError: what follows the colon is no port.
        """
        if self.master is None:
            return "127.0.0.1", 0
        host, colon, port = self.master.partition(":")
        if colon and not (port.isdecimal() and 0 < int(port) < 65536):
            raise UsageError(
                f"--master {self.master}: {port!r} is no port; write ADDRESS or ADDRESS:PORT, like 10.0.0.5:5557"
            )
        return host, int(port) if colon else MASTER_PORT

    def __post_init__(self) -> None:
        _ = self.master_address
        if self.rounds < 1:
            raise UsageError(f"--rounds {self.rounds}: at least 1")
        if self.write_share is not None and not 0 <= self.write_share < 1:
            raise UsageError(f"--writes {self.write_share}: a fraction of all requests, from 0 to below 1")
        if self.workers < 0:
            raise UsageError(f"--workers {self.workers}: at least 1, or leave it out")
        for name, value in (("--rate", self.rate_rps), ("--window", self.window_s), ("--ttl", self.ttl_s)):
            if value is not None and not 0 < value < math.inf:
                raise UsageError(f"{name} {value:g}: must be a number above 0")
        if self.window_s is not None and self.window_s < LEAST_WINDOW_S:
            raise UsageError(
                f"--window {self.window_s:g}: at least {LEAST_WINDOW_S:g} s; its first second and its last four have no"
                " writes"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What the target said of itself, and what was measured of it before the first trial."""

    recompute_ms: float
    threads: int
    database: str
    cache_round_trip_ms: float | None
    isolated: bool | None = None
    """Whether pages are cross-origin isolated, so that LCP is told finer than to 4 ms; None: it did not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedArm:
    """An arm with what its strategy declares under this run's TTL setting."""

    arm: Arm
    ttl_s: float
    max_staleness_s: float
    """The part of the declared bound that is known beforehand."""
    max_staleness_recomputes: float
    """How many longest recomputes come on top of it."""
    known_bad: str | None = None
    """What is wrong with it, where the target lists it as a control that exists to be caught."""

    def as_dict(self) -> dict[str, Any]:
        """Plain data for the manifest."""
        return {
            "label": self.arm.label,
            "url": self.arm.url,
            "strategy": self.arm.strategy,
            "ttl_s": self.ttl_s,
            "max_staleness_s": self.max_staleness_s,
            "max_staleness_recomputes": self.max_staleness_recomputes,
            "known_bad": self.known_bad,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything a run does, in plain data."""

    options: RunOptions
    profile: Profile
    amounts: Amounts
    conditions: Conditions
    arms: Sequence[PlannedArm]

    @property
    def order(self) -> list[list[TrialId]]:
        """Rounds of trials: in each round every arm once, in an order drawn from the seed."""
        rounds = []
        for number in range(1, self.options.rounds + 1):
            labels = [planned.arm.label for planned in self.arms]
            random.Random(f"{self.options.seed}/{number}/order").shuffle(labels)
            rounds.append([TrialId(round=number, arm=label) for label in labels])
        return rounds

    def arm(self, label: str) -> PlannedArm:
        """The arm of that label."""
        return next(planned for planned in self.arms if planned.arm.label == label)

    def second_chances(self, sound: Collection[str]) -> list[TrialId]:
        """One more trial for each arm that has no sound one: the instrument's bad luck should not decide.

        They are a round of their own in the run directory, under the schedule of the last planned round.
        """
        extra = self.options.rounds + 1
        labels = (planned.arm.label for planned in self.arms)
        return [TrialId(round=extra, arm=label) for label in labels if label not in sound]

    def spec(self, round_number: int) -> ScheduleSpec:
        """The schedule every arm meets in this round."""
        round_number = min(round_number, self.options.rounds)
        profile, amounts = self.profile, self.amounts
        return ScheduleSpec(
            seed=self.options.seed,
            round=round_number,
            window_s=amounts.window_s,
            read_rate_rps=amounts.read_rate_rps,
            reads=dict(profile.reads),
            hot_writes=amounts.hot_writes,
            other_writes=amounts.other_writes,
            hot_form=profile.write_forms.get(profile.hot_path),
            other_forms=tuple(profile.write_forms[path] for path in profile.other_write_paths),
            visits=amounts.visits if self.options.visits else 0,
            visit_paths=dict(profile.visits),
            curve=profile.curve,
            write_groups=profile.write_groups,
            disturbances=profile.disturbances,
        )

    def warm_shares(self, round_number: int) -> dict[str, float]:
        """For each entry the share of its time to live that is left when the window begins."""
        seed = f"{self.options.seed}/{min(round_number, self.options.rounds)}/warm"
        return warm_shares(self.profile, self.amounts, self.conditions.recompute_ms / 1000, seed)

    @property
    def target_parameters(self) -> dict[str, Any]:
        """What each reset tells the target."""
        return {"ttl_mode": self.options.ttl_mode, "ttl_s": self.amounts.ttl_s}

    @property
    def chosen(self) -> list[str]:
        """Flags whose values were chosen from the measured recompute time."""
        options = self.options
        given = {"--rate": options.rate_rps, "--writes": options.write_share, "--ttl": options.ttl_s}
        given["--window"] = options.window_s
        return [flag for flag, value in given.items() if value is None]

    @property
    def reproduce(self) -> str:
        """The command that repeats this run with the same schedule."""
        options, amounts = self.options, self.amounts
        words = ["rig", "run", "--profile", options.profile, "--strategies"]
        words += [options.strategies or ",".join(planned.arm.label for planned in self.arms)]
        words += ["--rounds", str(options.rounds), "--window", f"{amounts.window_s:g}"]
        words += ["--rate", f"{amounts.rate_rps:g}", "--writes", f"{amounts.write_share:.6g}"]
        # A duration replaces the short TTL under as-used; the other settings choose theirs again.
        ttl = f"{amounts.ttl_s:g}" if options.ttl_mode == "as-used" else options.ttl_mode
        words += ["--ttl", ttl, "--seed", str(options.seed)]
        words += ["--workers", str(options.workers)] if options.workers else []
        words += ["--master", options.master] if options.master else []
        if options.target_url:
            host = urlsplit(options.target_url).hostname or ""
            words += ["--target-url", options.target_url, "--allow-host", host]
        for name, limit in options.budgets.items():
            both = limit if isinstance(limit, tuple) else (limit,)
            words += ["--budget", f"{name}={':'.join(f'{one:g}' for one in both)}"]
        words += ["--quick"] * options.quick + ["--no-pages"] * (not options.visits)
        return shlex.join(words)

    def as_dict(self) -> dict[str, Any]:
        """The plan as the manifest keeps it."""
        profile, amounts, conditions = self.profile, self.amounts, self.conditions
        return {
            "rounds": self.options.rounds,
            "window_s": amounts.window_s,
            "order": [[trial.arm for trial in trials] for trials in self.order],
            "arms": [planned.as_dict() for planned in self.arms],
            "rate_rps": amounts.rate_rps,
            "read_rate_rps": amounts.read_rate_rps,
            "hot_rate_rps": amounts.read_rate_rps * profile.hot_share,
            "write_share": amounts.write_share,
            "writes": amounts.writes,
            "hot_writes": amounts.hot_writes + profile.hot_group_writes,
            "visits": amounts.visits if self.options.visits else 0,
            "ttl_mode": self.options.ttl_mode,
            "ttl_s": amounts.ttl_s,
            "hot_path": profile.hot_path,
            "hot_entry": profile.hot_entry,
            "dependents": profile.dependents,
            "curve": profile.curve,
            "write_groups": [asdict(group) for group in profile.write_groups],
            "disturbances": [asdict(one) for one in profile.disturbances],
            "threads": conditions.threads,
            "database": conditions.database,
            "cache_round_trip_ms": conditions.cache_round_trip_ms,
            "isolated": conditions.isolated,
            "recompute_ms": conditions.recompute_ms,
            "paths": dict(profile.reads),
            "entries": dict(profile.entries),
            "budgets": dict(self.options.budgets),
            "chosen": self.chosen,
        }


def planned_profile(options: RunOptions, profile: Profile) -> Profile:
    """The profile as this run uses it: ``--quick`` asks for less of everything."""
    if not options.quick:
        return profile
    groups = tuple(replace(group, count=min(2, group.count)) for group in profile.write_groups)
    fewer = min(2, profile.hot_writes)
    return replace(profile, window_s=10.0, hot_writes=fewer, other_writes=0, expiries=1, write_groups=groups)


def nominal_plan(options: RunOptions, catalogue: Sequence[Mapping[str, Any]]) -> Plan:
    """The plan as it would be on a machine where one recompute takes 100 ms. For looking at, not for running."""
    profile = planned_profile(options, load_profile(options.profile))
    amounts = choose(
        profile,
        NOMINAL_RECOMPUTE_S,
        NOMINAL_THREADS,
        rate_rps=options.rate_rps,
        write_share=options.write_share,
        ttl_s=options.ttl_s,
        window_s=options.window_s,
    )
    declared = {row["name"]: row for row in catalogue}
    seed = [row["name"] for row in catalogue if row["seed"]]
    arms = [
        PlannedArm(
            arm=Arm(label=name, url="", strategy=name),
            ttl_s=amounts.ttl_s if declared[name]["freshness_by_ttl"] else declared[name]["ttl_s"],
            max_staleness_s=declared[name]["max_staleness_s"],
            max_staleness_recomputes=declared[name]["max_staleness_recomputes"],
            known_bad=declared[name].get("known_bad"),
        )
        for name in pick_strategies(options.strategies, profile.strategies, catalogue, seed)
    ]
    conditions = Conditions(
        recompute_ms=NOMINAL_RECOMPUTE_S * 1000, threads=NOMINAL_THREADS, database="", cache_round_trip_ms=None
    )
    return Plan(options=options, profile=profile, amounts=amounts, conditions=conditions, arms=arms)
