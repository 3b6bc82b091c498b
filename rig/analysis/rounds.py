"""The main figures of one arm in one round."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rig.analysis.quantiles import ratio


def by_round(facts: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """What differs from round to round and decides which arm is better: see :mod:`rig.analysis.finding`.

    ``facts``: of one trial; ``found``: the sections of this trial alone.
    """
    visits, events, stale = found["pages"], found["origin"], found["staleness"]
    return {
        "round": facts["round"],
        "p50_ms": found["requests"]["response_ms"]["p50"],
        "p95_ms": found["requests"]["response_ms"]["p95"],
        "lcp_p75_ms": visits["lcp_ms"]["p75"],
        "lcp_inside_p50": visits["inside_stampede"]["lcp_ms"]["p50"],
        "lcp_outside_p50": visits["outside_stampede"]["lcp_ms"]["p50"],
        "slow_share": visits["slow_share"],
        "hit_ratio": found["requests"]["hit_ratio"],
        "failed_share": ratio(found["requests"]["failed"], found["requests"]["sent"]),
        "stampedes": events["stampedes"],
        "stampede_peak": events["stampede_peak"],
        "recomputes": events["recomputes"],
        "cpu_share": events["cpu_share"],
        "age_p99_s": stale["age_p99_s"],
        "age_max_s": stale["age_max_s"],
        "stale_ratio": stale["stale_ratio"],
        "time_to_fresh_p50_s": stale["time_to_fresh_p50_s"],
        "cache_commands_per_request": events["cache_commands_per_request"],
        "cache_round_trips_per_request": events["cache_round_trips_per_request"],
        "write_p50_ms": found["writes"]["p50_ms"],
    }
