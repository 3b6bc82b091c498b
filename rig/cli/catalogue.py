"""The target's catalogue of strategies, asked of the target itself: rig imports nothing of it."""

from __future__ import annotations

from typing import Any


def strategy_catalogue() -> list[dict[str, Any]]:
    """What each strategy is, costs and declares, with its code."""
    from rig.measure.services.app_server import django_json

    strategies: list[dict[str, Any]] = django_json("strategies")["strategies"]
    return strategies
