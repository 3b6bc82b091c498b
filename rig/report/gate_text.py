"""A gate for people, 80 columns wide; from the object ``rig gate --json`` prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def as_text(outcome: Mapping[str, Any]) -> str:
    """Verdict, a line a metric, reasons."""
    lines = [
        f"{str(outcome['verdict']).upper()}: {outcome['candidate']['title']} against {outcome['baseline']['title']},"
        f" {outcome['launches']} launches, {outcome['seconds']:.0f} s",
        f"  {'':<26}{'candidate / baseline':>24}{'margin':>9}{'detects':>9}",
    ]
    lines += [_line(metric) for metric in outcome["metrics"] if metric["verdict"] != "not_applicable"]
    lines += [f"  {reason}" for reason in outcome["reasons"]]
    return "\n".join(lines) + "\n"


def _line(metric: Mapping[str, Any]) -> str:
    figures = [_shown(metric, metric[name]) for name in ("value", "lower", "upper", "margin", "mde")]
    value, lower, upper, margin, mde = figures
    between = f"{value} ({lower} to {upper})" if metric["lower"] is not None else value
    return f"  {metric['name']:<26}{between:>24}{margin:>9}{mde:>9}  {metric['verdict']}"


def _shown(metric: Mapping[str, Any], value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}" if metric["kind"] == "ratio" else f"{value:+.2%}"
