"""The summary as JSON: the contract of ``summary.json`` and of ``rig run --json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def dumps(summary: Mapping[str, Any]) -> str:
    """One JSON object, as text with a newline at its end.

    Raises:
        ValueError: a figure is NaN or infinite. JSON has no such numbers; what was not measured is null.
    """
    return json.dumps(summary, indent=2, allow_nan=False, ensure_ascii=False) + "\n"
