"""What analysing a long run costs: a made-up run directory of half an hour, summarised and reported.

360,000 requests of four arms at 200/s, thousands of writes to 201 pages, and page visits throughout. Exits with 1
where summary and report take more processor time than --limit: the clock on a
shared machine says more about its other users.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import pyarrow as pa  # noqa: E402

from rig.analysis.summary import summarise  # noqa: E402
from rig.journal import Run, RunDir, StreamSink, TrialDir, open_run  # noqa: E402
from rig.model import RunStatus, TrialId  # noqa: E402
from rig.report.html import write_report  # noqa: E402
from rig.samples import REQUESTS  # noqa: E402
from tests import synthetic, synthetic_samples  # noqa: E402

PRODUCTS, HERD, BATCH = 200, 8, 10_000
ARMS = tuple(synthetic.DEFAULT_ARMS)
Rows = list[dict[str, Any]]


def make(parent: Path, *, rate_rps: float, seconds_an_arm: float, write_share: float) -> Run:
    """A sealed run of one trial an arm below ``parent``."""
    small = synthetic.build(parent / "small", ARMS, rounds=1)
    plan = {**small.manifest["plan"], "window_s": seconds_an_arm, "rate_rps": rate_rps}
    plan |= {"entries": dict(map(_page, range(PRODUCTS + 1)))}
    run = RunDir.create(parent / "large", "hot-key", {**small.manifest, "plan": plan})
    for number, trial in enumerate(small.trials):
        start_s = 5000.0 + 1000 * number + seconds_an_arm * number
        rng = np.random.default_rng(number)
        writes, requests = traffic(rng, round(rate_rps * seconds_an_arm), seconds_an_arm, write_share, start_s)
        arm = TrialId(round=1, arm=trial.id.arm)
        folder = run.open_trial(arm)
        journal(folder, requests, visits(trial.id.arm, start_s, seconds_an_arm))
        events = [*writes, *recomputes(start_s, seconds_an_arm)]
        common = {"pid": 4242, "epoch": number + 1, "strategy": trial.id.arm}
        moved = {"start_s": start_s, "end_s": start_s + seconds_an_arm, "drained_s": start_s + seconds_an_arm + 0.4}
        folder.seal(
            [{"id": f"{number}-{n}", **common, **one} for n, one in enumerate(events)], {**trial.facts, **moved}
        )
    run.finish(RunStatus.COMPLETE)
    return open_run(run.path)


def _page(number: int) -> tuple[str, str]:
    return ("/", "home") if number == PRODUCTS else (f"/product/{number}/", f"product:{number}")


def traffic(
    rng: np.random.Generator, count: int, seconds: float, write_share: float, start_s: float
) -> tuple[Rows, Rows]:
    """Origin rows of the writes, and rows of all requests. A page is up to 2 s old; home has a version of its own."""
    at = np.sort(rng.uniform(0, seconds, count))
    is_write = rng.random(count) < write_share
    page = np.where(rng.random(count) < 0.1, PRODUCTS, rng.zipf(1.3, count) % PRODUCTS)
    page = np.where(is_write & (page == PRODUCTS), 0, page)
    made = {number: at[is_write & (page == number)] + 0.01 for number in range(PRODUCTS)}
    made[PRODUCTS] = at[is_write] + 0.01
    read_at = at - rng.uniform(0, 2, count) ** 2 / 2
    took_s = 0.003 + rng.exponential(0.004, count)
    writes: Rows = []
    requests: Rows = []
    for index in range(count):
        path, entry = _page(int(page[index]))
        row = {"index": index, "kind": "write" if is_write[index] else "read", "path": path, "status": 200}
        row |= {"intended_s": start_s + at[index], "sent_s": start_s + at[index] + 0.0002}
        row["done_s"] = start_s + at[index] + (0.015 if is_write[index] else took_s[index])
        if is_write[index]:
            begin_ns = round((start_s + at[index] + 0.008) * 1e9)
            raised = {entry: _version(made[int(page[index])], at[index] + 0.01)}
            raised["home"] = _version(made[PRODUCTS], at[index] + 0.01)
            writes.append(_write(begin_ns, raised))
        else:
            version = _version(made[int(page[index])], read_at[index])
            row |= {"cache": "HIT", "content_version": f"{entry}={version}", "server_total_ms": 2.0}
        requests.append(row)
    return writes, requests


def _version(instants: np.ndarray, at: float) -> int:
    return 1 + int(np.searchsorted(instants, at, side="right"))


def _write(begin_ns: int, raised: dict[str, int]) -> dict[str, Any]:
    ends = {"commit_begin_ns": begin_ns, "commit_end_ns": begin_ns + 2_000_000, "end_ns": begin_ns + 2_500_000}
    versions = ", ".join(f"{scope}={version}" for scope, version in raised.items())
    known = {"event": "write", "outcome": "committed", "entries": list(raised), "versions": versions}
    return {**known, "begin_ns": begin_ns - 3_000_000, **ends}


def recomputes(start_s: float, seconds: float) -> Rows:
    """A herd on the hot page every 6 s."""
    found: Rows = []
    for at_s in np.arange(1.0, seconds, 6.0):
        for member in range(HERD):
            begin_ns = round((start_s + at_s + 0.01 * member) * 1e9)
            stored = {"outcome": "stored", "versions": f"{synthetic_samples.HOT_ENTRY}=1", "ttl_s": 6.0}
            cost = {"cpu_ms": 80.0, "db_ms": 60.0, "queries": 4}
            span = {"begin_ns": begin_ns, "end_ns": begin_ns + 900_000_000}
            found.append({"event": "recompute", "entry": synthetic_samples.HOT_ENTRY, **stored, **cost, **span})
    return found


def visits(arm: str, start_s: float, seconds: float) -> Rows:
    """The synthetic trial's visits, over and over."""
    behaviour, rng = synthetic_samples.BEHAVIOURS[arm], random.Random(arm)
    shifts = np.arange(0, seconds, synthetic_samples.WINDOW_S)
    rows = [one for shift in shifts for one in synthetic_samples.pages_of(arm, behaviour, [], start_s + shift, rng)]
    return [{**row, "index": index} for index, row in enumerate(rows)]


