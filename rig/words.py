"""Numbers as words: three significant digits, thousands separated, a unit on every figure.

Shared by the terminal and the HTML report, so that the same figure reads the same in both.
Words from outside are cleaned.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Sequence
from typing import TypeGuard

NOT_MEASURED = "not measured"

# Between a figure and its unit: a line must never break there.
_NBSP = "\u00a0"


def is_number(value: object) -> TypeGuard[float]:
    """Whether ``value`` is a finite figure; None, NaN, text, template gaps and integers beyond any float are not."""
    # math.isfinite cannot be asked of such an integer.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def significant(value: float, digits: int = 3) -> str:
    """``1912.4`` -> ``"1,910"``, ``0.04871`` -> ``"0.0487"``; trailing zeros after the point are dropped."""
    if value == 0:
        return "0"
    decimals = digits - 1 - math.floor(math.log10(abs(value)))
    text = f"{round(value, decimals):,.{max(decimals, 0)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def figure(value: object, unit: str = "") -> str:
    """One figure with its unit, or "not measured"."""
    return _with_unit(significant(value), unit) if is_number(value) else NOT_MEASURED


def count(value: object) -> str:
    """A number of things: whole ones are given exactly, because a rounded count looks like a wrong one."""
    if not is_number(value):
        return NOT_MEASURED
    return f"{value:,.0f}" if float(value).is_integer() else significant(value)


def milliseconds(value: object) -> str:
    """``1912.4`` -> ``"1,910 ms"``."""
    return figure(value, "ms")


def seconds(value: object) -> str:
    """A duration given in seconds, in the unit people would say it in: ms, s, min or h."""
    if not is_number(value):
        return NOT_MEASURED
    size, unit = 3600.0, "h"
    if abs(value) < 0.1 and value != 0:
        size, unit = 0.001, "ms"
    elif abs(value) < 120:
        size, unit = 1.0, "s"
    elif abs(value) < 3600:
        size, unit = 60.0, "min"
    return figure(value / size, unit)


def age(value: object) -> str:
    """How old something was, given in seconds: as :func:`seconds`, but nothing finer than a millisecond."""
    return f"under{_NBSP}1{_NBSP}ms" if is_number(value) and 0 < value < 0.001 else seconds(value)


def percent(value: object) -> str:
    """A ratio as per cent: ``0.1834`` -> ``"18.3 %"``."""
    return figure(value * 100, "%") if is_number(value) else NOT_MEASURED


def interval(low: object, high: object, unit: str = "") -> str:
    """``(1640, 2230, "ms")`` -> ``"1,640 to 2,230 ms"``."""
    if is_number(low) and is_number(high):
        return _with_unit(f"{significant(low)} to {significant(high)}", unit)
    return NOT_MEASURED


def plural(number: int, one: str, many: str | None = None) -> str:
    """``(1, "stampede")`` -> ``"1 stampede"``, ``(2, "stampede")`` -> ``"2 stampedes"``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def listed(words: Sequence[str], last: str = "and") -> str:
    """``["a", "b", "c"]`` -> ``"a, b and c"``; ``last``: the word before the last."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def _with_unit(text: str, unit: str) -> str:
    return f"{text}{_NBSP}{unit}" if unit else text


def cleaned(text: object) -> str:
    """One line without control characters: none may move a cursor, end a line, or turn the direction of text."""
    spaced = re.sub(r"\s+", " ", str(text)).strip()
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in spaced)
