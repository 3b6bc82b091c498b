"""Many run directories without samples: a manifest and a summary each, as the dashboard's index reads them."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

STRATEGIES = ("fixed-timeout", "delete-on-write", "versioned-keys")
FIRST = datetime(2025, 11, 1, 9, 0, tzinfo=UTC)
_MIDDLE = {"lcp_p75_ms": 320.0, "lcp_inside_p50": 1250.0, "lcp_outside_p50": 290.0, "p95_ms": 640.0, "p50_ms": 4.2}
_GRADES = ("good", "ok", "bad")
MARKUP = "<img src=x onerror=alert(1)>"


def write_run(
    parent: Path,
    number: int,
    strategies: Sequence[str] = STRATEGIES,
    factor: float = 1.0,
    scatter: float = 0.05,
    manifest: Mapping[str, Any] | None = None,
    valid: bool = True,
) -> Path:
    """Run ``number`` of a history: its figures are ``factor`` times the usual, give or take ``scatter``."""
    dice = random.Random(number)
    created = FIRST + timedelta(hours=7 * number)
    path = parent / f"{created:%Y%m%dT%H%M%SZ}-hot-key-{number:06x}"
    path.mkdir(parents=True)
    facts = {
        "schema": "rig.run/1", "status": "complete", "profile": "hot-key", "seed": 1,
        "created": created.isoformat(), "reproduce": "rig run --seed 1",
        "environment": {"cpu": "EPYC", "cpus": 2, "commit": f"{number:07x}", "packages": {"django": "5.2"}},
        "plan": {
            "rate_rps": 50.0, "window_s": 24.0, "visits": 48, "ttl_s": 6.0, "paths": {"/": 0.4, "/p/moon-jar/": 0.6},
            "arms": [{"label": name, "strategy": name} for name in strategies], "order": [list(strategies)],
        },
    }  # fmt: skip
    write(path / "manifest.json", {**facts, **(manifest or {})})
    arms = {name: _arm(dice, n, factor, scatter) for n, name in enumerate(strategies)}
    write(path / "summary.json", {"schema": "rig.summary/1", "valid": valid, "warnings": [], "arms": arms})
    return path


def _arm(dice: random.Random, place: int, factor: float, scatter: float) -> dict[str, Any]:
    launch = math.exp(dice.gauss(0, scatter))
    rounds = [
        {"round": n, **{key: value * factor * launch * math.exp(dice.gauss(0, 0.03)) for key, value in _MIDDLE.items()}}
        for n in (1, 2, 3)
    ]
    return {"strategy": "x", "by_round": rounds, "verdict": {"grade": _GRADES[place % 3], "reasons": []}}


def write_gate(parent: Path, number: int, verdict: str = "fail", **facts: Any) -> Path:
    """A gate as ``rig gate`` leaves it."""
    created = FIRST + timedelta(hours=7 * number + 1)
    path = parent / f"{created:%Y%m%dT%H%M%SZ}-gate-{number:06x}"
    path.mkdir(parents=True)
    ratio = {"name": "lcp_ms", "kind": "ratio", "value": 1.31, "lower": 1.2, "upper": 1.44, "margin": 1.1, "mde": 1.08}
    gate = {
        "kind": "gate", "verdict": verdict, "created": created.isoformat(), "baseline": "main",
        "candidate": "my-branch", "blocks": 6, "launches": 12, "seconds": 410.0,
        "metrics": [{**ratio, "verdict": verdict}],
        "reasons": ["lcp_ms: 1.31 times the baseline's, at least 1.2; allowed are 1.1"],
    }  # fmt: skip
    write(path / "gate.json", {**gate, **facts})
    return path


def write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")
