"""Exact figures over more samples than one would hold as a frame: each value once, in an array reserved once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from rig.analysis.quantiles import Floats, spread_in_place
from rig.parquet import batches, row_count


class Pool:
    """Collects values batch by batch and takes figures of all of them. 8 bytes a value, no copy, no sort.

    Memory that is reserved and not filled costs nothing, so ``capacity`` may be an upper bound.
    """

    def __init__(self, capacity: int) -> None:
        self._values: Floats = np.empty(capacity)
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def add(self, values: Floats) -> None:
        """Append the values that are numbers; NaN stands for "not measured" and is left out."""
        unknown = np.isnan(values)
        known = values[~unknown] if unknown.any() else values
        end = self._size + len(known)
        self._values[self._size : end] = known
        self._size = end

    def spread(self, *keys: str) -> dict[str, float | None]:
        """Figures of the values so far, as :func:`rig.analysis.quantiles.spread` names them; their order is lost."""
        return spread_in_place(self._values[: self._size], *keys)


def parquet_spread(path: Path, column: str | tuple[str, str], *keys: str) -> dict[str, float | None]:
    """Exact figures of one column of a Parquet file, or of the milliseconds between two columns of seconds.

    Nulls and NaN are left out. Memory is 8 bytes a row and some ten megabytes. Never by way of pandas, whose import
    alone takes more processor time than ten million samples.

    Raises:
        ValueError: the file has no such column, or it holds no numbers.
    """
    columns = (column,) if isinstance(column, str) else column
    pool = Pool(row_count(path))
    for batch in batches(path, columns):
        # A null is no number: Arrow hands numpy only columns without them.
        whole = batch.drop_null() if any(part.null_count for part in batch.columns) else batch
        first, *second = (_numbers(whole, name) for name in columns)
        pool.add((second[0] - first) * 1000 if second else first)
    return pool.spread(*keys)


def _numbers(batch: pa.RecordBatch, name: str) -> Floats:
    part = batch.column(name)
    if not (pa.types.is_floating(part.type) or pa.types.is_integer(part.type)):
        raise ValueError(f"column {name}: holds {part.type}; figures need a column of numbers")
    return np.from_dlpack(part).astype(np.float64, copy=False)
