"""What is done with a page when it has been measured: a picture of it, and one click. Neither changes its outcome."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from rig.measure.pages.protocol import Order, Visit
from rig.measure.pages.tab import Tab
from rig.model import VisitOutcome

PICTURE_QUALITY = 60
"""Of 100: enough to see what was painted; tens of kilobytes a picture."""


def wants_picture(order: Order, visit: Visit) -> bool:
    """Whether this visit is to be pictured: measured, and slow enough."""
    if order.screenshot is None or visit.outcome != VisitOutcome.MEASURED or visit.lcp_ms is None:
        return False
    return order.screenshot_above_ms is None or visit.lcp_ms > order.screenshot_above_ms


async def take_picture(tab: Tab, file: str) -> str:
    """Write a JPEG of the viewport to ``file`` and return its name.

    Raises:
        OSError: it cannot be written.
    """
    asked = {"format": "jpeg", "quality": PICTURE_QUALITY, "captureBeyondViewport": False}
    reply = await tab.cdp.send("Page.captureScreenshot", asked)
    Path(file).write_bytes(base64.b64decode(reply["data"]))
    return file


async def click(tab: Tab, point: dict[str, Any]) -> None:
    """A trusted click, as a person's mouse makes it."""
    mouse = {**point, "button": "left", "clickCount": 1}
    for kind in ("mousePressed", "mouseReleased"):
        await tab.cdp.send("Input.dispatchMouseEvent", {"type": kind, **mouse})
