"""A gate's figures and verdicts in words; the same ones in every output.

What came from outside (page names, messages of a server) is cleaned once: no output may be steered by it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from rig.words import cleaned, is_number, significant

NONE = "–"
"""A figure there is none of; the reason stands elsewhere."""

# A sign and a word beside the colour: colour alone says nothing to many people.
SIGNS = {"pass": "✓", "fail": "✗", "inconclusive": "?", "invalid": "!", "not_applicable": "–"}
WORDS = {name: name.replace("_", " ") for name in SIGNS}

MEANINGS = {
    "pass": "nothing is worse than its margin allows",
    "fail": "the candidate is worse than a margin allows",
    "inconclusive": "it can't be told whether the candidate is worse",
    "invalid": "what was measured can't be believed",
}

HEADS = ("metric", "change", "interval", "allowed", "detects", "verdict")
LEGEND = "allowed: the margin; detects: the smallest true change that a gate as noisy as this one fails 9 times of 10"

# Beyond this a percentage is harder to read than a factor, and beyond that it is no figure any more.
MOST_AS_PERCENT, MOST_AS_FACTOR = 10.0, 1000.0

# Between a figure and its unit: a line must never break there.
_NBSP = "\u00a0"


class Scale(StrEnum):
    """How a metric's figures read."""

    CHANGE = "change"  # ratio candidate / baseline, as per cent more or less
    TIMES = "times"  # ratio candidate / baseline, as a factor
    POINTS = "points"  # difference candidate - baseline of two shares, as percentage points
    BUDGET = "budget"  # ratio candidate / budget, as share of the budget used


def scale_of(metric: Mapping[str, Any]) -> Scale:
    """The scale of one of a gate's ``metrics``."""
    if metric["kind"] == "difference":
        return Scale.POINTS
    if metric["budget"] is not None:
        return Scale.BUDGET
    return Scale.TIMES if metric["quantity"] == "stampede_peak" else Scale.CHANGE


def shown(scale: Scale, value: object, *, sign: bool = True) -> str:
    """``(CHANGE, 1.083)`` -> ``+8.3 %``; without ``sign`` for what is an amount, as a margin is."""
    if not is_number(value):
        return NONE
    if scale is Scale.POINTS:
        return f"{_number(value * 100, sign)}{_NBSP}pp"
    if scale is Scale.TIMES or value > MOST_AS_PERCENT:
        over = value > MOST_AS_FACTOR
        return f"{'over ' if over else ''}×{_NBSP}{significant(MOST_AS_FACTOR if over else value)}"
    if scale is Scale.BUDGET:
        return f"{_number(value * 100, False)}{_NBSP}%"
    return f"{_number((value - 1) * 100, sign)}{_NBSP}%"


def interval(scale: Scale, low: object, high: object) -> str:
    """Both bounds, the unit once where they share it: ``−1.2 to +3.4 %``."""
    if not (is_number(low) and is_number(high)):
        return NONE
    first, last = shown(scale, low), shown(scale, high)
    unit = re.search(rf"{_NBSP}(%|pp)$", last)
    return f"{first.removesuffix(unit[0]) if unit else first} to {last}"


def _number(value: float, sign: bool) -> str:
    """Three digits, but none behind the second decimal: what is smaller is noise here."""
    text = significant(round(abs(value), 2))
    if text == "0":
        return "0"
    return f"{'−' if value < 0 else '+' if sign else ''}{text}"


def sentence(metric: Mapping[str, Any]) -> str:
    """``hit_p95 is 33 % slower than the baseline (28 to 38 %); 10 % is allowed``."""
    name, value, scale = cleaned(metric["name"]), metric["value"], scale_of(metric)
    if not is_number(value):
        return f"{name} was not measured"
    bounds = interval(scale, metric["lower"], metric["upper"])
    said = f" ({bounds})" if bounds != NONE else ""
    allowed = shown(scale, metric["margin"], sign=False)
    then = f"; {allowed} is allowed"
    if metric["verdict"] == "inconclusive":
        then = f": whether that is within the {allowed} allowed can't be told"
    if scale is Scale.BUDGET:
        return f"{name}: {shown(scale, value)} of the budget used{said}{then}"
    if metric["budget"] is not None:
        return f"{name}: {_amount(scale, value)} {'over' if value > 0 else 'under'} the budget{said}"
    if scale is Scale.TIMES or (scale is Scale.CHANGE and value > MOST_AS_PERCENT):
        return f"{name} is {shown(scale, value)} the baseline's{said}{then}"
    more, less, none = ("higher", "lower", 0) if scale is Scale.POINTS else ("slower", "faster", 1)
    word = more if value > none else less
    return f"{name} is {_amount(scale, value)} {word} than the baseline{said}{then}"


def _amount(scale: Scale, value: float) -> str:
    return shown(scale, value, sign=False).lstrip("−")
