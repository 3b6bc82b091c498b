"""From raw numbers of the page and its response to the columns of a visit. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rig.measure.pages.protocol import Visit
from rig.model import VisitOutcome

STARVED_MS = 250.0
"""A render delay above this, with nothing to explain it, is the machine's and not the page's."""
_MOST_AGE_S = 2**31 - 1
"""What the journal's column holds."""


def starved(
    lcp_ms: float,
    resource_end_ms: float,
    blocking_ends_ms: Iterable[float] = (),
    long_tasks_ms: Iterable[Sequence[float]] = (),
    busy_ms: float = 0.0,
) -> bool:
    """Whether the LCP waited for a frame the browser was not given.

    The wait counts from the latest of the LCP resource's end (for text: the document's) and the ends of what
    blocks rendering: a slow stylesheet is an effect to be measured, not starvation. A long task (start, end)
    that overlaps the wait explains it, and ``busy_ms``, the main thread's work for the whole document, explains
    as much of it: Chromium leaves out a long task now and then. All times are milliseconds since the navigation
    began.
    """
    ends = [min(resource_end_ms, lcp_ms), *(end for end in blocking_ends_ms if end <= lcp_ms)]
    ready_ms = max(ends)
    if lcp_ms - ready_ms - busy_ms <= STARVED_MS:
        return False
    return not any(start < lcp_ms and end > ready_ms for start, end in long_tasks_ms)


def note_response(visit: Visit, status: int, headers: Mapping[str, str]) -> None:
    """Fill in what the response says of itself; header names are lower case."""
    visit.status = status
    visit.cache = headers.get("x-cache")
    visit.strategy = headers.get("x-cache-strategy")
    visit.content_version = headers.get("x-content-version")
    visit.age_s = _age_s(headers.get("age", ""))


def _age_s(header: str) -> int | None:
    if not (header.isascii() and header.isdigit() and len(header) <= len(str(_MOST_AGE_S))):
        return None
    age_s = int(header)
    return age_s if age_s <= _MOST_AGE_S else None


def began_s(figures: Mapping[str, Any], clock_offset_s: float, asked_s: float, told_s: float) -> float:
    """The monotonic second at which the navigation began.

    The wall clock says it best, less ``clock_offset_s``, where it is the browser's, too. One that runs on another
    host, or was set meanwhile, is held to what is sure: so long ago, by the page, in the moment between ``asked_s``
    and ``told_s`` at which the figures were taken.
    """
    ago_s = figures["now"] / 1000
    return float(min(max(figures["time_origin"] / 1000 + clock_offset_s, asked_s - ago_s), told_s - ago_s))


def note_figures(visit: Visit, figures: Mapping[str, Any], work: Mapping[str, float], navigation_s: float) -> None:
    """Fill in what the page and the browser counted, and judge the visit.

    ``figures`` are the collector's, ``work`` those of DevTools' ``Performance.getMetrics``, which counts anew in
    each document; ``navigation_s`` is :func:`began_s`.
    """
    visit.layouts = int(work["LayoutCount"])
    visit.style_recalcs = int(work["RecalcStyleCount"])
    visit.navigation_s = navigation_s
    visit.ttfb_ms = figures["response_start"]
    visit.dom_nodes = figures["dom_nodes"]
    visit.waterfall = json.dumps(figures["waterfall"])
    _note_server_timing(visit, figures["server_timing"])
    lcp = figures["lcp"]
    if lcp is None:
        visit.outcome, visit.cause = VisitOutcome.FAILED, "no_lcp"
        return
    visit.lcp_ms = lcp["value"]
    visit.ttfb_ms = lcp["ttfb"]
    visit.load_delay_ms = lcp["load_delay"]
    visit.load_duration_ms = lcp["load_duration"]
    visit.render_delay_ms = lcp["render_delay"]
    visit.element = lcp["element"]
    visit.resource_url = lcp["url"]
    visit.fcp_ms = figures["fcp"]
    visit.cls = figures["cls"]
    end_ms = figures["response_end"] if lcp["resource_end"] is None else lcp["resource_end"]
    busy_ms = work["TaskDuration"] * 1000
    if starved(lcp["value"], end_ms, figures["blocking_ends"], figures["long_tasks"], busy_ms):
        visit.outcome, visit.cause = VisitOutcome.STARVED, "frame_withheld"
    else:
        visit.outcome = VisitOutcome.MEASURED


def _note_server_timing(visit: Visit, entries: Sequence[Mapping[str, Any]] | None) -> None:
    if entries is None:
        return
    listed = [
        {"name": entry["name"], "description": entry["description"], "duration_ms": entry["duration"]}
        for entry in entries
    ]
    visit.server_timing = json.dumps(listed)
    totals = [entry["duration_ms"] for entry in listed if entry["name"] == "total"]
    visit.server_total_ms = totals[0] if totals else None