def journal(folder: TrialDir, requests: Rows, pages: Rows) -> None:
    """Write what a trial leaves while it is measured."""
    sink = StreamSink(folder.requests_stream, REQUESTS)
    for begin in range(0, len(requests), BATCH):
        sink.write(pa.RecordBatch.from_pylist(requests[begin : begin + BATCH], schema=REQUESTS))
    sink.close()
    folder.pages_lines.write_text("".join(json.dumps(page) + "\n" for page in pages))


def main() -> int:
    """Make the run, then time what comes after measuring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30.0, help="length of the run, all four arms (default 30)")
    parser.add_argument("--rate", type=float, default=200.0, help="requests per second (default 200)")
    parser.add_argument("--writes", type=float, default=0.0125, help="share of writes (default 0.0125)")
    parser.add_argument("--limit", type=float, default=10.0, help="seconds of processor time allowed (default 10)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        seconds = options.minutes * 60 / len(ARMS)
        run = make(Path(folder), rate_rps=options.rate, seconds_an_arm=seconds, write_share=options.writes)
        begun, cpu = time.perf_counter(), time.process_time()
        summary = summarise(run)
        summarised = time.perf_counter()
        write_report(run, summary, Path(folder) / "report.html")
        ended, cpu = time.perf_counter(), time.process_time() - cpu
    scheduled = sum(arm["requests"]["scheduled"] for arm in summary["arms"].values())
    writes = sum(arm["writes"]["count"] for arm in summary["arms"].values())
    print(f"{scheduled:,} requests, {writes:,} writes, {len(ARMS)} arms")
    print(f"summary {summarised - begun:.1f} s, report {ended - summarised:.1f} s, processor {cpu:.1f} s")
    return int(cpu > options.limit)


if __name__ == "__main__":
    raise SystemExit(main())
