"""Lighthouse audits of a run directory: what ``rig lighthouse`` measured, by strategy, state of the cache and load."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rig.analysis.requests import COLUMNS, is_timed, response_ms
from rig.model import InfrastructureError

SCHEMA = "rig.lighthouse/1"
FILE = "lighthouse.json"
_STATE = (
    "cache", "load_rps", "url", "runs", "audited", "figures", "median_run", "report", "budget",
)  # fmt: skip

Json = dict[str, Any]


def assemble(lines: Iterable[Mapping[str, Any]], facts: Mapping[str, Any], before: Mapping[str, Any] | None) -> Json:
    """The content of ``lighthouse.json``: the lines of the audits, grouped, beside what was there ``before``.

    An earlier result is replaced by one of the same strategy, cache and load. Nothing earlier is kept where page,
    device or Lighthouse differ: such figures do not compare.

    ``lines``: as ``lighthouse_scripts/audit.mjs`` prints them, each with ``load_rps`` (None: at rest).
    ``facts``: ``path``, ``preset`` and whatever else is true of all audits.
    """
    told = list(lines)
    audits = [_without_type(line) for line in told if line["type"] == "audit"]
    summaries = [_without_type(line) for line in told if line["type"] == "summary"]
    versions = {audit["lighthouse_version"] for audit in audits if audit["lighthouse_version"]}
    found = {"schema": SCHEMA, **facts, "lighthouse_version": next(iter(versions), None)}
    if before and all(before.get(key) == found[key] for key in ("path", "preset", "lighthouse_version")):
        new = {_key(one) for one in (*audits, *summaries)}
        audits = [one for one in before["audits"] if _key(one) not in new] + audits
        summaries = [one for one in _summaries(before) if _key(one) not in new] + summaries
    names = dict.fromkeys(one["strategy"] for one in summaries)
    strategies = [
        {"name": name, "states": [{k: one.get(k) for k in _STATE} for one in summaries if one["strategy"] == name]}
        for name in names
    ]
    return {**found, "strategies": strategies, "audits": audits}


def _without_type(line: Mapping[str, Any]) -> Json:
    return {key: value for key, value in line.items() if key != "type"}


def _key(one: Mapping[str, Any]) -> tuple[Any, ...]:
    """Load by whether there was any: the newest rate replaces an older one."""
    return one["strategy"], one["cache"], one["load_rps"] is not None


def _summaries(before: Mapping[str, Any]) -> list[Json]:
    return [{"strategy": one["name"], **state} for one in before["strategies"] for state in one["states"]]


def read_audits(run: Path) -> Json | None:
    """What ``rig lighthouse`` left in a run directory; None where it did not.

    Raises:
        InfrastructureError: the file is damaged or of another schema.
    """
    path = run / FILE
    if not path.is_file():
        return None
    try:
        found: Json = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InfrastructureError(f"{path}: cannot be read ({error}); remove it, or audit again") from error
    if found.get("schema") != SCHEMA:
        raise InfrastructureError(f"{path}: schema {found.get('schema')!r}, this rig reads {SCHEMA!r}; audit again")
    return found


def load_figures(requests: pa.Table, due_s: NDArray[np.float64], from_s: float, until_s: float) -> Json:
    """What a load offered beside an audit did between two instants: of the requests due then, those that have ended.

    ``due_s``: when requests were due, by the schedule. Response times in ms from the intended start, of responses and
    of deadlines, as in :mod:`rig.analysis.requests`. ``open``: were due and had not ended at the cut; they count as
    slower than all that had, and a quantile among them is null, as it is where no response came.
    """
    intended_s = requests["intended_s"].to_numpy()
    chosen = requests.filter(pa.array((intended_s >= from_s) & (intended_s <= until_s), pa.bool_()))
    due = int(((due_s >= from_s) & (due_s <= until_s)).sum())
    still_open = max(0, due - chosen.num_rows)
    ended = chosen.select(COLUMNS).to_pandas()
    times = response_ms(ended[is_timed(ended)])
    return {
        "ended": chosen.num_rows,
        "open": still_open,
        "failed": chosen.num_rows - chosen["cause"].null_count,
        "rate_rps": round(chosen.num_rows / (until_s - from_s), 2) if until_s > from_s else None,
        "response_ms": {name: _quantile(times, still_open, share) for name, share in (("p50", 0.5), ("p95", 0.95))},
    }


def _quantile(times: NDArray[np.float64], still_open: int, share: float) -> float | None:
    if not len(times):
        return None
    at = share * (len(times) + still_open - 1)
    if math.ceil(at) >= len(times):
        return None
    return round(float(np.interp(at, np.arange(len(times)), np.sort(times))), 3)
