"""XFetch against its theory: how many recompute at once, and how early, with an origin whose time is constant.

Vattani et al. 2015: for λβΔ ≫ 1 one expiry costs e^(1/β) recomputes on average, 2.718 at β = 1, and the first begins
βΔ(ln(λβΔ) + 0.577) before the expiry. Nothing is simulated but the origin: readers are threads of this process, the
cache is a real server, and what decides is the strategy's own function. The origin sleeps, which is right here and
nowhere else: it must take Δ however many recompute, and on a CPU-bound origin the herd slows itself.

    .venv/bin/python benchmarks/xfetch.py [--expiries 300] [--rate 600] [--delta 0.05] [--json]

Each cycle: an entry is stored with a short TTL; reads come by a Poisson process; those that find a recompute due begin
one; the cycle ends when all are done. A cycle in which the machine stood still, so that a recompute took more than
1.2 Δ, had no constant origin: it is left out, and counted. Exit code 1 where the 95 % interval of the mean excludes
theory by more than the allowance for what the theory leaves out (reads take time, λβΔ is finite), 5 %.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import redis

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "target_app.config.settings")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import django

django.setup()

from rig.measure.services.cache_server import cache_server  # noqa: E402
from target_app.strategies.store import Stored  # noqa: E402
from target_app.strategies.xfetch import BETA, is_due  # noqa: E402

EULER_GAMMA = 0.5772
ALLOWED = 0.05
DELAYED = 1.2
LEAD_DELTAS = 12
"""A read that far before the expiry is due once in 160,000 times."""
_THREADS = 64
KEY = "xfetch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """One expiry: how many recomputed before the first new value was there, and how early the first began."""

    recomputes: int
    early_s: float
    longest_s: float
    """The longest of the recomputes."""


class Cycles:
    """Readers of one entry on one cache server."""

    def __init__(self, client: redis.Redis, rate_rps: float, delta_s: float, seed: int) -> None:
        self._client, self._rate, self._delta_s = client, rate_rps, delta_s
        self._rng = random.Random(seed)
        self._pool = ThreadPoolExecutor(_THREADS)
        self._lock = threading.Lock()
        self._ttl_s = LEAD_DELTAS * BETA * delta_s

    def run(self) -> Cycle:
        """Store, read until somebody's new value is there, wait for the others."""
        self._begun: list[float] = []
        self._took: list[float] = []
        self._renewed = threading.Event()
        stored = Stored({}, {}, time.time(), self._ttl_s, self._delta_s)
        self._client.set(KEY, json.dumps(asdict(stored)))
        at = time.time()
        waiting = []
        while not self._renewed.is_set():
            at += self._rng.expovariate(self._rate)
            time.sleep(max(0.0, at - time.time()))
            waiting.append(self._pool.submit(self._read, self._rng.random()))
        for one in waiting:
            one.result()
        early_s = stored.stored_s + self._ttl_s - min(self._begun)
        return Cycle(recomputes=len(self._begun), early_s=early_s, longest_s=max(self._took))

    def close(self) -> None:
        """End the readers."""
        self._pool.shutdown()

    def _read(self, drawn: float) -> None:
        """One read; one that comes after the new value is there finds it, and has no part in this expiry."""
        found = Stored(**json.loads(self._client.get(KEY)))
        now_s = time.time()
        if not is_due(found, now_s, drawn):
            return
        with self._lock:
            self._begun.append(now_s)
        time.sleep(self._delta_s)
        self._client.set(KEY, json.dumps(asdict(Stored({}, {}, time.time(), 3600.0, self._delta_s))))
        with self._lock:
            self._took.append(time.time() - now_s)
        self._renewed.set()


def interval(values: list[float]) -> tuple[float, float, float]:
    """Mean and its 95 % interval; expiries are independent of each other."""
    mean = statistics.fmean(values)
    half = 1.96 * statistics.stdev(values) / math.sqrt(len(values))
    return mean, mean - half, mean + half


def measured(cycles: Cycles, wanted: int, delta_s: float) -> tuple[list[Cycle], int]:
    """So many cycles with a constant origin, and how many without were left out."""
    seen: list[Cycle] = []
    left_out = 0
    while len(seen) < wanted:
        cycle = cycles.run()
        if cycle.longest_s > DELAYED * delta_s:
            left_out += 1
        else:
            seen.append(cycle)
    return seen, left_out


def main() -> int:
    """Measure, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--expiries", type=int, default=300)
    parser.add_argument("--rate", type=float, default=600.0, help="reads per second")
    parser.add_argument("--delta", type=float, default=0.05, help="time of one recompute, seconds")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rig-xfetch-") as folder, cache_server(Path(folder), None) as server:
        cycles = Cycles(redis.Redis.from_url(server.url), options.rate, options.delta, options.seed)
        try:
            seen, left_out = measured(cycles, options.expiries, options.delta)
        finally:
            cycles.close()
    load = options.rate * BETA * options.delta
    recomputes = interval([float(one.recomputes) for one in seen])
    early = interval([one.early_s / options.delta for one in seen])
    found = {
        "expiries": len(seen),
        "left_out": left_out,
        "lambda_beta_delta": load,
        "recomputes": dict(zip(("mean", "lower", "upper"), recomputes, strict=True)),
        "recomputes_theory": math.exp(1 / BETA),
        "early_deltas": dict(zip(("mean", "lower", "upper"), early, strict=True)),
        "early_deltas_theory": BETA * (math.log(load) + EULER_GAMMA),
    }
    if options.json:
        print(json.dumps(found))
    else:
        print(f"{len(seen)} expiries ({left_out} left out), β = {BETA:g}, λβΔ = {load:g}")
        for name, what in (("recomputes", "recomputes an expiry"), ("early_deltas", "first one early, in Δ")):
            mean, lower, upper = (found[name][key] for key in ("mean", "lower", "upper"))
            print(f"{what:<24}{mean:6.3f}  ({lower:.3f} to {upper:.3f})   theory {found[name + '_theory']:.3f}")
    theory = math.exp(1 / BETA)
    return 0 if recomputes[1] <= theory * (1 + ALLOWED) and recomputes[2] >= theory * (1 - ALLOWED) else 1


if __name__ == "__main__":
    sys.exit(main())
