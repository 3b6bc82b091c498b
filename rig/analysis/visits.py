"""Page visits beside the stampedes of their trial: what each met, and what its LCP was made of."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from rig.analysis.lcp_parts import db_ms_of, parts_of
from rig.analysis.stampede import Stampede


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One resource of a page's waterfall; milliseconds since the navigation began, None where unknown."""

    url: str
    kind: str
    start_ms: float
    ttfb_ms: float | None
    end_ms: float
    blocking: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One page visit. ``stampede`` is an index into the timeline's stampedes; None: it met none.

    ``parts_ms``: see :mod:`rig.analysis.lcp_parts`; None where there is no LCP. ``db_ms`` lies within its origin;
    None: the server did not say what it did, and what it took is all in the part ``server``.
    """

    at_s: float
    path: str
    outcome: str
    cause: str | None
    cache: str | None
    lcp_ms: float | None
    ttfb_ms: float | None
    parts_ms: dict[str, float] | None
    db_ms: float | None
    element: str | None
    resource_url: str | None
    stampede: int | None
    waterfall: tuple[Asked, ...]
    screenshot: str | None


def resource_wait_ms(visit: Visit) -> float | None:
    """How long the LCP resource waited for its first byte, from when it was asked for; None where nobody knows."""
    for one in visit.waterfall:
        if one.url == visit.resource_url and one.ttfb_ms is not None:
            return max(0.0, one.ttfb_ms - one.start_ms)
    return None


def of_target(pages: pd.DataFrame, *, control: bool = False) -> pd.DataFrame:
    """The visits to the target's pages, or those to the control page; runs of before there was one have none."""
    if "control" not in pages:
        return pages.iloc[:0] if control else pages
    mine = pages["control"].eq(True).to_numpy(bool)
    chosen: pd.DataFrame = pages[mine == control]
    return chosen


def visits(pages: pd.DataFrame, met: Sequence[Stampede], start_s: float) -> list[Visit]:
    """Page visits in order of time, each with the stampede it met; ``met`` is relative to ``start_s``."""
    found = []
    for record in of_target(pages).to_dict("records"):
        page = {str(column): value for column, value in record.items()}
        begin_s = next(
            float(page[column]) for column in ("navigation_s", "started_s", "intended_s") if _known(page[column])
        )
        ttfb_ms = _number(page["ttfb_ms"])
        end_s = begin_s + (ttfb_ms or 0.0) / 1000
        found.append(
            Visit(
                at_s=begin_s - start_s,
                path=page["path"],
                outcome=page["outcome"],
                cause=_text(page["cause"]),
                cache=_text(page["cache"]),
                lcp_ms=_number(page["lcp_ms"]),
                ttfb_ms=ttfb_ms,
                parts_ms=parts_of(page),
                db_ms=db_ms_of(page),
                element=_text(page["element"]),
                resource_url=_text(page.get("resource_url")),
                stampede=stampede_met(met, begin_s - start_s, end_s - start_s),
                waterfall=waterfall_of(page.get("waterfall")),
                screenshot=_text(page.get("screenshot")),
            )
        )
    return sorted(found, key=lambda visit: visit.at_s)


def stampede_met(met: Sequence[Stampede], begin_s: float, end_s: float) -> int | None:
    """Index of the stampede a visit met between its navigation and its first byte: of several the greatest."""
    touching = [number for number, one in enumerate(met) if one.begin_s <= end_s and begin_s <= one.end_s]
    return max(touching, key=lambda number: met[number].peak, default=None)


def waterfall_of(text: object) -> tuple[Asked, ...]:
    """The text of the column ``waterfall``, the document first; damaged text is as good as none."""
    if not isinstance(text, str):
        return ()
    try:
        return tuple(_asked(entry) for entry in json.loads(text))
    except (ValueError, TypeError, KeyError, AttributeError):
        return ()


def _asked(entry: Mapping[str, Any]) -> Asked:
    ttfb_ms = entry.get("ttfb_ms")
    return Asked(
        url=str(entry["url"]),
        kind=str(entry.get("kind") or ""),
        start_ms=float(entry["start_ms"]),
        ttfb_ms=None if ttfb_ms is None else float(ttfb_ms),
        end_ms=float(entry["end_ms"]),
        blocking=bool(entry.get("blocking")),
    )


def _known(value: object) -> bool:
    return value is not None and value == value


def _number(value: Any) -> float | None:
    return float(value) if _known(value) else None


def _text(value: object) -> str | None:
    return str(value) if _known(value) else None
