"""What would turn the choice round: a single budget set elsewhere, or another rate of writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rig.analysis.causes import BUMP, DELETE, EXPIRY
from rig.analysis.rules import BAD, GOOD, GRADES, RULES, section
from rig.words import figure

BUDGETS = {
    "stampede_lcp_extra_ms": "what a stampede may add to LCP",
    "freshness_s": "freshness",
    "p95_ms": "response time",
    "origin_cpu_share": "origin work",
}
"""Budgets somebody may set otherwise, and what they limit. The other rules judge mistakes: no budget excuses one."""

OBEYS = {rule.name: rule.budget or rule.name for rule in RULES}
"""Rule -> the budget it obeys."""

MOST = 2

Arm = Mapping[str, Any]


def flip(leader: Arm, second: Arm, conditions: Mapping[str, Any]) -> dict[str, Any]:
    """``{"budgets": [{"budget", "above", "below"}], "writes_per_s"}``: what would have ``second`` chosen.

    Budgets: each alone, anywhere from ``above`` to below ``below``, makes ``second`` better graded than ``leader``.
    ``writes_per_s``: the rate of writes on the hot entry, computed, at which the one that recomputes after each write
    begins to recompute as often as the one that does once in each time to live; None where it isn't that choice.
    """
    return {"budgets": list(_budgets(leader, second)), "writes_per_s": _write_rate(leader, second, conditions)}


def _budgets(leader: Arm, second: Arm) -> Iterator[dict[str, Any]]:
    mine, its = _rules(leader), _rules(second)
    for name in BUDGETS:
        above, below = _highest(its, name), _highest(mine, name)
        if above is None or below is None or not above < below:
            continue
        # With the limit between them the leader breaks it and the other keeps it.
        if GRADES.index(_worst(its, name, GOOD)) < GRADES.index(_worst(mine, name, BAD)):
            yield {"budget": name, "above": above, "below": below}


def _rules(arm: Arm) -> dict[str, Mapping[str, Any]]:
    return {rule["name"]: rule for rule in section(arm, "verdict", "rules") or []}


def _highest(rules: Mapping[str, Mapping[str, Any]], budget: str) -> float | None:
    """The highest value of all that obey the budget: a limit is kept where each keeps it. None: one is not known."""
    values = [rule["value"] for name, rule in rules.items() if OBEYS.get(name) == budget]
    return max(values) if values and None not in values else None


def _worst(rules: Mapping[str, Mapping[str, Any]], budget: str, grade: str) -> str:
    """The grade of an arm whose rules under ``budget`` came out as ``grade``; what was not measured may be bad."""
    others = [rule["grade"] or BAD for name, rule in rules.items() if OBEYS.get(name) != budget]
    return max([grade, *others], key=GRADES.index)


def _write_rate(leader: Arm, second: Arm, conditions: Mapping[str, Any]) -> float | None:
    ttl_s = conditions.get("ttl_s")
    if not ttl_s or {_driven_by(leader), _driven_by(second)} != {"writes", "time"}:
        return None
    return float(1 / ttl_s)


def _driven_by(arm: Arm) -> str | None:
    """What has its entries recomputed in the main."""
    causes = section(arm, "origin", "stampedes_by_cause") or {}
    writes, time = sum(causes.get(cause) or 0 for cause in (DELETE, BUMP)), causes.get(EXPIRY) or 0
    return None if writes == time else "writes" if writes > time else "time"


def in_words(found: Mapping[str, Any], leader: Arm, conditions: Mapping[str, Any]) -> str:
    """``it would flip with a freshness budget from 0.2 s to below 0.9 s, …``; says so where no single budget would."""
    unit = {rule.name: rule.unit for rule in RULES}
    ways = [
        f"a budget for {BUDGETS[one['budget']]} from {unit[one['budget']](one['above'])}"
        f" to below {unit[one['budget']](one['below'])}"
        for one in _nearest(found["budgets"])
    ]
    if (rate := found["writes_per_s"]) is not None:
        now, more = conditions.get("writes_per_s_hot"), _driven_by(leader) == "writes"
        if now is not None and (now < rate) == more:
            ways.append(
                f"{'more' if more else 'fewer'} than {figure(rate, 'writes/s')} on the hot entry, as far as recomputes"
                f" decide (computed: one a TTL; here {figure(now, 'writes/s')})"
            )
    return f"it would flip with {' or '.join(ways)}" if ways else "no single budget would flip it"


def _nearest(budgets: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Those that need the least change, by ratio."""
    return sorted(budgets, key=lambda one: one["below"] / one["above"] if one["above"] else float("inf"))[:MOST]
