"""A run as ``summary.json``: what was measured, under which conditions, how good it was, and what follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rig.analysis.arms import Measured, Plan, arm_figures, database_apart, declared_staleness_s, read_trial
from rig.analysis.budgets import in_force
from rig.analysis.cautions import cautions
from rig.analysis.claims import claims
from rig.analysis.finding import finding
from rig.analysis.origin import Window, herd_ms
from rig.analysis.pareto import pareto
from rig.analysis.quantiles import plain, ratio
from rig.analysis.starvation import compare as compare_starvation
from rig.analysis.verdict import judge
from rig.journal import Run, SealedTrial

SCHEMA = "rig.summary/1"


def summarise(run: Run) -> dict[str, Any]:
    """The content of ``summary.json`` from a run directory read back. Pure: the same run gives the same summary.

    Figures of an arm are pooled over its sealed trials without marks. ``valid`` judges the instrument alone: every
    planned arm has at least one such trial.
    """
    plan: Plan = run.manifest.get("plan") or {}
    planned: list[Mapping[str, Any]] = list(plan.get("arms") or [])
    sound = {str(arm["label"]): _sound(run.of_arm(arm["label"])) for arm in planned}
    read = {label: [read_trial(trial, plan) for trial in trials] for label, trials in sound.items()}
    arms = {str(arm["label"]): _arm(read[str(arm["label"])], arm, plan) for arm in planned}
    windows = [trial.window for trials in read.values() for trial in trials]
    summary = {
        "schema": SCHEMA,
        "valid": bool(planned) and all(sound.values()),
        "warnings": cautions(run, arms),
        "conditions": conditions(plan, windows),
        "budgets": in_force(plan),
        "arms": arms,
        "starvation": compare_starvation(arms),
    }
    concluded = {"finding": finding(summary), "pareto": pareto(arms), "claims": claims(summary)}
    return {name: plain(value) for name, value in {**summary, **concluded}.items()}


def conditions(plan: Plan, windows: Sequence[Window]) -> dict[str, Any]:
    """What decides whether a run applies to somebody else, with the four products that govern it.

    λ is ``hot_rate_rps``, Δ the recompute time alone, w the writes per second on the hot entry. They are as planned,
    except the recompute time within stampedes, which is measured over all arms.
    """
    rate, ttl_s, window_s = plan.get("hot_rate_rps"), plan.get("ttl_s"), plan.get("window_s")
    alone_ms, threads = plan.get("recompute_ms"), plan.get("threads")
    writes = ratio(plan.get("hot_writes"), window_s)
    delta_s = None if alone_ms is None else alone_ms / 1000
    lambda_delta = _product(rate, delta_s)
    safety = [arm["ttl_s"] for arm in plan.get("arms") or [] if arm.get("ttl_s") is not None]
    return {
        "hot_path": plan.get("hot_path"),
        "hot_rate_rps": rate,
        "writes_per_s_hot": writes,
        "recompute_alone_ms": alone_ms,
        "recompute_herd_ms": herd_ms(windows),
        "ttl_s": ttl_s,
        "safety_ttl_s": max((one for one in safety if ttl_s is not None and one > ttl_s), default=None),
        "dependents": plan.get("dependents"),
        "threads": threads,
        "cache_round_trip_ms": plan.get("cache_round_trip_ms"),
        "database": plan.get("database"),
        "isolated": plan.get("isolated"),
        "lambda_delta": lambda_delta,
        "w_ttl": _product(writes, ttl_s),
        "w_delta": _product(writes, delta_s),
        "lambda_delta_per_thread": ratio(lambda_delta, threads),
        "ttl_mode": plan.get("ttl_mode"),
        "window_s": window_s,
        "rounds": plan.get("rounds"),
    }


def _sound(trials: Sequence[SealedTrial]) -> list[SealedTrial]:
    return [trial for trial in trials if not trial.facts.get("marks")]


def _arm(trials: Sequence[Measured], arm: Mapping[str, Any], plan: Plan) -> dict[str, Any]:
    head = {key: arm.get(key) for key in ("strategy", "ttl_s", "known_bad")}
    head["max_staleness_s"] = declared_staleness_s(trials, arm)
    # The processor time of a database server is not in the events of the process that asked it.
    head["database_apart"] = database_apart(plan)

    def verdict(sections: Mapping[str, Any]) -> dict[str, Any]:
        return judge({**head, **sections}, plan.get("budgets"), plan.get("ttl_s"))

    found = arm_figures(trials, arm, plan, lambda of_round: verdict(of_round)["grade"])
    return {**head, "trials": len(trials), **found, "verdict": verdict(found)}


def _product(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one * other
