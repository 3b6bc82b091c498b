"""Live gates of the shop with a known truth: identical builds, or one effect planted from outside.

Each gate's line is appended to a file, and gates that stand there already are not run again: interrupted, the same
command goes on. The table gives counts with 95 % bounds (Clopper and Pearson).
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from rig.gate.live.calibrate import as_text, line_of, tally  # noqa: E402
from rig.gate.live.conductor import conduct  # noqa: E402
from rig.gate.live.plan import BLOCK_S, GatePlan, head_s  # noqa: E402
from rig.gate.live.visits import planned_visits  # noqa: E402
from rig.gate.outcome import Side  # noqa: E402
from rig.gate.settings import Settings  # noqa: E402
from rig.journal import read_json_lines  # noqa: E402
from rig.measure.gate.arms import Arms, Builds  # noqa: E402
from rig.measure.gate.launch import Traffic, launch  # noqa: E402
from rig.measure.gate.trees import Tree, candidate_tree  # noqa: E402
from rig.measure.load.fleet_client import FleetClient  # noqa: E402
from rig.measure.services.app_server import free_port  # noqa: E402
from rig.measure.services.browser import find_browser  # noqa: E402
from rig.measure.single import LOCUSTFILE  # noqa: E402
from rig.model import RigError  # noqa: E402
from rig.plan.environment import cpus, pinning  # noqa: E402
from rig.plan.target import TargetConfig, parse_target  # noqa: E402

EXAMPLES = """\
examples:
  .venv/bin/python benchmarks/gate_live.py --kind aa --gates 20
  .venv/bin/python benchmarks/gate_live.py --kind hits10 lcp20 stampede --gates 10
  .venv/bin/python benchmarks/gate_live.py --show
"""
PAGE = "/p/moon-jar/"
HEAD_S = head_s((PAGE,))
FILE = "gate-live.jsonl"
HITS_SHARE, PAGE_SHARE = 0.10, 0.20


@dataclass(frozen=True, slots=True)
class PlantedTree(Tree):
    """The same files; its server finds what to plant in its environment."""

    planted: Mapping[str, str] = field(default_factory=dict, hash=False)

    def env(self) -> dict[str, str]:
        """As of any tree, and the plant."""
        return {**Tree.env(self), **self.planted}


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What the shop takes without a plant; measured before the first planted gate."""

    service_over_server: float  # of a hit: as its client sees it / as its server does
    lcp_ms: float  # p75 of PAGE


KINDS = {
    "aa": lambda truth: {},
    "hits10": lambda truth: {"PLANTED_HITS": f"{HITS_SHARE * truth.service_over_server:.4f}"},
    "lcp20": lambda truth: {"PLANTED_PAGE": PAGE, "PLANTED_PAGE_MS": f"{PAGE_SHARE * truth.lcp_ms:.1f}"},
    "stampede": lambda truth: {"PLANTED_STAMPEDE": "1"},
}
PLANTED = {
    "aa": None,
    "hits10": "itself with 10 % more service time on hits",
    "lcp20": "itself with 20 % more LCP on one page",
    "stampede": "itself without single-flight",
}
RIGHT = {"aa": "pass", "hits10": "fail", "lcp20": "fail", "stampede": "fail"}


