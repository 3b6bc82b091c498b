"""What a trace says of one page, from events as Chromium writes them."""

from __future__ import annotations

from typing import Any

import pytest

from rig.measure.pages.trace import paint_figures


def event(name: str, dur: float, **args: Any) -> dict[str, Any]:
    return {"name": name, "ph": "X", "dur": dur, "args": args}


def test_time_and_number_of_each_kind() -> None:
    """Milliseconds of the page's own frame; pre-paint and layerize are painting, but are no paint of their own."""
    found = paint_figures(
        [
            event("UpdateLayoutTree", 400, beginData={"frame": "A"}),
            event("UpdateLayoutTree", 100, beginData={"frame": "A"}),
            event("Layout", 1500, beginData={"frame": "A"}),
            event("PrePaint", 200, data={"frame": "A"}),
            event("Paint", 700, data={"frame": "A"}),
            event("Layerize", 100, data={"frame": "A"}),
            event("Paint", 9999, data={"frame": "B"}),
            event("RasterTask", 9999),
            {"name": "Paint", "ph": "b", "args": {"data": {"frame": "A"}}},
        ],
        "A",
    )
    assert found is not None
    times = (found.pop("style_ms"), found.pop("layout_ms"), found.pop("paint_ms"))
    assert times == pytest.approx((0.5, 1.5, 1.0))
    assert found == {"layouts": 1, "style_recalcs": 2, "paints": 1}


def test_a_trace_without_the_page_is_none() -> None:
    """Nothing found is "not measured", not a page that costs nothing."""
    assert paint_figures([event("Paint", 700, data={"frame": "B"}), event("RasterTask", 5)], "A") is None
