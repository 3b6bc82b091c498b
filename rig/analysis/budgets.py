"""Budgets people declare for a run, and whether its strategies kept them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rig.analysis.finding import is_control
from rig.analysis.rules import BAD, RULES
from rig.analysis.verdict import limits
from rig.model import UsageError

NAMES = tuple(rule.name for rule in RULES if rule.budget is None and rule.needs is None)
"""What may be limited; the other rules judge mistakes, which no budget allows."""


def parse(texts: Sequence[str]) -> dict[str, float | tuple[float, float]]:
    """``["freshness_s=2", "p95_ms=300:900"]``: one limit, or good up to the first and ok up to the second.

    Raises:
        UsageError: an unknown name, a value that is no number, or limits in the wrong order.
    """
    return dict(map(_one, texts))


def _one(text: str) -> tuple[str, float | tuple[float, float]]:
    name, _, value = text.partition("=")
    if name not in NAMES:
        raise UsageError(f"--budget {text!r}: no such budget; there are {', '.join(NAMES)}")
    try:
        numbers = [float(part) for part in value.split(":")]
    except ValueError as error:
        raise UsageError(f"--budget {text!r}: {value!r} is no number; write {name}=2 or {name}=1:6") from error
    # NaN is in no order either.
    if len(numbers) > 2 or not 0 <= numbers[0] <= numbers[-1]:
        raise UsageError(f"--budget {text!r}: one limit, or good and ok in rising order: {name}=2 or {name}=1:6")
    return name, numbers[0] if len(numbers) == 1 else (numbers[0], numbers[1])


def in_force(plan: Mapping[str, Any]) -> list[dict[str, Any]]:
    """``[{"name", "good_max", "ok_max", "declared"}]``: the limits a run's verdicts are by, declared or rig's own."""
    given = plan.get("budgets") or {}
    found = ((rule.name, limits(rule, given, plan.get("ttl_s"))) for rule in RULES if rule.name in NAMES)
    return [
        {"name": name, "good_max": both[0], "ok_max": both[1], "declared": name in given}
        for name, both in found
        if both is not None
    ]


def exceeded(summary: Mapping[str, Any]) -> Iterator[str]:
    """``fixed-timeout: bad: …`` for each declared budget that a measured strategy, no control, did not keep."""
    for label, arm in summary["arms"].items():
        if not is_control(arm):
            verdict = arm["verdict"]
            for rule, reason in zip(verdict["rules"], verdict["reasons"], strict=True):
                if rule["given"] and rule["grade"] == BAD:
                    yield f"{label}: {reason}"


def unmeasured(summary: Mapping[str, Any]) -> Iterator[str]:
    """``fixed-timeout: freshness_s: not measured: …`` for each declared budget without its figure in a strategy."""
    declared = {one["name"] for one in summary["budgets"] if one["declared"]}
    for label, arm in summary["arms"].items():
        if not is_control(arm):
            # A rule that was left out is not among them, either.
            graded = {rule["name"] for rule in arm["verdict"]["rules"] if rule["grade"] is not None}
            for rule in RULES:
                if (rule.budget or rule.name) in declared and rule.name not in graded:
                    yield f"{label}: {rule.budget or rule.name}: not measured: {rule.missing}"