def main() -> None:
    """Run what is missing, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kind", nargs="+", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--gates", type=int, default=10, help="gates of each kind (default 10)")
    parser.add_argument("--out", type=Path, default=ROOT / "runs", help="where runs and the file of lines are kept")
    parser.add_argument("--show", action="store_true", help="measure nothing, print the table")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / FILE
    if not options.show:
        run_missing(options.kind, options.gates, options.out, path)
    for kind in KINDS:
        if lines := _lines(path, kind):
            print(f"\n{kind}: right is {RIGHT[kind]!r}")
            print(as_text(tally(lines), PLANTED[kind]), end="")


def run_missing(kinds: list[str], gates: int, out: Path, path: Path) -> None:
    """Gates in rounds over the kinds, so that each meets the same hours."""
    truth: Truth | None = None
    for number in range(1, gates + 1):
        for kind in kinds:
            if len(_lines(path, kind)) >= number:
                continue
            try:
                if truth is None and kind != "aa":
                    truth = measure_truth()
                    print(f"measured: {truth}", flush=True)
                line = one_gate(kind, number, truth, out)
            except RigError as error:
                # A gate that could not be made is one that broke somebody's build.
                line = {"verdict": "invalid", "reasons": [str(error)], "launches": 0, "seconds": 0.0, "metrics": {}}
            with path.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps({"kind": kind, "number": number, **line}) + "\n")
            print(f"{kind} {number}: {line['verdict']} after {line['launches']} launches, {line['seconds']:.0f} s")
            for reason in line["reasons"]:
                print(f"    {reason}")
            sys.stdout.flush()


def one_gate(kind: str, number: int, truth: Truth | None, out: Path) -> dict[str, Any]:
    """One live gate; its line."""
    planted = KINDS[kind](truth)
    outcome = conduct(plan(planted, seed=100 * number + list(KINDS).index(kind)), out, _silent)
    found = line_of(outcome.to_json())
    worst = max((one for one in outcome.stampedes if one.arm == "candidate"), key=lambda one: one.peak, default=None)
    named = {"entry": worst.entry, "cause": worst.cause, "peak": worst.peak} if worst else None
    return {**found, "planted": planted, "stampede": named}


def plan(planted: Mapping[str, str], seed: int) -> GatePlan:
    """The shop's own gate, its server started through ``benchmarks/planted.py``."""
    target, baseline = _target(), candidate_tree(ROOT)
    candidate = PlantedTree(baseline.path, baseline.programs, f"{baseline.revision} {planted or ''}".strip(), planted)
    return GatePlan(
        arms=partial(_arms, target, (baseline, candidate)),
        traffic=_traffic(target, seed),
        pages=target.pages or (PAGE,),
        settings=Settings(),
        baseline=Side(revision=baseline.revision),
        candidate=Side(revision=candidate.revision),
        relaunched=True,
    )


def measure_truth() -> Truth:
    """The second of two launches of identical arms: what is slow but once would make a plant larger than it says."""
    target, tree = _target(), candidate_tree(ROOT)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        arms = _arms(target, (tree, tree), folder, _silent)
        every = ",".join(map(str, cpus()))
        with FleetClient(
            LOCUSTFILE,
            logs=folder,
            browser=find_browser().path,
            cpus=pinning()[1],
            browser_cpus=every,
            interact=False,
        ) as fleet:
            fleet.wait_ready()
            for number in (1, 2):
                visits = planned_visits((PAGE,), 12, number)
                found = launch(arms, fleet, _traffic(target, 1), folder, number=number, blocks=2, visits=visits)
    hits = found.requests[0].query("cache == 'HIT' and intended_s > @found.start_s + @HEAD_S")
    service_ms = ((hits["done_s"] - hits["sent_s"]) * 1000).median()
    known = sorted(visit["lcp_ms"] for visit in found.visits if visit["lcp_ms"])
    return Truth(
        service_over_server=float(service_ms / hits["server_total_ms"].median()), lcp_ms=known[len(known) * 3 // 4]
    )


def _arms(target: TargetConfig, trees: tuple[Tree, Tree], folder: Path, say: Any) -> Arms:
    arms = Builds(target, trees, (free_port(), free_port()), folder, pinning()[0], target.strategy)
    arms.set_up(say)
    return arms


def _traffic(target: TargetConfig, seed: int) -> Traffic:
    return Traffic(
        seed=seed,
        rate_rps=target.rate_rps,
        paths=target.paths,
        block_s=BLOCK_S,
        head_s=HEAD_S,
        write=target.write,
        strategy=target.strategy,
        content=target.content,
    )


def _target() -> TargetConfig:
    text = (ROOT / "rig.toml").read_text(encoding="utf-8")
    found = parse_target(text, source="rig.toml")
    assert found is not None
    own = tomllib.loads(text)["target"]["serve"].split()[1]
    return replace(found, serve=found.serve.replace(own, "benchmarks.planted:application"))


def _lines(path: Path, kind: str) -> list[dict[str, Any]]:
    return [line for line in read_json_lines(path) if line["kind"] == kind]


def _silent(text: str) -> None:
    print(f"  {time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
