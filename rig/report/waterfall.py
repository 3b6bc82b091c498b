"""The waterfall of one visit as rows of bars, in thousandths of its width: templates only place them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from rig.analysis.lcp_parts import PARTS
from rig.analysis.visits import Asked, Visit
from rig.words import milliseconds

# More rows than a reader follows; what blocks rendering and what came first are kept.
_MOST_ROWS = 16
_WIDTH = 1000.0

# In the order in which the server does them; what it doesn't name comes last.
_SERVER_PARTS = ("queue", "cache", "lock", "origin", "render", "server")


def waterfall(visit: Visit) -> dict[str, Any] | None:
    """Rows of ``{"name", "url", "bars", "text"}`` and the place of the LCP; None where none was recorded."""
    if not visit.waterfall:
        return None
    lcp_ms = visit.lcp_ms or 0.0
    shown = _shown(visit.waterfall)
    whole_ms = max([lcp_ms, *(one.end_ms for one in shown)]) or 1.0
    document = visit.waterfall[0]
    return {
        "rows": [
            {
                "name": urlsplit(one.url).path or one.url,
                "url": one.url,
                "bars": [_scaled(bar, whole_ms) for bar in (_document(visit, one) if one is document else _bars(one))],
                "text": f"{milliseconds(one.start_ms)} to {milliseconds(one.end_ms)}",
                "blocking": one.blocking,
            }
            for one in shown
        ],
        "lcp": round(lcp_ms / whole_ms * _WIDTH, 2),
        "left_out": len(visit.waterfall) - len(shown),
    }


def _shown(asked: tuple[Asked, ...]) -> list[Asked]:
    if len(asked) <= _MOST_ROWS:
        return list(asked)
    first, *others = asked
    kept = sorted(others, key=lambda one: (not one.blocking, one.start_ms))[: _MOST_ROWS - 1]
    return [first, *sorted(kept, key=lambda one: one.start_ms)]


def _document(visit: Visit, one: Asked) -> Iterator[tuple[str, str, float, float]]:
    """The server's parts lie within the document's first byte; the rest is its transfer."""
    at_ms = 0.0
    for name in _SERVER_PARTS:
        value = (visit.parts_ms or {}).get(name, 0.0)
        if value > 0:
            yield f"part-{name}", PARTS[name], at_ms, at_ms + value
            at_ms += value
    yield "receive", "transfer", max(at_ms, one.ttfb_ms or at_ms), one.end_ms


def _bars(one: Asked) -> Iterator[tuple[str, str, float, float]]:
    first_ms = one.ttfb_ms if one.ttfb_ms is not None and one.ttfb_ms >= one.start_ms else one.start_ms
    yield "wait", "until its first byte", one.start_ms, first_ms
    yield "receive", "transfer", first_ms, one.end_ms


def _scaled(bar: tuple[str, str, float, float], whole_ms: float) -> dict[str, Any]:
    kind, title, begin_ms, end_ms = bar
    width = max(0.0, end_ms - begin_ms) / whole_ms * _WIDTH
    begin = min(_WIDTH, max(0.0, begin_ms / whole_ms * _WIDTH))
    return {
        "kind": kind,
        "begin": round(begin, 2),
        "width": round(min(width, _WIDTH - begin), 2),
        "text": f"{title}: {milliseconds(max(0.0, end_ms - begin_ms))}",
    }
