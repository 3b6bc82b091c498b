"""Is any verdict on a read false? Made-up histories of simulated caches, whose truth is known, against the judge.

Prints for each cache: histories, reads, false verdicts, and the share of reads that could not be judged. Exits with 1
if a single verdict is false.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from rig.analysis.staleness import Freshness  # noqa: E402
from tests.histories import CACHES, history, judged, mistakes  # noqa: E402

BATCH = 1000


def judge_all(cache: str, first: int, count: int) -> tuple[Counter[str], Counter[str]]:
    """How often each verdict and each mistake came, over ``count`` histories from seed ``first``."""
    verdicts: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    for begin in range(first, first + count, BATCH):
        seeds = range(begin, min(begin + BATCH, first + count))
        for told, read, row in judged([history(cache, seed) for seed in seeds]):
            verdicts[str(row["verdict"])] += 1
            wrong.update(mistakes(told, read, row))
    return verdicts, wrong


def main() -> int:
    """Judge the histories of each cache; the exit code says whether all verdicts were right."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--histories", type=int, default=100_000, help="of all caches together (default 100,000)")
    parser.add_argument("--seed", type=int, default=1_000_000, help="the first seed; the tests use small ones")
    options = parser.parse_args()
    each = -(-options.histories // len(CACHES))
    begun, false = time.perf_counter(), 0
    print(f"{'cache':<16}{'histories':>10}{'reads':>11}{'stale':>8}{'error':>8}{'indeterminate':>15}{'false':>7}")
    for cache in CACHES:
        verdicts, wrong = judge_all(cache, options.seed, each)
        reads = verdicts.total()
        stale, error, doubt = (
            f"{verdicts[verdict] / reads:.1%}"
            for verdict in (Freshness.STALE, Freshness.ERROR, Freshness.INDETERMINATE)
        )
        print(f"{cache:<16}{each:>10,}{reads:>11,}{stale:>8}{error:>8}{doubt:>15}{wrong.total():>7}")
        for why, times in wrong.items():
            print(f"  {times:,} × {why}")
        false += wrong.total()
    print(f"{each * len(CACHES):,} histories, {false} false verdicts, {time.perf_counter() - begun:.0f} s")
    return int(false > 0)


if __name__ == "__main__":
    raise SystemExit(main())
