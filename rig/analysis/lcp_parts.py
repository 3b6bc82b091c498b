"""Where the time of an LCP went: queue for a server thread, cache, lock, origin, render, resource, paint.

Joins the browser's sub-parts (TTFB, load delay, load duration, render delay) with the navigation's own
Server-Timing. The parts of one visit add up to its LCP, so their means add up to the mean LCP.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

PARTS = {
    "queue": "waiting for a server thread",
    "cache": "cache round trips",
    "lock": "waiting for another's recompute",
    "origin": "recomputing at the origin",
    "render": "rendering the template",
    "server": "rest of the server",
    "resource": "loading the LCP resource",
    "paint": "layout and paint",
}

# 'db' is left out: its time lies within 'origin'.
_SERVER_PARTS = ("cache", "lock", "origin", "render")


def parts_of(page: Mapping[str, Any]) -> dict[str, float] | None:
    """Milliseconds for each of :data:`PARTS` of one measured visit; None where the visit has no LCP.

    Without Server-Timing the whole TTFB counts as ``server``: what is unknown is not called a queue.
    """
    if not all(_known(page[name]) for name in ("lcp_ms", "ttfb_ms")):
        return None
    ttfb_ms = float(page["ttfb_ms"])
    timing = timing_of(page.get("server_timing"))
    total_ms = timing.get("total")
    parts = dict.fromkeys(PARTS, 0.0)
    if total_ms is None:
        parts["server"] = ttfb_ms
    else:
        worked_ms = min(total_ms, ttfb_ms)
        named = {name: timing.get(name, 0.0) for name in _SERVER_PARTS}
        # Spans that overlap would add up to more than the total: shrink them, never the total.
        share = min(1.0, worked_ms / sum(named.values())) if sum(named.values()) else 1.0
        parts.update({name: value * share for name, value in named.items()})
        parts["queue"] = ttfb_ms - worked_ms
        parts["server"] = worked_ms - sum(named.values()) * share
    parts["resource"] = sum(float(page[n]) for n in ("load_delay_ms", "load_duration_ms") if _known(page[n]))
    parts["paint"] = max(0.0, float(page["lcp_ms"]) - ttfb_ms - parts["resource"])
    return parts


def db_ms_of(page: Mapping[str, Any]) -> float | None:
    """Milliseconds of the database within ``origin``; None where the server does not say what it did."""
    timing, parts = timing_of(page.get("server_timing")), parts_of(page)
    if parts is None or "total" not in timing:
        return None
    return min(timing.get("db", 0.0), parts["origin"])


def mean_parts(visits: Iterable[dict[str, float]]) -> dict[str, float] | None:
    """The mean of each part over visits; None without visits."""
    listed = list(visits)
    if not listed:
        return None
    return {name: sum(visit[name] for visit in listed) / len(listed) for name in PARTS}


def timing_of(text: object) -> dict[str, float]:
    """The text of the column ``server_timing`` as milliseconds by name; damaged text is as good as none."""
    if not isinstance(text, str):
        return {}
    try:
        entries = json.loads(text)
        return {str(entry["name"]): float(entry["duration_ms"] or 0) for entry in entries}
    except (ValueError, TypeError, KeyError):
        return {}


def _known(value: object) -> bool:
    return value is not None and value == value
