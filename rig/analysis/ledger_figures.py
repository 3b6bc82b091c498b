"""The ledger as figures: a line for each stampede, and one for each entry and cause."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rig.analysis.ledger import Ledger, Line, median_of
from rig.analysis.quantiles import Floats, quantile, some_sum, spread
from rig.analysis.stampede import capped
from rig.analysis.waiting import WHO, Words

Met = Sequence[tuple[Ledger, Sequence[Line]]]


def figures(ledgers: Sequence[Ledger], *, threads: int | None) -> dict[str, Any]:
    """``ledger``: one line a stampede, in order of time; ``ledger_by_cause``: those of one entry and one cause, the
    costliest group first. ``outside_*`` are over what met no stampede of any entry, the same in every group.
    """
    outside = {
        "outside_response_p95_ms": quantile(_chosen([(one.response_ms, one.calm_requests) for one in ledgers]), 0.95),
        "outside_lcp_p50_ms": quantile(_chosen([(one.lcp_ms, one.calm_visits) for one in ledgers]), 0.5),
    }
    groups = _groups(ledgers)
    by_cause = [
        {"entry": entry, "cause": cause, **_group(met, threads), **outside} for (entry, cause), met in groups.items()
    ]
    return {
        "ledger": [_line(one, line, threads) for one in ledgers for line in one.lines],
        "ledger_by_cause": sorted(by_cause, key=lambda group: -group["seconds"]),
    }


def _groups(ledgers: Sequence[Ledger]) -> dict[tuple[str, str], list[tuple[Ledger, list[Line]]]]:
    found: dict[tuple[str, str], list[tuple[Ledger, list[Line]]]] = {}
    for number, one in enumerate(ledgers):
        for line in one.lines:
            group = found.setdefault((line.stampede.entry, line.stampede.cause), [(other, []) for other in ledgers])
            group[number][1].append(line)
    return found


def _line(one: Ledger, line: Line, threads: int | None) -> dict[str, Any]:
    herd = line.stampede
    return {
        "round": one.round,
        "entry": herd.entry,
        "cause": herd.cause,
        "begin_s": herd.begin_s - one.start_s,
        "lasted_s": herd.end_s - herd.begin_s,
        "peak": herd.peak,
        "open_with_others": line.open_with_others,
        "capped": capped(line.open_with_others, threads),
        "recomputes": herd.recomputes,
        "predicted_alone": line.predicted_alone,
        "predicted_in_herd": line.predicted_in_herd,
        "cpu_s": line.cpu_s,
        "db_s": line.db_s,
        "wasted": line.wasted,
        **_met([(one, [line])]),
    }


def _group(met: Met, threads: int | None) -> dict[str, Any]:
    lines = [line for _, own in met for line in own]
    herds = [line.stampede for line in lines]
    lasted = [herd.end_s - herd.begin_s for herd in herds]
    return {
        "stampedes": len(lines),
        "seconds": sum(lasted),
        "lasted_p50_s": quantile(lasted, 0.5),
        "lasted_max_s": max(lasted),
        "peak": max(herd.peak for herd in herds),
        "capped": capped(max(line.open_with_others for line in lines), threads),
        "recomputes": sum(herd.recomputes for herd in herds),
        "recomputes_p50": quantile([herd.recomputes for herd in herds], 0.5),
        "predicted_alone": median_of([line.predicted_alone for line in lines]),
        "predicted_in_herd": median_of([line.predicted_in_herd for line in lines]),
        "cpu_s": some_sum([np.nan if line.cpu_s is None else line.cpu_s for line in lines]),
        "db_s": some_sum([np.nan if line.db_s is None else line.db_s for line in lines]),
        "wasted": sum(line.wasted for line in lines),
        **_met(met),
    }


def _met(met: Met) -> dict[str, Any]:
    """Requests and visits that met any of the lines, each once."""
    requests = [(one, _union([line.requests for line in lines])) for one, lines in met]
    visits = [(one, _union([line.visits for line in lines])) for one, lines in met]
    who: Words = np.concatenate([one.who[chosen] for one, chosen in requests])
    lcp_ms = np.concatenate([one.lcp_ms[chosen] for one, chosen in visits])
    return {
        "requests": len(who),
        "who": {name: int((who == name).sum()) for name in WHO},
        "response_p95_ms": quantile(np.concatenate([one.response_ms[chosen] for one, chosen in requests]), 0.95),
        "visits": int((~np.isnan(lcp_ms)).sum()),
        **{f"lcp_{name}_ms": value for name, value in spread(lcp_ms, "p50", "p95").items()},
    }


def _union(positions: Sequence[np.ndarray[Any, np.dtype[np.int64]]]) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.unique(np.concatenate([np.empty(0, dtype=np.int64), *positions]))


def _chosen(parts: Sequence[tuple[Floats, np.ndarray[Any, np.dtype[np.bool_]]]]) -> Floats:
    return np.concatenate([np.empty(0), *(values[mask] for values, mask in parts)])
