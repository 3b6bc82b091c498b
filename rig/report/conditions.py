"""What decides whether a run applies to the reader, in words."""

from __future__ import annotations

from typing import Any

from rig.words import NOT_MEASURED, count, figure, is_number, milliseconds, seconds

# Chromium rounds paint times of pages that are not cross-origin isolated.
_STEPS = {False: "4 ms", True: "less than 1 ms (isolated)"}


def conditions(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """What decides whether the run applies to the reader, as (what, figure)."""
    herd, isolated = facts.get("recompute_herd_ms"), facts.get("isolated")
    alone = facts.get("recompute_alone_ms")
    safety = facts.get("safety_ttl_s")
    return [
        (f"reads of {facts.get('hot_path') or 'the hot page'}", _per_second(facts.get("hot_rate_rps"))),
        ("writes to it", _per_second(facts.get("writes_per_s_hot"))),
        ("recompute", _ms_words(alone) + (f" ({_ms_words(herd)} in the herd)" if is_number(herd) else "")),
        ("TTL", seconds(facts.get("ttl_s")) + (f" (safety {seconds(safety)})" if is_number(safety) else "")),
        ("dependents of a write", count(facts.get("dependents"))),
        ("server threads", count(facts.get("threads"))),
        ("cache round trip", _ms_words(facts.get("cache_round_trip_ms"))),
        ("database", str(facts.get("database") or NOT_MEASURED)),
        *([("LCP told in steps of", _STEPS[isolated])] if isinstance(isolated, bool) else []),
    ]


def ratios(facts: dict[str, Any]) -> list[tuple[str, str, str]]:
    """The dimensionless figures that carry over to other traffic: (symbol, figure, meaning)."""
    return [
        ("λΔ", figure(facts.get("lambda_delta")), "reads in a recompute"),
        ("w·TTL", figure(facts.get("w_ttl")), "writes in a TTL"),
        ("w·Δ", figure(facts.get("w_delta")), "writes in a recompute"),
        ("λΔ/threads", figure(facts.get("lambda_delta_per_thread")), "of the threads in a herd"),
    ]


def _per_second(value: object) -> str:
    return f"{figure(value)}/s" if is_number(value) else figure(value)


def _ms_words(value: object) -> str:
    """Milliseconds, and seconds from 1 s on."""
    if is_number(value) and value >= 1000:
        return seconds(value / 1000)
    return milliseconds(value)
