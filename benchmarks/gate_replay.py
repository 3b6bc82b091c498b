"""Recorded launches of real gates, relabelled: thousands of gates with a known truth from what a machine really did.

In each launch baseline and candidate change places by a coin, so that no true difference is left, whatever was there;
an effect is planted on top. Launch luck, bursts and neighbours stay in. Beside it, on the same launches, a Mann-Whitney
test over requests.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from benchmarks.gate import LAUNCHED, SUPPLIED, share
from rig.gate.blocks import Effects, Launch, effects, kept_blocks, rare_se, reads_of
from rig.gate.harrell_davis import CYCLE, Visit, lcp_effects
from rig.gate.metrics import MISS_RATIO, STAMPEDE_PEAK, GateMetric, Quantity, lcp_metric, response_metrics
from rig.gate.sequential import Looks
from rig.gate.verdict import GateVerdict, Verdict, goes_on, judge
from rig.journal import SealedTrial, open_run
from rig.model import CacheStatus

MANN_WHITNEY_GATES = 300
ARMS = ("baseline", "candidate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """Factors on what the candidate was seen to take."""

    hits: float = 1.0
    lcp: float = 1.0


PLANTS: Mapping[str, Plant] = {
    "A/A": Plant(),
    "hits +5 %, at p50's margin": Plant(hits=1.05),
    "hits +10 %": Plant(hits=1.10),
    "hits +20 %": Plant(hits=1.20),
    "LCP of the pages +10 %, at the margin": Plant(lcp=1.10),
    "LCP of the pages +20 %": Plant(lcp=1.20),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One launch: effects of its blocks and cycles by metric, and response times of hits by arm, ms."""

    effects: Mapping[GateMetric, tuple[float, ...]]
    hits: tuple[Any, Any]


def replay_gates(folder: Path, gates: int, seed: int) -> None:
    """Read every gate below ``folder``; print how relabelled ones end, with and without a plant."""
    runs = sorted(path.parent for path in folder.rglob("gate.json"))
    pool = [launch for run in runs for launch in recorded_launches(run)]
    every = list(dict.fromkeys(metric for one in pool for metric in one.effects))
    family = [metric for metric in every if all(one.effects.get(metric) for one in pool)]
    last = max(json.loads((run / "gate.json").read_text("utf-8"))["design"]["last_look"] for run in runs)
    print(f"{len(pool)} launches of {len(runs)} gates, at most {last} a gate; {', '.join(m.name for m in family)}")
    if len(pool) < last:
        raise SystemExit(f"too few: a gate takes {last} launches")
    for title, plant in PLANTS.items():
        rng = np.random.default_rng(seed)
        drawn = [relabelled(pool, last, rng) for _ in range(gates)]
        ends = [ended(launches, family, plant) for launches in drawn]
        show(title, ends, drawn[:MANN_WHITNEY_GATES], plant)


def recorded_launches(run: Path) -> Iterator[Recorded]:
    """The launches of a gate that counted; the warm-up is none."""
    trials: dict[int, dict[str, SealedTrial]] = {}
    for trial in open_run(run).trials:
        trials.setdefault(trial.id.round, {})[trial.id.arm] = trial
    for number, pair in sorted(trials.items()):
        if number and set(pair) == set(ARMS):
            yield _recorded(number, [pair[arm] for arm in ARMS])


def _recorded(number: int, trials: Sequence[SealedTrial]) -> Recorded:
    facts = trials[0].facts
    window_s = round(facts["end_s"] - facts["start_s"], 3)
    reads = [
        reads_of(
            one.frame("requests"),
            start_s=facts["start_s"],
            window_s=window_s,
            block_s=facts["block_s"],
            head_s=facts["head_s"],
        )
        for one in trials
    ]
    blocks = kept_blocks(window_s, facts["block_s"], facts["head_s"])
    launch = Launch(number=number, blocks=blocks, baseline=reads[0], candidate=reads[1])
    metrics = [*(m for cache in CacheStatus for m in response_metrics(cache)), MISS_RATIO]
    visits = list(_visits(trials))
    found = [effects(metric, [launch]) for metric in metrics]
    found += [lcp_effects(lcp_metric(page), visits, 1) for page in sorted({visit.page for visit in visits})]
    return Recorded(
        effects={one.metric: one.launches[0] for one in found if one.launches[0] and not one.unused},
        hits=(reads[0].response_ms[reads[0].cache == "HIT"], reads[1].response_ms[reads[1].cache == "HIT"]),
    )


