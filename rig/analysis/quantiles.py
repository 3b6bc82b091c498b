"""Exact quantiles of raw samples, and None where there is nothing to take one of.

Method: linear interpolation between order statistics (Hyndman and Fan 1996, type 7), the default of numpy, pandas
and R, so whoever recomputes a figure from the Parquet files gets the same number. Never sketches: t-digest and
its kin are far off on spike-shaped data.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def quantile(values: npt.ArrayLike, q: float) -> float | None:
    """The ``q`` quantile of the values that are numbers; None of none."""
    known = _known(values)
    return float(np.quantile(known, q)) if known.size else None


def spread(values: npt.ArrayLike, *keys: str) -> dict[str, float | None]:
    """The figures named: ``mean``, ``max``, ``iqr`` (p75 - p25), or ``p`` and digits (``p999`` is 0.999).

    NaN stands for "not measured" and is left out; with nothing left every figure is None.
    """
    known = _known(values)
    return {key: _figure(known, key) if known.size else None for key in keys}


def _figure(known: Floats, key: str) -> float:
    if key == "mean":
        return float(known.mean())
    if key == "max":
        return float(known.max())
    if key == "iqr":
        low, high = np.quantile(known, (0.25, 0.75))
        return float(high - low)
    return float(np.quantile(known, float(f"0.{key.removeprefix('p')}")))


def _known(values: npt.ArrayLike) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    return array[~np.isnan(array)]


def ratio(part: float | None, whole: float | None) -> float | None:
    """``part / whole``; None where either is unknown or there is no whole."""
    return None if part is None or not whole else part / whole


def known_sum(values: npt.ArrayLike) -> float | None:
    """The sum, or None as soon as one of the values is unknown: a sum with a hole is not the sum."""
    array = np.asarray(values, dtype=np.float64)
    return None if not array.size or np.isnan(array).any() else float(array.sum())


def plain(value: Any) -> Any:
    """``value`` in JSON's own types; what is not a finite number becomes None, never NaN."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    return value
