"""What exact quantiles of many samples cost: rig from Parquet against numpy in memory, in the same run.

Each way runs in a process of its own, on one core, over the same spike-shaped response times: a quick target that
freezes for one second in ten. All ways must give the same figures, else the script exits with 1.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# A child's peak memory starts from its parent's (Linux keeps it across exec), so this process stays small: numpy,
# pyarrow and rig are imported in the children only.
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

EXAMPLES = """\
examples:
  .venv/bin/python benchmarks/quantiles.py                        10 million samples, about a minute
  .venv/bin/python benchmarks/quantiles.py --samples 100000000 --repeats 1
  .venv/bin/python benchmarks/quantiles.py --samples 100000       to see that it works

Columns: CPU s is processor time of the summary alone, without Python's start and imports; kernel s is the part of it
that the operating system took, mostly to hand out memory; peak MB is the most memory the whole process ever held;
x numpy compares CPU s with numpy's.
"""
KEYS = ("mean", "p50", "p90", "p95", "p99", "p999", "max")
FRACTIONS = (0.5, 0.9, 0.95, 0.99, 0.999)

FEW = "few.parquet"  # what each way is tried on before the clock starts
CHUNK_ROWS = 1 << 20
BYTES_A_SAMPLE = 24
RATE_RPS = 8000.0
FREEZE_EVERY_S, FREEZE_S = 10.0, 1.0
REFUSED_SHARE = 0.002

Figures = dict[str, float | None]


def make(path: Path, samples: int) -> dict[str, Any]:
    """Write ``latency_ms``, ``intended_s`` and ``done_s`` of ``samples`` requests; some have no response (null)."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from rig.parquet import write_options

    schema = pa.schema([(name, pa.float64()) for name in ("latency_ms", "intended_s", "done_s")])
    said_s = time.monotonic()
    with pq.ParquetWriter(path, schema, **write_options(schema)) as writer:
        for first in range(0, samples, CHUNK_ROWS):
            columns = _requests(first, min(CHUNK_ROWS, samples - first))
            writer.write_table(pa.table([pa.array(one, from_pandas=True) for one in columns], schema=schema))
            if first and time.monotonic() - said_s > 2:
                said_s = time.monotonic()
                say(f"making samples: {first:,} of {samples:,}")
    return {"bytes": path.stat().st_size}


def _requests(first: int, rows: int) -> tuple[Any, Any, Any]:
    import numpy as np

    rng = np.random.default_rng(first)
    since_s = (first + np.sort(rng.uniform(0, rows, rows))) / RATE_RPS
    thaw_s = FREEZE_S - since_s % FREEZE_EVERY_S
    intended_s = 86_400 + since_s
    done_s = intended_s + np.maximum(thaw_s, 0) + rng.lognormal(-5.5, 0.6, rows)
    done_s[rng.random(rows) < REFUSED_SHARE] = np.nan
    return (done_s - intended_s) * 1000, intended_s, done_s


def numpy_in_memory(path: Path) -> Callable[[], Figures]:
    """The limit: all values are in memory before the clock starts."""
    import numpy as np

    values = _load(path)

    def work() -> Figures:
        quantiles = np.quantile(values, FRACTIONS).tolist()
        return dict(zip(KEYS, [float(values.mean()), *quantiles, float(values.max())], strict=True))

    return work


def rig_in_memory(path: Path) -> Callable[[], Figures]:
    """The same values by ``rig.analysis.quantiles.spread``."""
    from rig.analysis.quantiles import spread

    values = _load(path)
    return lambda: spread(values, *KEYS)


def rig_one_column(path: Path) -> Callable[[], Figures]:
    """From the file, one column."""
    from rig.analysis.pool import parquet_spread

    return lambda: parquet_spread(path, "latency_ms", *KEYS)


def rig_two_columns(path: Path) -> Callable[[], Figures]:
    """From the file, as the difference of two columns: what a trial's requests hold."""
    from rig.analysis.pool import parquet_spread

    return lambda: parquet_spread(path, ("intended_s", "done_s"), *KEYS)


def duckdb_one_column(path: Path) -> Callable[[], Figures]:
    """From the file by SQL; ``quantile_cont`` is DuckDB's exact quantile."""
    import duckdb

    figures = f"avg(latency_ms), quantile_cont(latency_ms, {list(FRACTIONS)}), max(latency_ms)"
    samples = duckdb.connect(config={"threads": 1}).read_parquet(str(path))

    def work() -> Figures:
        [(mean, quantiles, greatest)] = samples.aggregate(figures).fetchall()
        return dict(zip(KEYS, [mean, *quantiles, greatest], strict=True))

    return work


WAYS: dict[str, Callable[[Path], Callable[[], Figures]]] = {
    "numpy, in memory": numpy_in_memory,
    "rig, in memory": rig_in_memory,
    "rig, Parquet, one column": rig_one_column,
    "rig, Parquet, two columns": rig_two_columns,
    "DuckDB, Parquet, one column": duckdb_one_column,
}


