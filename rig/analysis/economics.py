"""What a strategy costs to run: for each 1,000 requests and page visits, and what lay in the cache in the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rig.analysis.quantiles import known_sum, quantile, ratio

PER = 1000


def figures(facts: Sequence[Mapping[str, Any]], served: int) -> dict[str, Any]:
    """The section ``economics`` of an arm.

    Args:
        facts: of its sound trials, as ``trial.json`` has them.
        served: requests and page visits begun in all of them; what a page's pictures and styles cost is in their CPU.

    ``cache_memory_bytes`` and ``cache_keys`` are medians over trials, at the end of the window. All null where a trial
    does not know it: the cache server was killed in it, or is not rig's own (its CPU).
    """
    return {
        "requests": served,
        **{name: _median([one.get(name) for one in facts]) for name in ("cache_memory_bytes", "cache_keys")},
        **{f"{name}_per_1000": _each(facts, name, served) for name in ("cache_commands", "cache_round_trips")},
        **{
            f"{part}_cpu_s_per_1000": _each([one.get("cpu_s") or {} for one in facts], part, served)
            for part in ("app", "cache")
        },
    }


def _each(facts: Sequence[Mapping[str, Any]], name: str, served: int) -> float | None:
    total = known_sum([_number(one.get(name)) for one in facts])
    return ratio(None if total is None else total * PER, served)


def _median(values: Sequence[float | None]) -> float | None:
    numbers = [_number(value) for value in values]
    return None if any(map(np.isnan, numbers)) else quantile(numbers, 0.5)


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)
