"""How often the gate errs: thousands of simulated gates, or recorded requests relabelled; and what it can see.

Requests are drawn, not effects: each block's quantiles are taken as the gate takes them. What a launch and a block do
to an arm comes on top, so that block effects scatter as they were measured to on two cores at 100 requests/s (SD 0.033
at p50, 0.07 at p95, 0.10 at p99). LCP and miss ratio are drawn as effects. Beside it stands what many tools do: one
Mann-Whitney test over the same requests.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from rig.gate.blocks import Effects, Launch, Reads, effects, reads_of  # noqa: E402
from rig.gate.metrics import MISS_RATIO, GateMetric, lcp_metric, response_metrics  # noqa: E402
from rig.gate.sequential import Looks  # noqa: E402
from rig.gate.supply import Supply  # noqa: E402
from rig.gate.verdict import GateVerdict, Verdict, goes_on, judge  # noqa: E402
from rig.model import CacheStatus  # noqa: E402

EXAMPLES = """\
examples:
  .venv/bin/python benchmarks/gate.py                         2,000 gates of each kind, a few minutes
  .venv/bin/python benchmarks/gate.py --gates 300 --launches 8 12
  .venv/bin/python benchmarks/gate.py --replay runs           2,000 relabelings of the launches of all gates there
  .venv/bin/python benchmarks/gate.py --replay runs/RUN       or of the requests of a run

luck: what starting a server anew does to its p95, SD of the log-ratio of two identical arms.
"""
HITS = response_metrics(CacheStatus.HIT)
FAMILY: tuple[GateMetric, ...] = (*HITS, MISS_RATIO, lcp_metric("/"))
BLOCKS = 2  # kept in a launch
MANN_WHITNEY_GATES = 200
CHUNK = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What is drawn. ``*_sd`` are of the log-ratio of the arms; an arm has 1 / √2 of it."""

    hits: int = 240  # an arm and block: half of 100/s for 5 s, without the misses
    request_sd: float = 0.25
    block_shift_sd: float = 0.0175
    block_spread_sd: float = 0.0295
    luck_p95_sd: float = 0.03
    cycle_sd: float = 0.15  # of a cycle's part in the launch's LCP p75: 0.04 a launch, as measured
    lcp_luck_sd: float = 0.01
    cycles: int = 14  # a launch
    misses: float = 0.04
    slower: float = 1.0  # planted: factor on every hit of the candidate
    slower_lcp: float = 1.0  # planted: on its LCP
    more_misses: float = 0.0  # planted: added to the candidate's miss ratio


SCENARIOS: Mapping[str, World] = {
    "A/A": World(),
    "A/A, double luck": World(luck_p95_sd=0.06, lcp_luck_sd=0.02),
    "hits +3 %, within margins": World(slower=1.03),
    "hits +5 %, at p50's margin": World(slower=1.05),
    "hits +10 %": World(slower=1.10),
    "hits +10 %, double luck": World(slower=1.10, luck_p95_sd=0.06, lcp_luck_sd=0.02),
    "hits +20 %": World(slower=1.20),
    "LCP +20 %": World(slower_lcp=1.20),
    "miss ratio +5 points": World(more_misses=0.05),
}


