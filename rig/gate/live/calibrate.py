"""Many gates of a build against itself: how often this machine raises a false alarm, and what it could see."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median
from typing import Any

from scipy import stats

from rig.gate.live.conductor import gate
from rig.gate.live.plan import GateOptions, GatePlan, Say, plan_gate
from rig.gate.verdict import Verdict
from rig.journal import read_json_lines
from rig.plan.environment import fingerprint

FILE = "gate-calibration.jsonl"
SAME = ("commit", "machine", "cpu", "cpus", "python")
"""Facts of rig and the machine that gates must share to be counted together, beside the build and what it is asked."""
UNNAMED = re.compile(r"-dirty$|^working tree$")
"""Revisions that say nothing of what the files are."""
RED = (Verdict.FAIL, Verdict.INVALID)


def calibrate(options: GateOptions, count: int, folder: Path, parent: Path, say: Say) -> dict[str, Any]:
    """Run gates until :data:`FILE` below ``parent`` has ``count`` of this :func:`key`.

    Interrupted, it goes on where it was; with uncommitted changes it starts anew: nobody knows if they are the same.

    Raises:
        UsageError, InfrastructureError: as :func:`rig.gate.live.conductor.gate`.
    """
    path = parent / FILE
    mine = key(plan_gate(options, folder, say), options, fingerprint())
    if mine["begun"]:
        say("calibration: there are uncommitted changes, so gates of before are not counted; commit to go on later")
    while len(found := list(_lines(path, mine))) < count:
        number = len(found) + 1
        say(f"gate {number} of {count}")
        outcome = gate(_seeded(options, number), folder, parent, say).to_json()
        parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({**mine, **line_of(outcome)}) + "\n")
        say(f"gate {number} of {count}: {outcome['verdict']} after {outcome['seconds']:.0f} s")
    return {**tally(found), "file": str(path)}


def key(plan: GatePlan, options: GateOptions, environment: Mapping[str, Any]) -> dict[str, Any]:
    """What gates must share to be counted together: machine, rig, build, and a digest of what the build is asked.

    ``begun`` tells this calibration from every other where a revision doesn't say what the files are; else None.
    """
    config = options.config.read_text(encoding="utf-8") if options.config else None
    # Each gate has a seed of its own.
    asked = [asdict(replace(plan.traffic, seed=0)), plan.pages, asdict(plan.settings), config]
    revisions = (plan.candidate.revision or "", environment.get("commit") or "")
    return {
        **{name: environment.get(name) for name in SAME},
        "strategy": options.strategy,
        "revision": plan.candidate.revision,
        "design": hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:12],
        "begun": secrets.token_hex(6) if any(map(UNNAMED.search, revisions)) else None,
    }


def line_of(outcome: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of one gate, in one line."""
    kept = ("created", "verdict", "launches", "seconds", "reasons", "run_dir")
    metrics = {one["name"]: {key: one[key] for key in ("verdict", "value", "mde")} for one in outcome["metrics"]}
    return {**{name: outcome[name] for name in kept}, "metrics": metrics}


def tally(gates: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """How gates ended, with 95 % bounds, what they were undecided about, and what they could have seen."""
    ends = Counter(Verdict(one["verdict"]) for one in gates)
    named = list(dict.fromkeys(name for one in gates for name in one["metrics"]))
    undecided = Counter(
        name for one in gates for name, metric in one["metrics"].items() if metric["verdict"] == Verdict.INCONCLUSIVE
    )
    seen = {name: [one["metrics"][name]["mde"] for one in gates if name in one["metrics"]] for name in named}
    return {
        "gates": len(gates),
        "verdicts": {str(verdict): share(ends[verdict], len(gates)) for verdict in Verdict if ends[verdict]},
        "false_alarms": share(sum(ends[verdict] for verdict in RED), len(gates)),
        "seconds_max": max((one["seconds"] for one in gates), default=None),
        "undecided": dict(undecided),
        "mde": {name: median(known) for name, every in seen.items() if (known := [v for v in every if v is not None])},
    }


def share(count: int, of: int) -> dict[str, Any]:
    """A share with its 95 % bounds (Clopper and Pearson)."""
    if not of:
        return {"count": count, "of": of, "share": None, "lower": None, "upper": None}
    bounds = stats.binomtest(count, of).proportion_ci(0.95, method="exact")
    return {"count": count, "of": of, "share": count / of, "lower": float(bounds.low), "upper": float(bounds.high)}


def as_text(found: Mapping[str, Any], planted: str | None = None) -> str:
    """The tally for people; ``planted``: what the candidate was given, None: it is the baseline."""
    lines = [f"{found['gates']} gates of this build against {planted or 'itself'}"]
    lines += [f"  {name:<14}{_share(one)}" for name, one in found["verdicts"].items()]
    if planted is None:
        lines += [f"false alarms (fail or invalid): {_share(found['false_alarms'])}"]
    lines += [f"  undecided about {name}: {count} of {found['gates']}" for name, count in found["undecided"].items()]
    lines += ["smallest effect it fails 9 times of 10 (median):"] if found["mde"] else []
    lines += [f"  {name:<26}{value:.3f}" for name, value in found["mde"].items()]
    return "\n".join([*lines, f"every gate: {found['file']}"]) + "\n" if "file" in found else "\n".join(lines) + "\n"


def _share(one: Mapping[str, Any]) -> str:
    return f"{one['share']:7.1%}  ({one['count']} of {one['of']}; 95 % bounds {one['lower']:.1%} to {one['upper']:.1%})"


def _seeded(options: GateOptions, number: int) -> GateOptions:
    """Each gate has arrivals of its own: the same ones again would show what they do, not how often it errs."""
    return replace(options, seed=options.seed + number)


def _lines(path: Path, mine: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for line in read_json_lines(path):
        if all(line.get(name) == value for name, value in mine.items()):
            yield line
