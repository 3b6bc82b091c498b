"""Outcomes of gates, made by hand: one of each verdict, and one in which every name is hostile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

# Ends a cell, an element, an attribute, a comment, a workflow command, a line; names somebody; moves a cursor.
HOSTILE = "/p|<img src=x onerror=alert(1)>\"'`*_[a](http://evil.example)@team#1\n::error::x\x1b[2J%0A-->]]>&amp;\u202e"


def metric(name: str, verdict: str = "pass", *, value: float | None = 1.01, **known: Any) -> dict[str, Any]:
    """One element of ``metrics``: a ratio whose launches scatter by 2 %, unless ``known`` says otherwise."""
    spread = known.pop("spread", 0.02)
    kind = known.get("kind", "ratio")
    by_launch = _launches(value, spread) if value is not None else []
    quantity, page = _quantity(name)
    return {
        "name": name,
        "kind": kind,
        "quantity": quantity,
        "page": page,
        "budget": None,
        "value": value,
        "lower": None if value is None else value - spread,
        "upper": None if value is None else value + spread,
        "margin": 1.1 if kind == "ratio" else 0.02,
        "mde": None if value is None else (1.1 if kind == "ratio" else 0.02) + spread,
        "verdict": verdict,
        "reason": None,
        "by_launch": by_launch,
        **known,
    }


def _quantity(name: str) -> tuple[str, str | None]:
    for quantity in ("miss_ratio", "error_ratio", "stampede_peak"):
        if name.startswith(quantity):
            return quantity, None
    return ("lcp", name.partition(" ")[2]) if name.startswith("lcp") else ("response", None)


def _launches(value: float, spread: float) -> Sequence[float | None]:
    scattered = value + np.random.default_rng(7).normal(0, 1.5 * spread, 12)
    return [round(float(one), 4) for one in scattered]


ERRORS = metric("error_ratio", value=0.0, kind="difference", lower=None, upper=None, mde=None, margin=0.01, spread=0.0,
                by_launch=[])  # fmt: skip
PLAIN = (
    metric("hit_p50", value=1.004, margin=1.05, spread=0.012),
    metric("hit_p95", value=0.987, spread=0.03),
    metric("hit_p99", value=1.02, margin=1.15, spread=0.07),
    metric("miss_ratio", value=0.0012, kind="difference", spread=0.006),
    metric("stampede_peak", value=1.0, margin=1.5, spread=0.2),
    metric("lcp_p75 /", value=1.013, spread=0.03),
    metric("lcp_p75 /p/moon-jar/", value=0.995, spread=0.04),
    metric("hit_p95 <= 40ms", value=0.61, margin=1.0, budget=40.0, spread=0.02),
)


def outcome(verdict: str, *metrics: dict[str, Any], reasons: Sequence[str] = (), **known: Any) -> dict[str, Any]:
    """A whole outcome; ``known`` replaces keys."""
    return {
        "schema": "rig.gate/1",
        "kind": "gate",
        "created": "2026-11-30T01:30:00+00:00",
        "verdict": verdict,
        "blocks": 24,
        "launches": 12,
        "seconds": 231.0,
        "metrics": [*(metrics or PLAIN), ERRORS],
        "reasons": list(reasons),
        "advisory": False,
        "baseline": {"ref": "main", "revision": "1a2b3c4d5e6f", "url": None, "title": "main (1a2b3c4d5e6f)"},
        "candidate": {"ref": None, "revision": "7a8b9c0d1e2f", "url": None, "title": "7a8b9c0d1e2f"},
        "design": {
            "rate_rps": 100.0, "head_s": 8.5, "block_s": 5.0, "blocks_a_launch": 2, "first_look": 4, "last_look": 12,
            "paths": {"/": 0.5, "/p/moon-jar/": 0.5}, "pages": ["/", "/p/moon-jar/"], "relaunched": True,
            "strategy": "single-flight", "seed": 1,
        },
        "stampedes": [],
        "checks": [
            {"name": "load generator on time", "ok": True, "detail": "latest request 1.8 ms after its time"},
            {"name": "steal time", "ok": None, "detail": ""},
        ],
        "launch_facts": [
            {"number": number, "steal": None, "foreign": 0.03, "instrument": 0.4,
             "spoiled": ["other processes took 61% of the CPUs, more than 50%"] if number == 5 else []}
            for number in range(13)
        ],
        "left_open": [],
        "machine": {"cpus": 2, "os": "Linux", "python": "3.11.7", "pinned": {"app": [0], "load": [1]}},
        "commands": {"again": "rig gate --baseline-ref main --strategy single-flight --seed 1"},
        "run_dir": "runs/20261130T013000Z-gate-00eb41",
        **known,
    }  # fmt: skip


def stampede(arm: str, launch: int, peak: int, entry: str = "product:moon-jar", cause: str = "expiry") -> Any:
    return {"arm": arm, "launch": launch, "entry": entry, "cause": cause, "begin_s": 6.2, "duration_s": 1.1,
            "peak": peak, "recomputes": peak + 1}  # fmt: skip


PASS = outcome("pass")
FAIL = outcome(
    "fail",
    PLAIN[0],
    metric("hit_p95", "fail", value=1.331, spread=0.05),
    metric("hit_p99", "inconclusive", value=1.16, margin=1.15, spread=0.09),
    PLAIN[3],
    metric("stampede_peak", "fail", value=8.2, margin=1.5, spread=1.4),
    *PLAIN[5:7],
    metric("miss_p50", "not_applicable", value=None,
           reason="miss_p50: needs 20 samples, had 3 and 4 in the warm-up; a higher rate would bring them"),
    reasons=[
        "hit_p95: 1.33 times the baseline (1.28 to 1.38), margin 1.1",
        "hit_p99: 1.16 times the baseline (1.07 to 1.25), margin 1.15",
        "stampede_peak: 8.2 times the baseline (6.8 to 9.6), margin 1.5",
    ],
    stampedes=[stampede("candidate", n, 14 + n % 3) for n in range(1, 13)] + [stampede("baseline", 3, 2)]
    + [stampede("candidate", 2, 3, "home", "delete")],
)  # fmt: skip
INCONCLUSIVE = outcome(
    "inconclusive",
    metric("hit_p50", value=1.004, margin=1.05, spread=0.012),
    metric("hit_p95", "inconclusive", value=1.06, spread=0.09),
    reasons=["hit_p95: 1.06 times the baseline (0.97 to 1.15), margin 1.1"],
)
INVALID = outcome(
    "invalid",
    metric("any_p50", "invalid", value=None, margin=1.05,
           reason="any_p50: the candidate supplied none in launch 3, though it did in the warm-up"),
    metric("lcp_p75 /", "invalid", value=None, reason="lcp_p75 /: only the baseline supplies it"),
    reasons=[
        "the candidate ended in launch 3 (exit code 137)",
        "any_p50: the candidate supplied none in launch 3, though it did in the warm-up",
        "lcp_p75 /: only the baseline supplies it",
    ],
    launches=3,
    blocks=6,
    checks=[{"name": "arms answer the same", "ok": False, "detail": "/: the arms answer with different content"}],
    left_open=["nothing was launched anew, so the luck of a launch is allowed for: 6 % at p95"],
)  # fmt: skip
OUTCOMES = {one["verdict"]: one for one in (PASS, FAIL, INCONCLUSIVE, INVALID)}


def hostile(verdict: str = "fail") -> dict[str, Any]:
    """Every text that can come from outside is :data:`HOSTILE`."""
    name = f"lcp_p75 {HOSTILE}"
    return outcome(
        verdict,
        metric(name, verdict, value=1.4),
        metric(f"lcp_p75 {HOSTILE * 4}", "not_applicable", value=None, reason=f"{HOSTILE}: not supplied"),
        reasons=[f"{name}: 1.4 times the baseline (1.38 to 1.42), margin 1.1", f"{HOSTILE}: different content"],
        baseline={"ref": HOSTILE, "revision": None, "url": None, "title": HOSTILE},
        candidate={"ref": None, "revision": None, "url": HOSTILE, "title": HOSTILE},
        stampedes=[stampede("candidate", 1, 9, HOSTILE, HOSTILE)],
        checks=[{"name": HOSTILE, "ok": False, "detail": HOSTILE}],
        left_open=[HOSTILE],
        commands={"again": f"rig gate --baseline-ref '{HOSTILE}'"},
        machine={HOSTILE: HOSTILE},
    )
