"""Small tables of samples for tests: what a test does not say has an ordinary value. Times are seconds."""

from __future__ import annotations

from typing import Any

import pandas as pd

from rig.journal import table_of
from rig.samples import ORIGIN, PAGES, REQUESTS


def request(at_s: float = 0.0, took_s: float | None = 0.1, slip_s: float = 0.0, **columns: Any) -> dict[str, Any]:
    """A read begun ``slip_s`` late that took ``took_s`` from its intended start; None: it never ended."""
    done_s = None if took_s is None else at_s + took_s
    known = {"kind": "read", "path": "/p/", "intended_s": at_s, "sent_s": at_s + slip_s, "done_s": done_s}
    return {**known, "status": 200, **columns}


def visit(
    at_s: float = 0.0, lcp_ms: float | None = 60.0, ttfb_ms: float | None = 5.0, **columns: Any
) -> dict[str, Any]:
    known = {"url": "http://127.0.0.1/p/", "path": "/p/", "intended_s": at_s, "started_s": at_s, "navigation_s": at_s}
    done_s = at_s + (lcp_ms or 0.0) / 1000
    return {**known, "done_s": done_s, "outcome": "measured", "lcp_ms": lcp_ms, "ttfb_ms": ttfb_ms, **columns}


def recompute(begin_s: float, end_s: float | None, outcome: str | None = "stored", **columns: Any) -> dict[str, Any]:
    return {"event": "recompute", "entry": "p", "outcome": outcome, **_span(begin_s, end_s), **columns}


def invalidate(
    kind: str, begin_s: float, end_s: float | None = None, entries: tuple[str, ...] = ("p",)
) -> dict[str, Any]:
    """A call that removes or bumps; it takes no time unless told."""
    span = _span(begin_s, begin_s if end_s is None else end_s)
    return {"event": "invalidate", "outcome": kind, "entries": list(entries), **span}


def write(
    version: int,
    begin_s: float,
    end_s: float | None,
    scope: str = "p",
    entries: tuple[str, ...] = ("p",),
    **columns: Any,
) -> dict[str, Any]:
    """A write whose COMMIT lay within [begin_s, end_s]."""
    commit = {"commit_begin_ns": _ns(begin_s), "commit_end_ns": _ns(end_s)}
    known = {"event": "write", "outcome": "committed", "entries": list(entries), "versions": f"{scope}={version}"}
    return {**known, **_span(begin_s, end_s), **commit, **columns}


def requests(*rows: dict[str, Any]) -> pd.DataFrame:
    return _frame([{"index": number, **row} for number, row in enumerate(rows)], REQUESTS)


def pages(*rows: dict[str, Any]) -> pd.DataFrame:
    return _frame([{"index": number, **row} for number, row in enumerate(rows)], PAGES)


def origin(*rows: dict[str, Any]) -> pd.DataFrame:
    known = {"pid": 1, "epoch": 1, "strategy": "fixed-timeout"}
    return _frame([{"id": f"e{number}", **known, **row} for number, row in enumerate(rows)], ORIGIN)


def _frame(rows: list[dict[str, Any]], schema: Any) -> pd.DataFrame:
    return table_of(rows, schema).to_pandas()


def _span(begin_s: float, end_s: float | None) -> dict[str, int | None]:
    return {"begin_ns": _ns(begin_s), "end_ns": _ns(end_s)}


def _ns(at_s: float | None) -> int | None:
    return None if at_s is None else round(at_s * 1e9)
