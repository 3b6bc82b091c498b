"""Process-wide settings of the instrumentation, from the environment.

``RIG_MEASURE=1``   control endpoints and the per-request strategy override exist
``RIG_TOKEN``       the secret those endpoints ask for (header ``X-Rig-Token``); measurement mode needs one
``RIG_EVENT_DIR``   folder of the event files and of what the workers share
"""

from __future__ import annotations

import os
from hmac import compare_digest
from pathlib import Path
from typing import Any

from rig.contrib.django.events import EventLog
from rig.contrib.django.state import SharedState

MEASURING = os.environ.get("RIG_MEASURE") == "1" and bool(os.environ.get("RIG_TOKEN"))
_TOKEN = os.environ.get("RIG_TOKEN", "")
_FOLDER = Path(os.environ["RIG_EVENT_DIR"]) if MEASURING and os.environ.get("RIG_EVENT_DIR") else None

SHARED = SharedState(_FOLDER) if _FOLDER else None
EVENTS = EventLog(_FOLDER)


def epoch() -> int:
    """The epoch of work that begins now; 0 outside measurement."""
    return SHARED.epoch if SHARED else 0


def parameters() -> dict[str, Any]:
    """What the last reset declared; empty outside measurement."""
    return SHARED.parameters() if SHARED else {}


def count_open(change: int) -> None:
    """Add to the number of recomputes open in this process."""
    if SHARED:
        SHARED.count_open(change)


def origin_repeats() -> int:
    """How often a recompute does its work now; 1 outside measurement."""
    return SHARED.origin_repeats if SHARED else 1


def commit_pause_s() -> float:
    """How long a write waits before its COMMIT now, seconds; 0 outside measurement."""
    return SHARED.commit_pause_ms / 1000 if SHARED else 0.0


def is_token(given: str | None) -> bool:
    """Whether ``given`` is the token of this measurement; False outside measurement."""
    return MEASURING and given is not None and compare_digest(given.encode(), _TOKEN.encode())
