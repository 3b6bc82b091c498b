"""What the browser process and its client say to each other: JSON lines, one order in, one visit out."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from rig.model import VisitOutcome


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


def encode(message: dict[str, Any]) -> bytes:
    """One message as one line. NaN has no place in JSON and is refused."""
    return json.dumps(message, allow_nan=False, separators=(",", ":")).encode() + b"\n"


def encode_order(order: Order) -> bytes:
    """The line the client sends."""
    return encode(asdict(order))


def parse_order(line: bytes) -> Order:
    """Read an order.

    Raises:
        ValueError: the line is no JSON object, or lacks one of the four keys.
    """
    message = json.loads(line)
    try:
        return Order(
            id=int(message["id"]),
            url=str(message["url"]),
            headers={str(name): str(value) for name, value in message["headers"].items()},
            deadline_s=float(message["deadline_s"]),
            control=bool(message.get("control")),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not an order: {line!r} ({error!r})") from error


def encode_visit(order_id: int, visit: Visit) -> bytes:
    """The line the browser process answers with."""
    return encode({"id": order_id, **asdict(visit)})
