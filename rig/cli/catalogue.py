"""The target's catalogue of strategies, asked of the target itself: rig imports nothing of it."""

from __future__ import annotations

import os
from typing import Any


def strategy_catalogue() -> list[dict[str, Any]]:
    """What each strategy is, costs and declares, with its code."""
    from rig.measure.services.app_server import django_json

    # Asked as a run would start the target: with rig's own cache server, on a private Unix socket. None is needed here.
    own = {} if os.environ.get("RIG_REDIS_URL") else {"RIG_PICKLE_REDIS_URL": "unix:///nonexistent?db=0"}
    strategies: list[dict[str, Any]] = django_json("strategies", own)["strategies"]
    return strategies
