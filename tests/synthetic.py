"""A believable run directory without measuring: same seed, same samples.

The hot entry is recomputed by a herd at each trigger of its strategy (an expiry, or a write that deletes or bumps
it). While the herd works, hot reads that find a server thread miss, and everybody else waits for a thread.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from rig.journal import Run, RunDir, StreamSink, TrialDir, open_run
from rig.model import RunStatus, TrialId
from rig.samples import REQUESTS
from tests.synthetic_samples import (
    BEHAVIOURS,
    CONTROL_AT_REST_MS,
    ENTRIES,
    HOT_ENTRY,
    HOT_PATH,
    PATHS,
    RATE_RPS,
    TTL_S,
    VISITS,
    WINDOW_S,
    control_of,
    herds_of,
    pages_of,
    recomputes_of,
    requests_of,
    schedule_of,
    writes_of,
)  # fmt: skip

DEFAULT_ARMS = ("fixed-timeout", "delete-on-write", "delete-many", "versioned-keys")


def build(
    parent: Path,
    arms: Sequence[str] | Mapping[str, str] = DEFAULT_ARMS,
    rounds: int = 2,
    seed: int = 1,
    unsealed: Sequence[str] = (),
    marks: Mapping[str, Sequence[str]] | None = None,
    manifest: Mapping[str, Any] | None = None,
    disturbances: Sequence[tuple[str, float, float | None]] = (),
) -> Run:
    """Write a run below ``parent`` and read it back.

    ``arms``: names of strategies, or ``{label: strategy}``. ``unsealed``: trials (``"2-delete-many"``) that were
    under way when the run was killed. ``marks``: ``{trial: reasons}`` that keep a trial out of the figures.
    ``disturbances``: (kind, begin, end), the same in every trial, seconds into the window; the samples don't feel them.
    """
    labels = dict(arms) if isinstance(arms, Mapping) else {name: name for name in arms}
    order = [random.Random(f"{seed}-{n}").sample(list(labels), len(labels)) for n in range(1, rounds + 1)]
    run = RunDir.create(parent, "hot-key", {**_manifest(labels, order, seed), **(manifest or {})})
    begun = [TrialId(round=n, arm=label) for n, one in enumerate(order, 1) for label in one]
    for number, trial in enumerate(begun):
        folder = run.open_trial(trial)
        start_s = 5000.0 + 40 * number
        facts = _write_trial(folder, trial, labels[trial.arm], start_s, epoch=number + 1, seed=seed)
        if str(trial) not in unsealed:
            origin = facts.pop("origin")
            facts["disturbances"] = [_disturbance(start_s, *one) for one in disturbances]
            folder.seal(origin, {**facts, "marks": list((marks or {}).get(str(trial), ()))})
    run.finish(RunStatus.INTERRUPTED if unsealed else RunStatus.COMPLETE)
    return open_run(run.path)


def _disturbance(start_s: float, kind: str, begin_s: float, end_s: float | None) -> dict[str, Any]:
    end = None if end_s is None else start_s + end_s
    at = start_s + begin_s
    return {"kind": kind, "entry": None, "planned_s": at, "begin_s": at, "end_s": end, "error": None}


def _write_trial(
    folder: TrialDir, trial: TrialId, strategy: str, start_s: float, epoch: int, seed: int
) -> dict[str, Any]:
    shared = random.Random(f"{seed}-{trial.round}")  # one schedule for every arm of a round
    schedule = list(schedule_of(shared))
    own = random.Random(f"{seed}-{trial}")
    behaviour = BEHAVIOURS[strategy]
    hot_writes = [at + 0.012 for at, kind, path in schedule if kind == "write" and path == HOT_PATH]
    herds = herds_of(behaviour, hot_writes, first_s=shared.uniform(2.0, 4.0))
    requests, misses = requests_of(schedule, behaviour, herds, hot_writes, start_s, own)
    sink = StreamSink(folder.requests_stream, REQUESTS)
    sink.write(pa.RecordBatch.from_pylist(requests, schema=REQUESTS))
    sink.close()
    with folder.pages_lines.open("w") as lines:
        for page in [*pages_of(strategy, behaviour, herds, start_s, own), *control_of(start_s)]:
            lines.write(json.dumps(page) + "\n")
    origin = [*recomputes_of(misses, herds, behaviour, start_s), *writes_of(schedule, behaviour, start_s)]
    for number, event in enumerate(sorted(origin, key=lambda one: one["begin_ns"])):
        event.update(id=f"{trial}-{number}", pid=4242, epoch=epoch, strategy=strategy)
    return {"origin": origin, **_facts(trial, strategy, start_s, epoch, len(requests))}


def _facts(trial: TrialId, strategy: str, start_s: float, epoch: int, scheduled: int) -> dict[str, Any]:
    return {
        "round": trial.round, "arm": trial.arm, "strategy": strategy, "epoch": epoch, "start_s": start_s,
        "end_s": start_s + WINDOW_S, "drained_s": start_s + WINDOW_S + 0.4, "start_wall": "2025-11-23T14:02:00+00:00",
        "schedule_digest": f"round-{trial.round}",
        "requests": {"scheduled": scheduled, "sent": scheduled, "dropped": 0},
        "pages": {"scheduled": VISITS}, "control_at_rest_ms": CONTROL_AT_REST_MS,
        "cache_commands": round(scheduled * 1.1), "cache_round_trips": round(scheduled * 1.05),
        "cache_memory_bytes": 48_000, "cache_keys": 6,
        "cpu_s": {"app": 6.4, "cache": 0.5, "generator": 1.9, "browser": 5.2},
        "settle": {"checked": 3, "mismatches": [], "bodies_checked": 3, "bodies_differ": 0},
        "phases_s": {"reset": 0.3, "warm": 1.0, "measure": WINDOW_S, "drain": 0.4, "settle": 0.5, "seal": 0.1},
    }  # fmt: skip


def _manifest(labels: Mapping[str, str], order: list[list[str]], seed: int) -> dict[str, Any]:
    arms = [
        {"label": label, "url": "http://127.0.0.1:8000", "strategy": strategy, "ttl_s": BEHAVIOURS[strategy].ttl_s,
         "max_staleness_s": TTL_S + 1.6 if strategy == "fixed-timeout" else 1.6}
        for label, strategy in labels.items()
    ]  # fmt: skip
    plan = {
        "rounds": len(order), "window_s": WINDOW_S, "order": order, "arms": arms, "rate_rps": RATE_RPS,
        "read_rate_rps": 49.0, "hot_rate_rps": 29.4, "write_share": 0.007, "writes": 10, "hot_writes": 7,
        "visits": VISITS, "ttl_mode": "as-used", "ttl_s": TTL_S, "hot_path": HOT_PATH, "hot_entry": HOT_ENTRY,
        "dependents": 3, "threads": 16, "database": "SQLite (WAL)", "cache_round_trip_ms": 0.21, "recompute_ms": 98.0,
        "paths": PATHS, "entries": ENTRIES, "budgets": {}, "chosen": ["rate"],
    }  # fmt: skip
    return {
        "created": "2025-11-23T14:02:00+00:00",
        "seed": seed,
        "plan": plan,
        "environment": {"platform": "Linux", "cpus": 2, "python": "3.11", "pinning": {"app": [0], "browser": [1]}},
        "reproduce": f"rig run --profile hot-key --rounds {len(order)} --seed {seed}",
    }  # fmt: skip
