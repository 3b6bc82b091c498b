"""Tables about LCP: by what the cache did, step by step, and the controls that say how far to trust it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rig.analysis.lcp_causes import CAUSES, HIT_QUEUED, seen_causes
from rig.analysis.lcp_parts import PARTS
from rig.analysis.page_weight import FEWEST_VISITS, differences, spread_of
from rig.analysis.pipeline import WITHIN
from rig.report.tables import Table, dig, share_of
from rig.words import NOT_MEASURED, count, is_number, listed, milliseconds, percent, plural

Arms = Mapping[str, dict[str, Any]]

_MEANS = {"mean_outside_stampede": "calm, mean", "mean_inside_stampede": "in stampede, mean"}


def causes_table(arms: Arms) -> Table:
    """LCP by cause: calm, in a stampede, then all visits and their Web-Vitals band."""
    rows = []
    for label, arm in arms.items():
        groups = dig(arm, "pages", "by_cause") or {}
        rows += [[label, *_cause(cause, groups[cause])] for cause in CAUSES if cause in groups]
    columns = [
        "strategy", "what the cache did", "visits", "calm: visits", "median LCP", "in stampede: visits", "median LCP",
        "all: p75", "band (lab)",
    ]  # fmt: skip
    return Table(
        caption="LCP by what the cache did; the bands are made for field data",
        columns=columns,
        rows=rows,
        text_columns=frozenset({1, 8}),
    )


def causes_explained(arms: Arms) -> str:
    """What the words of :func:`causes_table` mean, and from which wait on a hit counts as queued."""
    seen = seen_causes([dig(arm, "pages", "by_cause") or {} for arm in arms.values()])
    limits = {label: dig(arm, "pages", "queued_above_ms") for label, arm in arms.items()}
    said = listed([f"{label} {milliseconds(limit)}" for label, limit in limits.items() if is_number(limit)])
    queued = f" (above {said})" if said else ""
    words = [f"{cause}: {CAUSES[cause]}{queued if cause == HIT_QUEUED else ''}" for cause in seen]
    return ". ".join(words) + "." if words else ""


def _cause(cause: str, group: dict[str, Any]) -> list[str]:
    sides = [
        text
        for side in ("outside_stampede", "inside_stampede")
        for text in (count(dig(group, side, "count")), _median(dig(group, side)))
    ]
    visits = f"{count(group.get('count'))} ({percent(group.get('share'))})"
    band = group.get("lab_band")
    return [
        cause, visits, *sides, milliseconds(dig(group, "lcp_ms", "p75")),
        f"{band} (lab)" if band else NOT_MEASURED,
    ]  # fmt: skip


def _median(side: dict[str, Any] | None) -> str:
    return "no visit" if side and side.get("count") == 0 else milliseconds(dig(side, "lcp_ms", "p50"))


def pipeline_table(arms: Arms) -> Table:
    """Every step from navigation to LCP: means, which add up, and medians, which don't."""
    rows = []
    for label, arm in arms.items():
        steps = dig(arm, "pages", "pipeline_ms") or {}
        rows += [[label, title, *_steps(steps.get(key))] for key, title in _MEANS.items()]
        rows.append([label, "all, median", *_steps(steps.get("median"))])
    titles = [*PARTS.values(), "LCP", *(f"({title})" for title in WITHIN.values())]
    return Table(
        caption="Steps of the rendering pipeline; means add up to LCP, figures in brackets lie within others",
        columns=["strategy", "visits", *titles],
        rows=rows,
        text_columns=frozenset({1}),
    )


def _steps(steps: dict[str, Any] | None) -> list[str]:
    return [milliseconds(dig(steps, step)) for step in (*PARTS, "lcp", *WITHIN)]


def controls_table(arms: Arms) -> Table:
    """What must not differ between strategies, and what the load alone does to LCP."""
    columns = [
        "strategy", "control page at rest", "under load", "change", "visits starved", "DOM nodes", "layouts",
        "style recalcs", "paint", "layout", "style",
    ]  # fmt: skip
    rows = []
    for label, arm in arms.items():
        pages = arm.get("pages") or {}
        starved, measured = pages.get("starved"), pages.get("measured")
        shown = starved + measured if is_number(starved) and is_number(measured) else None
        rows.append(
            [
                label,
                milliseconds(dig(pages, "control", "idle_lcp_ms")),
                milliseconds(dig(pages, "control", "loaded_lcp_ms")),
                _signed(dig(pages, "control", "change")),
                share_of(starved, shown),
                *(count(pages.get(name)) for name in ("dom_nodes", "layouts", "style_recalcs")),
                *(milliseconds(dig(pages, "traced", name)) for name in ("paint_ms", "layout_ms", "style_ms")),
            ]
        )
    caption = "Controls: a page without cache or server, and what is the browser's work alone"
    return Table(caption=caption, columns=columns, rows=rows)


def _signed(change: object) -> str:
    return f"{'+' if is_number(change) and change > 0 else ''}{percent(change)}"


def controls_said(arms: Arms, starvation: Mapping[str, Any] | None) -> list[str]:
    """What the controls show, in words."""
    measured = {label: arm for label, arm in arms.items() if arm.get("trials") and dig(arm, "pages", "by_path")}
    if len(measured) < 2:
        return ["Too few strategies were measured to compare their pages."]
    unlike = len(list(differences(measured)))
    compared = [path for path, *_ in spread_of(measured, "dom_nodes")]
    page = f"Too few visits to any page ({FEWEST_VISITS} under two strategies are needed) to compare what is on it."
    if unlike:
        page = f"The page is not the same under every strategy: {plural(unlike, 'difference')}, among the warnings."
    elif compared:
        page = (
            f"DOM nodes, layouts and style recalculations of {listed(compared)} are alike under every strategy,"
            " as they must be."
        )
    verdict = dig(dict(starvation or {}), "verdict")
    rates = {
        "alike": "Starved visits are as frequent under every strategy, as far as their number can show.",
        "differ": "Starved visits are not as frequent under every strategy: see the warnings.",
        "too few to compare": "Too few visits starved to compare the strategies by it.",
    }
    return [page, rates.get(str(verdict), "Starvation was not compared.")]
