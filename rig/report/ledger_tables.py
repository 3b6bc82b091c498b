"""The ledger of stampedes as a table: a row for each strategy, entry and cause."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rig.report.ledger_lines import who_met
from rig.report.tables import Table, dig
from rig.words import NOT_MEASURED, count, figure, is_number, milliseconds, seconds

Line = Mapping[str, Any]


def ledger_table(arms: Mapping[str, dict[str, Any]]) -> Table:
    """A row for each strategy, entry and cause, the costliest of a strategy first."""
    columns = [
        "strategy", "entry", "cause", "stampedes", "longest", "peak", "size, median", "expected: alone → in the herd",
        "CPU", "database", "wasted", "who met them", "response p95: outside → inside", "LCP, median: outside → inside",
    ]  # fmt: skip
    rows = [
        [label, *_row(group)] for label, arm in arms.items() for group in dig(arm, "origin", "ledger_by_cause") or []
    ]
    return Table(
        caption="Stampedes by entry and cause, all rounds",
        columns=columns,
        rows=rows,
        text_columns=frozenset({1, 2, 11}),
    )


def _row(group: Line) -> list[str]:
    alone, herd = (figure(group[f"predicted_{name}"]) for name in ("alone", "in_herd"))
    return [
        str(group["entry"]),
        str(group["cause"]),
        count(group["stampedes"]),
        seconds(group["lasted_max_s"]),
        f"{count(group['peak'])}{' (capped by threads)' if group['capped'] else ''}",
        count(group["recomputes_p50"]),
        f"{alone} → {herd}",
        seconds(group["cpu_s"]),
        seconds(group["db_s"]),
        f"{count(group['wasted'])} of {count(group['recomputes'])}",
        who_met(group["who"]),
        _against(group["outside_response_p95_ms"], group["response_p95_ms"], group["requests"], "no request"),
        _against(group["outside_lcp_p50_ms"], group["lcp_p50_ms"], group["visits"], "no visit"),
    ]


def _against(outside: object, inside: object, number: int, nobody: str) -> str:
    met = milliseconds(inside) if is_number(inside) else (NOT_MEASURED if number else nobody)
    return f"{milliseconds(outside)} → {met}"
