"""The grade of a strategy under its plan's budgets. Missing data is never a pass."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from rig.analysis.rules import BAD, FRESHNESS, GOOD, OK, RULES, Arm, Rule


def grade(value: float, good_max: float, ok_max: float) -> str:
    """Both limits belong to the better side."""
    if value <= good_max:
        return GOOD
    return OK if value <= ok_max else BAD


def limits(rule: Rule, budgets: Mapping[str, Any], ttl_s: float | None) -> tuple[float, float] | None:
    """Good and ok limit of a rule: the plan's budget (one number, or two), else the rule's own, else None.

    People who set a short TTL accept that much staleness, so without a budget it is the ok limit of freshness.
    """
    name = rule.budget or rule.name
    given = budgets.get(rule.name, budgets.get(name))
    if isinstance(given, (list, tuple)):
        return float(given[0]), float(given[1])
    if given is not None:
        return float(given), float(given)
    if rule.good_max is None or rule.ok_max is None:
        return None
    if name == FRESHNESS and ttl_s:
        return min(rule.good_max, ttl_s), ttl_s
    return rule.good_max, rule.ok_max


def judge(arm: Arm, budgets: Mapping[str, Any] | None = None, ttl_s: float | None = None) -> dict[str, Any]:
    """``{"grade", "reasons", "rules"}`` of one arm of a summary.

    The grade is the worst of the rules. A rule without its figure leaves the arm ungraded (null), unless another
    is bad: that is known already. ``reasons`` begins with what decided. ``flips_at``: as a single budget, from this
    value on the rule would be good, and below it bad.
    """
    judged = [found for rule in RULES if (found := _apply(rule, arm, budgets or {}, ttl_s)) is not None]
    grades = {found["grade"] for found in judged}
    overall = next((one for one in _WORST_FIRST if one in grades), None)
    judged.sort(key=lambda found: _WORST_FIRST.index(found["grade"]))
    return {"grade": overall, "reasons": [found.pop("reason") for found in judged], "rules": judged}


# Not knowing weighs more than ok: what was not measured may have been bad.
_WORST_FIRST = (BAD, None, OK, GOOD)


def _apply(rule: Rule, arm: Arm, budgets: Mapping[str, Any], ttl_s: float | None) -> dict[str, Any] | None:
    found = limits(rule, budgets, ttl_s)
    if found is None or (rule.needs and arm.get(rule.needs) is None) or (rule.unless and arm.get(rule.unless)):
        return None
    good_max, ok_max = found
    value = rule.figure(arm)
    graded = None if value is None else grade(value, good_max, ok_max)
    return {
        "name": rule.name,
        "value": value,
        "good_max": good_max,
        "ok_max": ok_max,
        "grade": graded,
        "flips_at": value,
        "given": rule.name in budgets or rule.budget in budgets,
        "reason": _reason(rule, arm, value, graded, good_max, ok_max),
    }


def _reason(rule: Rule, arm: Arm, value: float | None, graded: str | None, good_max: float, ok_max: float) -> str:
    if value is None:
        return f"not graded: {rule.missing}"
    limit = f"good up to {rule.unit(good_max)}"
    if ok_max != good_max:
        limit += f", ok up to {rule.unit(ok_max)}"
    return f"{graded}: {rule.says(arm, value)} ({limit}{_flip(rule, value)})"


def _flip(rule: Rule, value: float) -> str:
    """A budget is kept up to the value itself, so that is where a single limit would flip the grade."""
    if math.isinf(value):
        return "; no budget flips it"
    return f"; flips at {rule.unit(value)}" if value > 0 else ""
