"""The tables of the page: every figure already in words, so that templates only place them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rig.analysis.freshness import FEW_OPPORTUNITIES as FEW
from rig.report.chart_data import Picture, sound_visits
from rig.report.unit_costs import unit_costs
from rig.words import NOT_MEASURED, age, count, figure, is_number, milliseconds, percent, seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of text. The first cell of a row is its head; ``text_columns`` are aligned like text, not figures."""

    caption: str
    columns: list[str]
    rows: list[list[str]]
    text_columns: frozenset[int] = frozenset()


def dig(value: Any, *keys: str) -> Any:
    """``dig(arm, "pages", "lcp_ms", "p75")``: None wherever a step is missing or null."""
    for key in keys:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def lcp_table(labels: Sequence[str], found: Sequence[Picture]) -> Table:
    """LCP quantiles of calm visits and of those that met a stampede."""
    rows = []
    for label in labels:
        visits = sound_visits(found, label)
        for name, inside in (("calm", False), ("in stampede", True)):
            lcp_ms = [v.lcp_ms for v in visits if v.lcp_ms is not None and (v.stampede is not None) == inside]
            quantiles = [milliseconds(float(q)) for q in np.percentile(lcp_ms, (50, 75, 95, 100))] if lcp_ms else []
            rows.append([label, name, f"{len(lcp_ms):,}", *(quantiles or [NOT_MEASURED] * 4)])
    columns = ["strategy", "visits", "measured", "median", "p75", "p95", "slowest"]
    return Table(caption="LCP of measured visits", columns=columns, rows=rows, text_columns=frozenset({1}))


def freshness_table(arms: dict[str, dict[str, Any]]) -> Table:
    """Staleness as judged from outside, against what each strategy declares."""
    columns = [
        "strategy", "reads judged", "stale", "undecidable", "never committed", "oldest", "declared maximum",
        "beyond it", "age p99", "versions behind", "fresh after, median", "fresh after, p99",
        "all dependents fresh, p99", "torn views", "still stale at the end",
    ]  # fmt: skip
    return Table(
        caption="Freshness of what was served",
        columns=columns,
        rows=[[label, *_freshness(arm)] for label, arm in arms.items()],
    )


def _freshness(arm: dict[str, Any]) -> list[str]:
    facts = arm.get("staleness") or {}
    return [
        count(facts.get("reads")),
        _stale(facts),
        count(facts.get("indeterminate")),
        count(facts.get("errors")),
        age(facts.get("age_max_s")),
        seconds(arm.get("max_staleness_s")),
        count(facts.get("beyond_declared")),
        age(facts.get("age_p99_s")),
        count(facts.get("versions_behind_max")),
        seconds(facts.get("time_to_fresh_p50_s")),
        seconds(facts.get("time_to_fresh_p99_s")),
        seconds(facts.get("time_to_all_fresh_p99_s")),
        _torn(facts),
        _left(facts),
    ]


def _left(facts: dict[str, Any]) -> str:
    """Entries that differed from the database after traffic had stopped, and how long the last would have stayed."""
    left, ttl_s = facts.get("persistent"), facts.get("persistent_ttl_max_s")
    if not left:
        return count(left)
    if facts.get("persistent_unbounded"):
        return f"{count(left)}, for ever"
    return f"{count(left)}, up to {seconds(ttl_s)} more" if is_number(ttl_s) else count(left)


def _stale(facts: dict[str, Any]) -> str:
    """With none stale: how many reads could have been, and the bound that follows (rule of three)."""
    chances = facts.get("opportunities")
    if facts.get("tested") is False:
        return f"not tested ({count(chances)} reads could have been stale)"
    if is_number(upper := facts.get("stale_ratio_upper")):
        return f"0 of {count(chances)} (< {percent(upper)})"
    return share_of(facts.get("stale"), facts.get("reads"))


def _torn(facts: dict[str, Any]) -> str:
    """Counted by writes where none was torn, because only a write that was shown elsewhere could have torn a view."""
    chances = facts.get("torn_opportunities")
    if facts.get("torn_views") != 0 or not is_number(chances):
        return count(facts.get("torn_views"))
    return f"0 of {count(chances)} writes (< {percent(3 / chances)})" if chances >= FEW else "not tested"


