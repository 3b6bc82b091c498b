"""What is not known of an arm is null in its figures, never zero."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def judged_with_one_clock(figures: Mapping[str, Any], other_clock: int) -> dict[str, Any]:
    """Staleness figures; null, not zero, where every read was timed with another clock than the commits."""
    settled = ("persistent", "persistent_ttl_max_s", "persistent_unbounded")
    unknown = _blank(figures, [key for key in figures if key not in settled])
    return {**(unknown if other_clock and not figures["reads"] else figures), "other_clock": other_clock}


def without_events(found: Mapping[str, Any]) -> dict[str, Any]:
    """A target that reports no events has no known stampedes or commits: what rests on them is null, not zero."""
    split = ("inside_stampede", "outside_stampede", "slow_share", "unplaced")
    settled = ("persistent", "persistent_ttl_max_s", "persistent_unbounded")
    return {
        **found,
        "requests": _blank(found["requests"], split),
        "pages": _unplaced(_blank(found["pages"], split)),
        "origin": unmeasured(found["origin"]),
        "time_shares": unmeasured(found["time_shares"]),
        "symptoms": None,
        "staleness": {**unmeasured(found["staleness"]), **{key: found["staleness"][key] for key in settled}},
    }


def _unplaced(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Page figures without what is said of stampedes, which nobody knows of."""
    split = ("inside_stampede", "outside_stampede", "mean_inside_stampede", "mean_outside_stampede")
    causes = {cause: _blank(group, split) for cause, group in figures["by_cause"].items()}
    return {**figures, "by_cause": causes, "pipeline_ms": _blank(figures["pipeline_ms"], split)}


def _blank(figures: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    return {**figures, **unmeasured({key: figures[key] for key in keys if key in figures})}


def unmeasured(figures: Mapping[str, Any]) -> dict[str, Any]:
    """The same keys with every figure null."""
    return {key: unmeasured(value) if isinstance(value, Mapping) else None for key, value in figures.items()}
