"""What the browser process and its client say to each other: JSON lines, one order in, one visit out.

How all visits of a process are made (:class:`VisitOptions`) is said once, when it starts.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from rig.model import VisitOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitOptions:
    """How pages are visited. The defaults are those of a run: one desktop page, reused, nothing slowed down."""

    fresh_context: bool = False
    """A new browser context for each visit; else one that is reused, its cache, cookies and storage cleared."""
    device: str | None = None
    """A name of Playwright's registry, like ``Pixel 7``."""
    viewport: tuple[int, int] | None = None
    """Width and height in CSS pixels; None: the device's, else 1280 × 720."""
    cpu_slowdown: float | None = None
    """4: the main thread takes four times as long (DevTools' CPU throttling)."""
    network: str | None = None
    """A name of :data:`rig.measure.pages.network.NETWORKS`."""
    ignore_certificate_errors: bool = False
    interact: bool = True
    """Click once when all else was measured, for INP; see ``collector.js`` for what is clicked."""

    def as_dict(self) -> dict[str, Any]:
        """Plain data; the inverse of :func:`options_from`."""
        return asdict(self)


def options_from(data: dict[str, Any]) -> VisitOptions:
    """Options from plain data, where a pair has become a list."""
    viewport = data["viewport"]
    return VisitOptions(**{**data, "viewport": tuple(viewport) if viewport else None})


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One page to visit. ``deadline_s`` counts from the moment the order is taken up by a page.

    ``control``: on the page kept for the control page.
    """

    id: int
    url: str
    headers: dict[str, str]
    deadline_s: float
    control: bool = False
    tab: int | None = None
    """On a page kept for the visits of that number; None: on whichever is free."""
    screenshot: str | None = None
    """Absolute file for a picture of the page, taken when it was measured and its LCP is above…"""
    screenshot_above_ms: float | None = None
    """…this; None: whatever its LCP."""
    trace: bool = False
    """Visit under tracing for ``Visit.paint``. It slows the page down: no other figure of such a visit is of use."""


@dataclass(slots=True, kw_only=True)
class Visit:
    """What became of an order: the columns of ``rig.samples.PAGES`` that the browser knows.

    ``*_s`` are CLOCK_MONOTONIC seconds, ``*_ms`` milliseconds since the navigation began; None is "not measured".
    """

    url: str
    started_s: float | None = None
    navigation_s: float | None = None
    done_s: float | None = None
    outcome: VisitOutcome = VisitOutcome.FAILED
    cause: str | None = None
    status: int | None = None
    cache: str | None = None
    strategy: str | None = None
    content_version: str | None = None
    age_s: int | None = None
    lcp_ms: float | None = None
    ttfb_ms: float | None = None
    load_delay_ms: float | None = None
    load_duration_ms: float | None = None
    render_delay_ms: float | None = None
    fcp_ms: float | None = None
    cls: float | None = None
    inp_ms: float | None = None
    element: str | None = None
    resource_url: str | None = None
    server_timing: str | None = None
    server_total_ms: float | None = None
    dom_nodes: int | None = None
    layouts: int | None = None
    style_recalcs: int | None = None
    waterfall: str | None = None
    screenshot: str | None = None
    paint: dict[str, float] | None = None
    """Of a traced visit alone, and no column: see :mod:`rig.measure.pages.trace`."""


def encode(message: dict[str, Any]) -> bytes:
    """One message as one line. NaN has no place in JSON and is refused."""
    return json.dumps(message, allow_nan=False, separators=(",", ":")).encode() + b"\n"


def encode_order(order: Order) -> bytes:
    """The line the client sends."""
    return encode(asdict(order))


def parse_order(line: bytes) -> Order:
    """Read an order.

    Raises:
        ValueError: the line is no JSON object, or lacks one of the first four keys.
    """
    message = json.loads(line)
    try:
        return Order(
            id=int(message["id"]),
            url=str(message["url"]),
            headers={str(name): str(value) for name, value in message["headers"].items()},
            deadline_s=float(message["deadline_s"]),
            control=bool(message.get("control")),
            tab=message.get("tab"),
            screenshot=message.get("screenshot"),
            screenshot_above_ms=message.get("screenshot_above_ms"),
            trace=bool(message.get("trace")),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not an order: {line!r} ({error!r})") from error


def encode_visit(order_id: int, visit: Visit) -> bytes:
    """The line the browser process answers with."""
    return encode({"id": order_id, **asdict(visit)})