def share_of(part: object, whole: object) -> str:
    """``(212, 1180)`` -> ``"212 (18 %)"``."""
    if not (is_number(part) and is_number(whole)):
        return count(part)
    return f"{count(part)} ({percent(part / whole)})" if whole else count(part)


def cost_table(arms: dict[str, dict[str, Any]]) -> Table:
    """What each strategy costs, where it can be put so for each 1,000 requests."""
    columns = [
        "strategy", "hit ratio", "recomputes", "wasted", "queries per write", "cache calls per write",
        "cache commands*", "round trips*", "their cost at 0.05 / 0.5 / 1 ms each*", "cache memory", "cache keys",
        "app CPU*", "cache CPU*", "generator CPU*", "browser CPU*", "write, median", "write, p99",
    ]  # fmt: skip
    rows = []
    for label, arm in arms.items():
        rows.append(
            [
                label,
                percent(dig(arm, "requests", "hit_ratio")),
                count(dig(arm, "origin", "recomputes")),
                count(dig(arm, "origin", "wasted")),
                figure(dig(arm, "origin", "queries_per_write")),
                figure(dig(arm, "origin", "invalidations_per_write")),
                *unit_costs(arm),
                *(_cpu(arm, part) for part in ("generator", "browser")),
                milliseconds(dig(arm, "writes", "p50_ms")),
                milliseconds(dig(arm, "writes", "p99_ms")),
            ]
        )
    return Table(caption="Cost; columns with * are for each 1,000 requests and page visits", columns=columns, rows=rows)


def _cpu(arm: dict[str, Any], part: str) -> str:
    used, served = dig(arm, "cpu_s", part), dig(arm, "economics", "requests")
    return seconds(used / served * 1000) if is_number(used) and served else NOT_MEASURED


def validity_table(arms: dict[str, dict[str, Any]], found: Sequence[Picture], rounds: int) -> Table:
    """What was offered, what got lost, and how late the instrument itself was."""
    columns = [
        "strategy", "trials used", "requests sent", "dropped", "failed", "slip p50", "slip p99", "slip max",
        "visits measured", "visits failed", "visits starved", "visit slip, median",
    ]  # fmt: skip
    rows = []
    for label, arm in arms.items():
        used = sum(1 for one in found if one.trial.id.arm == label and not one.kept_out)
        failures = dig(arm, "requests", "failures") or {}
        causes = ", ".join(f"{number} {cause}" for cause, number in failures.items())
        failed = count(dig(arm, "requests", "failed"))
        rows.append(
            [
                label,
                f"{used} of {rounds}",
                count(dig(arm, "requests", "sent")),
                count(dig(arm, "requests", "dropped")),
                f"{failed} ({causes})" if causes else failed,
                *(milliseconds(dig(arm, "requests", "slip_ms", name)) for name in ("p50", "p99", "max")),
                *(count(dig(arm, "pages", name)) for name in ("measured", "failed", "starved")),
                milliseconds(dig(arm, "pages", "visit_slip_ms", "p50")),
            ]
        )
    return Table(caption="What was offered, and how late the rig was", columns=columns, rows=rows)


def outside(found: Sequence[Picture], unsealed: Iterable[str]) -> list[str]:
    """Trials that are no part of the figures, each with its reason."""
    marked = [f"{one.trial.id} ({', '.join(one.kept_out)})" for one in found if one.kept_out]
    return marked + [f"{name} (not finished)" for name in unsealed]


def flattened(facts: Any, prefix: str = "") -> list[tuple[str, str]]:
    """Nested facts as (name, text): ``{"pinning": {"app": [0]}}`` -> ``[("pinning · app", "0")]``."""
    if isinstance(facts, dict):
        return [
            pair
            for name, value in facts.items()
            for pair in flattened(value, f"{prefix} · {name}" if prefix else str(name))
        ]
    if isinstance(facts, list | tuple):
        return [(prefix, ", ".join(str(value) for value in facts) or "none")]
    return [(prefix, NOT_MEASURED if facts is None else str(facts))]