def _load(path: Path) -> Any:
    """The known values of ``latency_ms`` in one array, at no more memory than that."""
    import numpy as np

    from rig.parquet import batches, row_count

    values, size = np.empty(row_count(path)), 0
    for batch in batches(path, ["latency_ms"]):
        part = np.from_dlpack(batch.drop_null().column(0))
        values[size : size + len(part)] = part
        size += len(part)
    return values[:size]


def measure(way: str, path: Path) -> dict[str, Any]:
    """Run one way once, in this process: seconds, bytes and what it found."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    WAYS[way](path.with_name(FEW))()  # What libraries load at their first call is not what this measures.
    work = WAYS[way](path)
    began, wall_s = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    figures = work()
    ended, wall_s = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter() - wall_s
    kernel_s = ended.ru_stime - began.ru_stime
    # Linux counts in KiB, macOS in bytes.
    peak_bytes = ended.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    cpu_s = ended.ru_utime - began.ru_utime + kernel_s
    return {"cpu_s": cpu_s, "kernel_s": kernel_s, "wall_s": wall_s, "peak_mb": peak_bytes / 1e6, "figures": figures}


def child(*words: str) -> dict[str, Any]:
    """This script in another process: what it printed. Its failure is this one's."""
    done = subprocess.run([sys.executable, __file__, "--child", *words], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}: ended with {done.returncode}; its message stands above")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def rows(path: Path, repeats: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each way with the medians of its runs."""
    for way in WAYS:
        if way.startswith("DuckDB") and importlib.util.find_spec("duckdb") is None:
            say("DuckDB: not installed, left out")
            continue
        runs = []
        for number in range(repeats):
            say(f"{way}: run {number + 1} of {repeats}")
            runs.append(child("measure", way, str(path)))
        seconds = {key: statistics.median(run[key] for run in runs) for key in ("cpu_s", "kernel_s", "wall_s")}
        yield way, {**seconds, "peak_mb": max(run["peak_mb"] for run in runs), "figures": runs[0]["figures"]}


def same(found: Figures, limit: Figures, way: str) -> bool:
    """Equal to the last bit; DuckDB adds up and interpolates in another order, so its last digits may differ."""
    slack = 1e-9 if way.startswith("DuckDB") else 0.0
    return all(math.isclose(found[key] or 0.0, limit[key] or 0.0, rel_tol=slack) for key in KEYS)


def say(text: str) -> None:
    """Progress, apart from the results."""
    print(text, file=sys.stderr, flush=True)


def compare(samples: int, repeats: int) -> bool:
    """Make the samples, print a row a way; whether all found the same."""
    with tempfile.TemporaryDirectory(prefix="rig-quantiles-") as folder:
        path = Path(folder) / "samples.parquet"
        if shutil.disk_usage(folder).free < (needed := samples * BYTES_A_SAMPLE):
            raise SystemExit(f"{folder}: {needed / 1e9:.1f} GB are needed; set TMPDIR to a roomier folder")
        child("make", str(path.with_name(FEW)), "1000")
        made = child("make", str(path), str(samples))
        print(f"{samples:,} samples in {made['bytes'] / 1e6:,.0f} MB of Parquet (three columns)", end="; ")
        print(f"{platform.machine()}, Python {platform.python_version()}, one core, median of {repeats}")
        print(f"{'':29}{'CPU s':>8}{'kernel s':>10}{'wall s':>8}{'peak MB':>9}{'x numpy':>9}")
        agree, limit = True, None
        for way, row in rows(path, repeats):
            limit = limit or row
            ratio = f"{row['cpu_s'] / limit['cpu_s']:.2f}" if limit["cpu_s"] else "-"
            times = f"{row['cpu_s']:8.2f}{row['kernel_s']:10.2f}{row['wall_s']:8.2f}"
            print(f"{way:29}{times}{row['peak_mb']:9,.0f}{ratio:>9}", flush=True)
            if not same(row["figures"], limit["figures"], way):
                agree = False
                print(f"  found {row['figures']}, numpy {limit['figures']}")
    return agree


def main() -> int:
    """Parse the command line; 0 if all ways agree."""
    if sys.argv[1:2] == ["--child"]:
        order, first, second = sys.argv[2:]
        found = make(Path(first), int(second)) if order == "make" else measure(first, Path(second))
        print(json.dumps(found))
        return 0
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--samples", type=int, default=10_000_000, help="how many (default: 10 million)")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each way (default: 3)")
    given = parser.parse_args()
    if min(given.samples, given.repeats) < 1:
        parser.error("--samples and --repeats are whole numbers above 0")
    return 0 if compare(given.samples, given.repeats) else 1


if __name__ == "__main__":
    raise SystemExit(main())
