"""The response headers of a measured page, from the facts of its trace (docs/target-contract.md)."""

from __future__ import annotations

import time

import http_sf

from rig.contrib.django.trace import Served, Status, Trace

_CACHE_NAME = "django"


def format_versions(versions: dict[str, int]) -> str:
    """``{"product:7": 3, "home": 12}`` -> ``"product:7=3, home=12"``."""
    return ", ".join(f"{scope}={number}" for scope, number in versions.items())


def page_headers(trace: Trace, total_ns: int) -> dict[str, str]:
    """Headers for one response. ``total_ns``: time spent between the outermost middleware's in and out."""
    headers = {"Server-Timing": server_timing(trace, total_ns)}
    if trace.strategy:
        headers["X-Cache-Strategy"] = trace.strategy
    worst = trace.worst
    if worst is None:
        return headers
    versions: dict[str, int] = {}
    for served in trace.served:
        versions.update(served.versions)
    headers["X-Cache"] = worst.status
    headers["Cache-Status"] = cache_status(worst)
    headers["Age"] = str(_age_s(trace.served))
    if versions:
        headers["X-Content-Version"] = format_versions(versions)
    return headers


def server_timing(trace: Trace, total_ns: int) -> str:
    """Header ``Server-Timing``; milliseconds with fractions."""
    worst = trace.worst
    parts = []
    if worst is not None:
        parts.append(f"cache;desc={worst.status.lower()};dur={trace.cache_ns / 1e6:.3f}")
    parts += [
        f"lock;dur={trace.lock_ns / 1e6:.3f}",
        f"origin;dur={trace.origin_ns / 1e6:.3f}",
        f'db;dur={trace.db_ns / 1e6:.3f};desc="{trace.queries} queries"',
        f"render;dur={trace.render_ns / 1e6:.3f}",
        f"total;dur={total_ns / 1e6:.3f}",
    ]
    return ", ".join(parts)


def cache_status(served: Served) -> str:
    """Header ``Cache-Status`` (RFC 9211) for one entry."""
    facts: dict[str, http_sf.types.BareItemType]
    match served.status:
        case Status.HIT | Status.STALE:
            facts = {"hit": True}
            if served.ttl_s is not None and served.stored_s is not None:
                facts["ttl"] = int(served.stored_s + served.ttl_s - time.time())
        case Status.WAIT:
            facts = {"fwd": http_sf.types.Token("miss"), "collapsed": True}
        case Status.MISS:
            facts = {"fwd": http_sf.types.Token("miss"), "stored": served.ttl_s is not None}
        case Status.BYPASS:
            facts = {"fwd": http_sf.types.Token("bypass")}
    facts["key"] = served.entry
    return str(http_sf.ser([(http_sf.types.Token(_CACHE_NAME), facts)]))


def _age_s(served: list[Served]) -> int:
    """Whole seconds since the oldest served value was stored; 0 for values computed for this response."""
    now = time.time()
    return max(
        (
            int(now - s.stored_s)
            for s in served
            if s.stored_s is not None and s.status not in (Status.MISS, Status.BYPASS)
        ),
        default=0,
    )
