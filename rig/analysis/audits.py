"""Lighthouse audits of a run directory: what ``rig lighthouse`` measured, by strategy, state of the cache and load."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

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


def load_figures(requests: pa.Table, from_s: float, until_s: float) -> Json:
    """What a load offered beside an audit did between two instants: of the requests due then, those that have ended.

    Response times in ms from the intended start; null where no response came.
    """
    due = requests["intended_s"].to_numpy()
    chosen = requests.filter(pa.array((due >= from_s) & (due <= until_s), pa.bool_()))
    answered = chosen.filter(chosen["status"].is_valid())
    response_ms = (answered["done_s"].to_numpy() - answered["intended_s"].to_numpy()) * 1000
    quantiles: Sequence[Any] = np.percentile(response_ms, (50, 95)) if len(response_ms) else (None, None)
    return {
        "ended": chosen.num_rows,
        "failed": chosen.num_rows - chosen["cause"].null_count,
        "rate_rps": round(chosen.num_rows / (until_s - from_s), 2) if until_s > from_s else None,
        "response_ms": {name: _number(value) for name, value in zip(("p50", "p95"), quantiles, strict=True)},
    }


def _number(value: Any) -> float | None:
    return None if value is None else round(float(value), 3)