def _visits(trials: Sequence[SealedTrial]) -> Iterator[Visit]:
    """Whole cycles, in order of time; four visits of a page are one."""
    frames = [one.frame("pages").assign(arm=arm) for arm, one in zip(ARMS, trials, strict=True)]
    for page, rows in pd.concat(frames).sort_values("intended_s").groupby("path"):
        whole = len(rows) // len(CYCLE) * len(CYCLE)
        for number, (arm, lcp_ms) in enumerate(zip(rows["arm"][:whole], rows["lcp_ms"][:whole], strict=True)):
            known = None if pd.isna(lcp_ms) else float(lcp_ms)
            yield Visit(page=str(page), launch=1, cycle=number // len(CYCLE), arm=arm, lcp_ms=known)


def relabelled(pool: Sequence[Recorded], last: int, rng: np.random.Generator) -> list[Recorded]:
    """Launches of one gate, drawn without replacement, half of them with their arms exchanged."""
    chosen = rng.choice(len(pool), last, replace=False)
    return [_swapped(pool[k]) if rng.integers(2) else pool[k] for k in chosen]


def _swapped(one: Recorded) -> Recorded:
    return Recorded(
        effects={metric: tuple(-effect for effect in found) for metric, found in one.effects.items()},
        hits=one.hits[::-1],
    )


def ended(launches: Sequence[Recorded], family: Sequence[GateMetric], plant: Plant) -> GateVerdict:
    """How a gate over these launches ends, looking when it would."""
    looks = Looks(last=len(launches))
    for count in range(looks.first, looks.last + 1):
        taken = [_taken(metric, launches[:count], plant) for metric in family]
        none = ((0.0,),) * count
        taken.append(Effects(metric=STAMPEDE_PEAK, launches=none, counts=SUPPLIED[:count], floor_se=rare_se(count)))
        found = judge(taken, LAUNCHED[:count], looks=looks, rulings={}, seconds=0.0)
        if not goes_on(found, looks):
            break
    return found


def _taken(metric: GateMetric, launches: Sequence[Recorded], plant: Plant) -> Effects:
    # A factor on all of an arm is one on its quantiles.
    is_hit, is_lcp = metric.cache is CacheStatus.HIT, metric.quantity is Quantity.LCP
    planted = math.log(plant.hits if is_hit else plant.lcp if is_lcp else 1.0)
    return Effects(
        metric=metric,
        launches=tuple(tuple(effect + planted for effect in one.effects[metric]) for one in launches),
        counts=SUPPLIED[: len(launches)],
        # Close to what counting reads of a busy gate allows; exact counts are not kept here.
        floor_se=1e-4 if metric.quantity is Quantity.MISS_RATIO else 0.0,
    )


def show(title: str, ends: Sequence[GateVerdict], drawn: Sequence[Sequence[Recorded]], plant: Plant) -> None:
    """How they ended, what they were undecided about, and what a test over requests said."""
    print(f"\n  {title}")
    counts = Counter(one.verdict for one in ends)
    for verdict in (Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.INVALID):
        if counts[verdict] or verdict is Verdict.FAIL:
            print(f"    {verdict:<37} {share(counts[verdict], len(ends))}")
    print(f"    launches used                         mean {np.mean([one.launches for one in ends]):.1f}")
    undecided = Counter(m.metric.name for one in ends for m in one.metrics if m.verdict is Verdict.INCONCLUSIVE)
    if counts[Verdict.INCONCLUSIVE]:
        said = ", ".join(f"{name} {count / len(ends):.1%}" for name, count in undecided.most_common())
        print(f"    undecided at the end                  {said}")
    flagged = [_mann_whitney(launches, plant) for launches in drawn]
    print(f"    {'Mann-Whitney over hits at 1 %: fail':<37} {share(sum(flagged), len(flagged))}")


def _mann_whitney(launches: Sequence[Recorded], plant: Plant) -> bool:
    baseline, candidate = (np.concatenate([one.hits[side] for one in launches]) for side in (0, 1))
    return bool(stats.mannwhitneyu(candidate * plant.hits, baseline, alternative="greater").pvalue < 0.01)
