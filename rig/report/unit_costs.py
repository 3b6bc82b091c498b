"""What a strategy costs to run, as cells of a table: cache work, memory and processor time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rig.words import NOT_MEASURED, count, figure, is_number, seconds

_BYTES = (("GB", 1e9), ("MB", 1e6), ("kB", 1e3))


def unit_costs(arm: Mapping[str, Any]) -> list[str]:
    """Commands, round trips, their computed cost, memory, keys, CPU of app and cache server; for 1,000 requests."""
    costs = arm.get("economics") or {}
    return [
        figure(costs.get("cache_commands_per_1000")),
        figure(costs.get("cache_round_trips_per_1000")),
        _computed(arm),
        memory(costs.get("cache_memory_bytes")),
        count(costs.get("cache_keys")),
        seconds(costs.get("app_cpu_s_per_1000")),
        seconds(costs.get("cache_cpu_s_per_1000")),
    ]


def _computed(arm: Mapping[str, Any]) -> str:
    """``0.05 / 0.5 / 1 s``: what 1,000 requests would wait for their round trips."""
    each_ms = (arm.get("origin") or {}).get("cache_cost_ms") or {}
    # Milliseconds a request are seconds for 1,000 of them.
    if not each_ms or not all(map(is_number, each_ms.values())):
        return NOT_MEASURED
    return " / ".join(seconds(value) for value in each_ms.values())


def memory(value: object) -> str:
    """``48000`` -> ``"48 kB"``."""
    if not is_number(value):
        return NOT_MEASURED
    unit, size = next(((unit, size) for unit, size in _BYTES if value >= size), ("bytes", 1.0))
    return figure(value / size, unit)
