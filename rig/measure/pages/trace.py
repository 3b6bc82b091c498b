"""What a page costs the browser's main thread to style, lay out and paint, from a trace of one visit.

Tracing slows a page down by hundreds of milliseconds, so it has a visit of its own, whose other figures nobody uses.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from playwright.async_api import CDPSession

CATEGORIES = ("devtools.timeline",)

# The main thread's part of painting; rasterising happens elsewhere, beside it.
EVENTS = {
    "style": ("UpdateLayoutTree",),
    "layout": ("Layout",),
    "paint": ("PrePaint", "Paint", "Layerize"),
}


class Tracing:
    """A trace under way in one tab."""

    def __init__(self, cdp: CDPSession) -> None:
        self._cdp = cdp
        self._events: list[dict[str, Any]] = []
        self._complete = asyncio.Event()

    async def start(self) -> None:
        """Begin; from here on everything is slower."""
        self._cdp.on("Tracing.dataCollected", self._take)
        self._cdp.on("Tracing.tracingComplete", self._end)
        config = {"includedCategories": list(CATEGORIES)}
        await self._cdp.send("Tracing.start", {"transferMode": "ReportEvents", "traceConfig": config})

    async def stop(self) -> dict[str, float] | None:
        """End the trace; returns what :func:`paint_figures` makes of the main frame's events."""
        await self._cdp.send("Tracing.end")
        await self._complete.wait()
        self._cdp.remove_listener("Tracing.dataCollected", self._take)
        self._cdp.remove_listener("Tracing.tracingComplete", self._end)
        tree = await self._cdp.send("Page.getFrameTree")
        return paint_figures(self._events, tree["frameTree"]["frame"]["id"])

    def _take(self, event: Mapping[str, Any]) -> None:
        self._events.extend(event["value"])

    def _end(self, _: Mapping[str, Any]) -> None:
        self._complete.set()


def paint_figures(events: Iterable[Mapping[str, Any]], frame: str) -> dict[str, float] | None:
    """``style_ms``, ``layout_ms``, ``paint_ms`` of one frame, and how often each happened.

    Args:
        events: of a trace, in Chromium's trace event format; durations in microseconds.
        frame: DevTools' id of the frame; a browser traces all its pages at once.

    Returns None where the frame has no such event: then the trace failed, for no page paints for nothing.
    """
    own = [event for event in events if event.get("ph") == "X" and _frame(event) == frame]
    kinds = {kind: [event for event in own if event["name"] in names] for kind, names in EVENTS.items()}
    if not any(kinds.values()):
        return None
    return {
        **{f"{kind}_ms": sum(map(_worked_us, found)) / 1000 for kind, found in kinds.items()},
        "layouts": len(kinds["layout"]),
        "style_recalcs": len(kinds["style"]),
        "paints": sum(event["name"] == "Paint" for event in kinds["paint"]),
    }


def _worked_us(event: Mapping[str, Any]) -> float:
    """Processor time of the thread where the trace has it: a busy machine lengthens everything else."""
    return float(event.get("tdur", event["dur"]))


def _frame(event: Mapping[str, Any]) -> str | None:
    arguments = event.get("args", {})
    for holder in (arguments.get("data"), arguments.get("beginData"), arguments):
        if isinstance(holder, dict) and "frame" in holder:
            return str(holder["frame"])
    return None
