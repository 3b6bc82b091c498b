"""Samples in Parquet: the same after sealing, small, and summarised exactly in the memory of one column."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rig.analysis.pool import Pool, parquet_spread
from rig.analysis.quantiles import spread
from rig.analysis.requests import QUANTILES, figures
from rig.journal import SealedTrial, table_of
from rig.model import TrialId
from rig.parquet import batches, copy_to_parquet, row_count, write_parquet
from rig.samples import ORIGIN, REQUESTS
from tests.tables import request, requests, write

MEBIBYTE = 1 << 20
NUMBERS = st.one_of(st.none(), st.just(float("nan")), st.floats(-1e6, 1e6), st.sampled_from([1.0, 2.0]))


def trial_of(folder, frame):
    """A sealed trial whose requests are ``frame``."""
    folder.mkdir(parents=True)
    write_parquet(pa.Table.from_pandas(frame, schema=REQUESTS, preserve_index=False), folder / "requests.parquet")
    return SealedTrial(TrialId(round=1, arm="a"), {}, folder)


def clock(rows: int, rate_rps: float = 8000.0):
    """Times of ``rows`` requests on a host that has been up for a day: intended starts, and ends of 5 % spikes."""
    rng = np.random.default_rng(7)
    intended_s = 86_400.0 + np.cumsum(rng.exponential(1 / rate_rps, rows))
    took_s = rng.lognormal(-5.5, 0.6, rows) + (rng.random(rows) < 0.05) * rng.random(rows)
    return intended_s, intended_s + took_s


@settings(deadline=None)
@given(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=50))
def test_figures_from_a_file_are_those_of_the_values(tmp_path_factory, rows):
    """Of one column or between two, nulls and NaN left out: exactly what the values in memory give."""
    path = tmp_path_factory.getbasetemp() / "figures.parquet"
    begin, end = ([row[side] for row in rows] for side in (0, 1))
    table = pa.table({"a_s": pa.array(begin, pa.float64()), "b_s": pa.array(end, pa.float64())})
    write_parquet(table, path)
    first, second = np.array(begin, dtype=float), np.array(end, dtype=float)
    assert parquet_spread(path, "a_s", *QUANTILES) == spread(first, *QUANTILES)
    between = (second - first) * 1000
    assert parquet_spread(path, ("a_s", "b_s"), *QUANTILES) == spread(between, *QUANTILES)


@pytest.mark.parametrize("row_group_size", [1000, 70_000, 200_000])
def test_figures_do_not_depend_on_how_the_file_is_cut(tmp_path, row_group_size):
    """Row groups smaller and larger than a batch, of a file that rig did not write."""
    intended_s, done_s = clock(200_000)
    path = tmp_path / "foreign.parquet"
    table = pa.table({"intended_s": intended_s, "done_s": done_s})
    pq.write_table(table, path, row_group_size=row_group_size, compression="gzip")
    expected = spread((done_s - intended_s) * 1000, *QUANTILES)
    assert parquet_spread(path, ("intended_s", "done_s"), *QUANTILES) == expected


def test_integers_have_quantiles_too(tmp_path):
    path = tmp_path / "x.parquet"
    write_parquet(pa.table({"n": pa.array([3, None, 1], pa.int16())}), path)
    assert parquet_spread(path, "n", "p50", "max") == {"p50": 2, "max": 3}


def test_a_file_without_rows_has_no_figures(tmp_path):
    path = tmp_path / "x.parquet"
    write_parquet(REQUESTS.empty_table(), path)
    assert parquet_spread(path, ("intended_s", "done_s"), "mean", "p50") == {"mean": None, "p50": None}


def test_a_column_that_is_not_there_or_no_number_is_named(tmp_path):
    """Arrow would read the others and say nothing."""
    path = tmp_path / "x.parquet"
    write_parquet(pa.table({"a_ms": [1.0], "path": ["/"]}), path)
    with pytest.raises(ValueError, match=r"x\.parquet: has no column b_ms; its columns are a_ms, path"):
        parquet_spread(path, "b_ms", "p50")
    with pytest.raises(ValueError, match="column path: holds string"):
        parquet_spread(path, "path", "p50")


def test_memory_is_one_column_however_large_the_row_group(tmp_path, monkeypatch):
    """24 MB of values in a single row group: numpy holds them once, Arrow a few batches and never the column."""
    rows = 3_000_000
    intended_s, done_s = clock(rows)
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"intended_s": intended_s, "done_s": done_s}), path, row_group_size=rows)
    add, arrow, before = Pool.add, [], pa.total_allocated_bytes()

    def watched(pool, values):
        arrow.append(pa.total_allocated_bytes() - before)
        add(pool, values)

    monkeypatch.setattr(Pool, "add", watched)
    tracemalloc.start()  # knows numpy's arrays too
    parquet_spread(path, ("intended_s", "done_s"), *QUANTILES)
    python = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert python < 8 * rows + 4 * MEBIBYTE
    assert max(arrow) < 16 * MEBIBYTE


def test_a_pool_holds_what_it_was_given_up_to_its_capacity():
    pool = Pool(3)
    pool.add(np.array([1.0, np.nan]))
    pool.add(np.array([2.0, 4.0]))
    assert len(pool) == 3
    assert pool.spread("p50", "max") == {"p50": 2, "max": 4}


def test_a_sealed_trial_has_the_figures_of_its_frame(tmp_path):
    """Read chunk by chunk or given as a frame, one window or two: the same figures, counts and failures."""
    first = requests(
        request(0.0, took_s=0.1),
        request(0.1, took_s=2.0, status=None, cause="timeout"),
        request(0.2, took_s=None, status=None, cause="refused"),
        request(0.3, took_s=0.3, status=503, cause="status"),
        request(0.4, sent_s=None, took_s=None, status=None, cause="dropped"),
    )
    second = requests(*[request(at / 100, took_s=0.01 + at / 1e6, path=f"/{at % 7}/") for at in range(70_000)])
    trials = [trial_of(tmp_path / name, frame) for name, frame in (("1", first), ("2", second))]
    for frames, sealed in (([first], trials[:1]), ([first, second], trials)):
        assert figures(sealed, window_s=5.0) == figures(frames, window_s=5.0)
    assert row_count(tmp_path / "2" / "requests.parquet") == trials[1].rows("requests") == 70_000
    assert len(list(trials[1].chunks("requests", ["intended_s"]))) > 1


def test_requests_come_back_as_they_were_sealed(tmp_path):
    """Every type of a column, with nulls, also in batches."""
    rows = [
        {"index": 0, **request(1.0, cache="HIT", content_version="p=1", server_total_ms=0.5)},
        {"index": 2, **request(1.5, took_s=None, status=None, cause="refused")},
        {"index": 1, **request(float("inf"), kind="write", path="/q/")},
    ]
    table = table_of(rows, REQUESTS)
    write_parquet(table, tmp_path / "x.parquet")
    assert pq.read_table(tmp_path / "x.parquet").equals(table)
    read = pa.Table.from_batches(batches(tmp_path / "x.parquet", REQUESTS.names))
    assert read.to_pylist() == table.to_pylist()


def test_what_many_workers_heard_of_the_cache_is_sealed(tmp_path):
    """Each keeps words of its own, up to a hundred; a column of all of them holds more than a byte can number."""
    heard = [
        [{"index": 100 * worker + number, **request(1.0, cache=f"{worker}, {number}")} for number in range(100)]
        for worker in range(4)
    ]
    copy_to_parquet((pa.RecordBatch.from_pylist(rows, REQUESTS) for rows in heard), REQUESTS, tmp_path / "x.parquet")
    read = pq.read_table(tmp_path / "x.parquet", columns=["cache"])
    assert read["cache"].to_pylist() == [row["cache"] for rows in heard for row in rows]


def test_lists_come_back_as_they_were_sealed(tmp_path):
    event = {"id": "1", "pid": 1, "epoch": 1, "strategy": "s", **write(1, 1.0, 2.0, entries=("a", "b"))}
    table = table_of([event], ORIGIN)
    write_parquet(table, tmp_path / "x.parquet")
    assert pq.read_table(tmp_path / "x.parquet").equals(table)


def test_times_take_less_room_than_by_arrows_defaults(tmp_path):
    """Times of one clock differ in their low bytes only; they are split into bytes before they are compressed."""
    intended_s, done_s = clock(100_000)
    table = pa.table({"intended_s": intended_s, "done_s": done_s})
    write_parquet(table, tmp_path / "ours.parquet")
    pq.write_table(table, tmp_path / "default.parquet", compression="zstd")
    ours, default = ((tmp_path / f"{name}.parquet").stat().st_size for name in ("ours", "default"))
    assert ours < 0.75 * default