def main() -> None:
    """Simulate, or replay, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--gates", type=int, default=2000, help="gates of each kind, or relabelings (default 2000)")
    parser.add_argument("--launches", type=int, nargs="+", default=[10], help="most launches of a gate (default 10)")
    parser.add_argument("--hits", type=int, default=240, help="hits an arm and block (default 240)")
    parser.add_argument("--only", help="scenarios whose name contains this")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--replay", type=Path, metavar="DIR", help="folder with trials (requests.parquet) to relabel")
    options = parser.parse_args()
    if options.replay:
        if any(options.replay.rglob("gate.json")):
            from benchmarks.gate_replay import replay_gates

            replay_gates(options.replay, options.gates, options.seed)
        else:
            replay(options.replay, options.gates, options.seed)
        return
    for last in options.launches:
        print(f"\nat most {last} launches, {BLOCKS} kept blocks each, {len(FAMILY)} metrics")
        for title, world in SCENARIOS.items():
            if not options.only or options.only in title:
                simulate(title, replace(world, hits=options.hits), Looks(last=last), options.gates, options.seed)


def simulate(title: str, world: World, looks: Looks, gates: int, seed: int) -> None:
    """Draw gates of one kind and print how they ended."""
    rng = np.random.default_rng(seed)
    began = time.monotonic()
    found: list[GateVerdict] = []
    flagged: list[tuple[bool, bool]] = []
    scatter: list[Any] = []
    for responses in draw(world, looks.last, gates, rng):
        ratios = hit_effects(responses)
        scatter.append(ratios[:, :, 1] - ratios[:, :, 0])
        others = other_effects(world, looks.last, len(responses), rng)
        for number, one in enumerate(ratios):
            found.append(gate([*one.transpose(2, 0, 1), *(part[number] for part in others)], looks))
        room = max(0, MANN_WHITNEY_GATES - len(flagged))
        flagged += [mann_whitney(gate_responses) for gate_responses in responses[:room]]
    print(f"\n  {title} ({time.monotonic() - began:.0f} s)")
    within = ", ".join(
        f"{m.name} {np.std(np.concatenate(scatter)[..., k]) / np.sqrt(2):.3f}" for k, m in enumerate(HITS)
    )
    print(f"    SD of block effects within launches   {within}")
    ends = Counter(one.verdict for one in found)
    for verdict in (Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE):
        print(f"    {verdict:<37} {share(ends[verdict], len(found))}")
    launches = np.array([one.launches for one in found])
    print(f"    launches used                         mean {launches.mean():.1f}, p90 {np.quantile(launches, 0.9):.0f}")
    print(f"    smallest effect seen 9 times of 10    {mdes(found)}")
    undecided = Counter(m.metric.name for one in found for m in one.metrics if m.verdict is Verdict.INCONCLUSIVE)
    shares = ", ".join(f"{name} {count / len(found):.1%}" for name, count in undecided.items())
    print(f"    undecided at the end                  {shares}")
    for how, fails in zip(("interleaved", "one after the other, no effect"), zip(*flagged, strict=True), strict=True):
        print(f"    Mann-Whitney, {how + ': fail':<35} {share(sum(fails), len(fails))}")


def draw(world: World, launches: int, gates: int, rng: np.random.Generator) -> Iterator[Any]:
    """Log response times in chunks, shape (gates, launches, blocks, arms, requests)."""
    # Luck at p95 is shift + 1.645 spread; a third of it is shift.
    luck = np.array([world.luck_p95_sd / 3, world.luck_p95_sd * np.sqrt(8) / 3 / 1.645])
    noise = np.array([world.block_shift_sd, world.block_spread_sd])
    for first in range(0, gates, CHUNK):
        size = min(CHUNK, gates - first)
        of_launch = rng.standard_normal((size, launches, 1, 2, 2)) * luck
        of_block = correlated(rng, (size, launches, BLOCKS, 2, 2)) * noise
        shift, spread = np.moveaxis((of_launch + of_block) / np.sqrt(2), -1, 0)[..., None]
        machine = rng.standard_normal((size, launches, BLOCKS, 1, 1)) * 0.1  # both arms meet it
        planted = np.array([0.0, np.log(world.slower)])[:, None]
        requests = rng.standard_normal((size, launches, BLOCKS, 2, world.hits))
        yield machine + planted + shift + requests * (world.request_sd + spread)


def correlated(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """Heavy-tailed noise (t, 4 degrees of freedom) of variance 1; neighbouring blocks (third axis) correlate by 0.5."""
    raw = rng.standard_t(4, shape) / np.sqrt(2)
    for block in range(1, shape[2]):
        raw[:, :, block] = 0.5 * raw[:, :, block - 1] + np.sqrt(0.75) * raw[:, :, block]
    return raw


def hit_effects(responses: Any) -> Any:
    """Block effects, shape (gates, launches, blocks, metrics): logs of quantiles are quantiles of logs, nearly."""
    levels = np.quantile(responses, [metric.quantile for metric in HITS], axis=-1)
    return np.moveaxis(levels[..., 1] - levels[..., 0], 0, -1)


def other_effects(world: World, launches: int, gates: int, rng: np.random.Generator) -> list[Any]:
    """Effects of miss ratio and LCP, each of shape (gates, launches, units)."""
    reads = round(world.hits / (1 - world.misses))
    misses = [rng.binomial(reads, world.misses + more, (gates, launches, BLOCKS)) for more in (0, world.more_misses)]
    luck = rng.standard_normal((gates, launches, 1)) * world.lcp_luck_sd
    page = luck + math.log(world.slower_lcp) + rng.standard_normal((gates, launches, world.cycles)) * world.cycle_sd
    return [(misses[1] - misses[0]) / reads, page]


def gate(drawn: Sequence[Any], looks: Looks) -> GateVerdict:
    """Run one gate over what was drawn of each metric of the family, shape (launches, units), as it would be live."""
    for count in range(looks.first, looks.last + 1):
        taken = [
            Effects(metric=metric, launches=tuple(map(tuple, part[:count])), counts=SUPPLIED[:count])
            for metric, part in zip(FAMILY, drawn, strict=True)
        ]
        found = judge(taken, LAUNCHED[:count], looks=looks, rulings={}, seconds=0.0)
        if not goes_on(found, looks):
            break
    return found


def _nothing() -> Reads:
    return Reads(block=np.empty(0, int), response_ms=np.empty(0), cache=np.empty(0, str), sent=1, failed=0)


SUPPLIED = tuple(Supply(baseline=1, candidate=1) for _ in range(99))
LAUNCHED = tuple(Launch(number=n, blocks=BLOCKS, baseline=_nothing(), candidate=_nothing()) for n in range(1, 100))


def mann_whitney(responses: Any) -> tuple[bool, bool]:
    """What a test over requests says of one gate, shape (launches, blocks, arms, requests), at 1 %.

    Of the two arms, and of the baseline's first blocks against its second: the same server at two times.
    """
    pairs = ((responses[:, :, 1], responses[:, :, 0]), (responses[:, 1, 0], responses[:, 0, 0]))
    found = [stats.mannwhitneyu(a.ravel(), b.ravel(), alternative="greater").pvalue < 0.01 for a, b in pairs]
    return bool(found[0]), bool(found[1])


def share(count: int, of: int) -> str:
    """A share with its 95 % bounds (Clopper and Pearson)."""
    bounds = stats.binomtest(count, of).proportion_ci(0.95, method="exact")
    return f"{count / of:7.2%}  ({bounds.low:.2%} to {bounds.high:.2%} of {of:,})"


def mdes(found: Sequence[GateVerdict]) -> str:
    """Median smallest detectable effect of each metric."""
    names = [one.metric for one in found[0].metrics if one.mde is not None]
    middle = [np.median([gate_.metrics[k].mde for gate_ in found]) for k in range(len(names))]
    return ", ".join(f"{m.name} {v:.3f}" for m, v in zip(names, middle, strict=True))


def replay(folder: Path, relabelings: int, seed: int) -> None:
    """Relabel recorded requests at random, so that no true difference is left, and print how such gates end.

    Launches with two arms have their labels exchanged, launch by launch: luck stays in. Trials of one arm have each
    request given to a pseudo-arm by coin, as the gate's own generator does: such arms share a process, and its luck.
    """
    import pandas as pd

    recorded: dict[str, list[pd.DataFrame]] = {}
    for path in sorted(folder.rglob("requests.parquet")):
        launch, _, arm = path.parent.name.partition("-")
        recorded.setdefault(launch, []).append(pd.read_parquet(path).assign(arm=arm))
    arms = {str(frame["arm"].iat[0]) for frames in recorded.values() for frame in frames}
    paired = len(arms) == 2 and all(len(frames) == 2 for frames in recorded.values())
    print(f"{folder}: {len(recorded)} launches, arms {', '.join(sorted(arms))}")
    rng = np.random.default_rng(seed)
    if paired:
        launches = [paired_launch(number, frames) for number, frames in enumerate(recorded.values(), start=1)]
        ends = [relabelled([swapped(one) if rng.integers(2) else one for one in launches]) for _ in range(relabelings)]
        _print_ends("labels exchanged by launch", ends)
        return
    for arm in sorted(arms):
        trials = [_whole(frame) for frames in recorded.values() for frame in frames if frame["arm"].iat[0] == arm]
        ends = [relabelled([coined(n, one, rng) for n, one in enumerate(trials, start=1)]) for _ in range(relabelings)]
        _print_ends(f"{arm}, {len(trials)} launches, requests by coin", ends)


def _whole(requests: Any) -> Reads:
    start_s = float(requests["intended_s"].min())
    return reads_of(requests, start_s=start_s, window_s=float(requests["intended_s"].max()) - start_s + 0.5)


def paired_launch(number: int, frames: Sequence[Any]) -> Launch:
    """A recorded launch of two arms that met one schedule."""
    start_s = min(float(frame["intended_s"].min()) for frame in frames)
    window_s = max(float(frame["intended_s"].max()) for frame in frames) - start_s + 0.5
    baseline, candidate = (reads_of(frame, start_s=start_s, window_s=window_s) for frame in frames)
    return Launch(number=number, blocks=_blocks(baseline), baseline=baseline, candidate=candidate)


def swapped(launch: Launch) -> Launch:
    """The same launch with its labels exchanged."""
    return replace(launch, baseline=launch.candidate, candidate=launch.baseline)


def coined(number: int, reads: Reads, rng: np.random.Generator) -> Launch:
    """A launch of two pseudo-arms out of one arm's reads."""
    heads = rng.integers(0, 2, reads.block.size).astype(bool)
    return Launch(number=number, blocks=_blocks(reads), baseline=reads.where(heads), candidate=reads.where(~heads))


def _blocks(reads: Reads) -> int:
    return int(reads.block.max()) + 1 if reads.block.size else 0


def relabelled(launches: Sequence[Launch]) -> Verdict:
    """How a gate over relabelled launches ends, metrics of which there is too little left out as after a warm-up."""
    looks = Looks(first=min(4, len(launches)), last=len(launches))
    every = [effects(metric, launches) for metric in (*HITS, *response_metrics(CacheStatus.MISS), MISS_RATIO)]
    family = [one for one in every if one.unused == 0 and all(one.launches)]
    for count in range(looks.first, looks.last + 1):
        taken = [replace(one, launches=one.launches[:count], counts=one.counts[:count]) for one in family]
        found = judge(taken, launches[:count], looks=looks, rulings={}, seconds=0.0)
        if not goes_on(found, looks):
            break
    return found.verdict


def _print_ends(title: str, ends: Sequence[Verdict]) -> None:
    print(f"  {title}")
    for verdict, count in sorted(Counter(ends).items()):
        print(f"    {verdict:<14} {share(count, len(ends))}")


if __name__ == "__main__":
    main()
