"""A negative control: the same page is the same work for the browser, whatever strategy served it.

Compared path by path over the arms. A difference would mean that a strategy serves another page, or that something
else than the cache differs between the arms: then their LCPs are not to be compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from rig.analysis.quantiles import quantile
from rig.words import count, listed, milliseconds

WEIGHTS = {"dom_nodes": "DOM nodes", "layouts": "layouts", "style_recalcs": "style recalculations"}

# How often Chromium styles and lays out a page depends on in how many pieces it arrives: under load one more or less
# is usual for one page under one strategy. DOM nodes depend on the page alone.
TOLERANCE = {"dom_nodes": 0.0, "layouts": 1.0, "style_recalcs": 1.0}

# Below this many visits to a page a median of such small counts is not settled.
FEWEST_VISITS = 5

# Painting is milliseconds of one thread's processor time, taken from one traced visit: it differs where the longest is
# beyond twice the shortest, and 5 ms more.
PAINT_FACTOR, PAINT_MS = 2.0, 5.0

Arms = Mapping[str, Mapping[str, Any]]


def by_path(visits: pd.DataFrame) -> dict[str, Any]:
    """Medians of measured visits, path by path."""
    return {
        str(path): {"count": len(group), **{name: quantile(group[name], 0.5) for name in WEIGHTS}}
        for path, group in visits.groupby("path")
    }


def traced(facts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What one traced visit a trial showed, medians over trials; all None where none was traced."""
    seen = [one["paint"] for one in facts if one.get("paint")]
    names = ("paint_ms", "layout_ms", "style_ms", "layouts", "style_recalcs", "paints")
    return {"visits": len(seen), **{name: quantile([_number(one.get(name)) for one in seen], 0.5) for name in names}}


def differences(arms: Arms) -> Iterator[str]:
    """A warning for each page and figure that differs between arms by more than its tolerance."""
    pages = {label: arm["pages"] for label, arm in arms.items() if arm["trials"]}
    for path in _paths(pages):
        for name, title in WEIGHTS.items():
            known = _seen(pages, path, name)
            if known and max(known.values()) - min(known.values()) > TOLERANCE[name]:
                said = listed([f"{label} {count(value)}" for label, value in known.items()])
                yield f"{path} is not the same page under every strategy: {title} {said}; compare their LCPs with care"
    paint = {label: page["traced"]["paint_ms"] for label, page in pages.items()}
    painted = {label: value for label, value in paint.items() if value is not None}
    if painted and max(painted.values()) > max(PAINT_FACTOR * min(painted.values()), min(painted.values()) + PAINT_MS):
        said = listed([f"{label} {milliseconds(value)}" for label, value in painted.items()])
        yield (
            f"painting the page took unlike times: {said} (processor time, one traced visit each); a strategy should"
            " not change it"
        )


def spread_of(arms: Arms, name: str) -> list[tuple[str, float, float]]:
    """Each path that two arms or more were visited on often enough, with the least and the greatest median of them."""
    pages = {label: arm["pages"] for label, arm in arms.items() if arm["trials"]}
    seen = {path: list(_seen(pages, path, name).values()) for path in _paths(pages)}
    return [(path, min(values), max(values)) for path, values in seen.items() if len(values) > 1]


def _paths(pages: Arms) -> list[str]:
    return list(dict.fromkeys(path for page in pages.values() for path in page["by_path"] or {}))


def _seen(pages: Arms, path: str, name: str) -> dict[str, float]:
    """The median of each arm that has one from enough visits."""
    of_path = {label: (page["by_path"] or {}).get(path, {}) for label, page in pages.items()}
    often = {label: one[name] for label, one in of_path.items() if (one.get("count") or 0) >= FEWEST_VISITS}
    return {label: value for label, value in often.items() if value is not None}


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)
