"""Exact quantiles of raw samples, and None where there is nothing to take one of.

Method: linear interpolation between order statistics (Hyndman and Fan 1996, type 7), the default of numpy, pandas
and R, so whoever recomputes a figure from the Parquet files gets the same number. Never sketches: t-digest and
its kin are far off on spike-shaped data.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def quantile(values: npt.ArrayLike, q: float) -> float | None:
    """The ``q`` quantile of the values that are numbers; None of none."""
    known = _known(values)
    return _select(known, {q})[q] if known.size else None


def spread(values: npt.ArrayLike, *keys: str) -> dict[str, float | None]:
    """The figures named: ``mean``, ``max``, ``iqr`` (p75 - p25), or ``p`` and digits (``p999`` is 0.999).

    NaN stands for "not measured" and is left out; with nothing left every figure is None.
    """
    return spread_in_place(_known(values), *keys)


def spread_in_place(known: Floats, *keys: str) -> dict[str, float | None]:
    """The same of an array without NaN that nobody needs any more: it is not copied, and its order is lost."""
    if not known.size:
        return dict.fromkeys(keys)
    # Before anything moves: how a sum is rounded depends on the order, and the mean shall be numpy's.
    found = {"mean": float(known.mean()), "max": float(known.max())}
    fractions = {key: _fractions(key) for key in keys if key not in found}
    selected = _select(known, {q for parts in fractions.values() for q in parts})
    for key, (low, *high) in fractions.items():
        found[key] = selected[high[0]] - selected[low] if high else selected[low]
    return {key: found[key] for key in keys}


def _fractions(key: str) -> tuple[float, ...]:
    return (0.25, 0.75) if key == "iqr" else (float(f"0.{key.removeprefix('p')}"),)


def _select(known: Floats, fractions: Iterable[float]) -> dict[float, float]:
    """The quantile at each fraction, and the order of ``known`` is lost.

    Fractions go upwards, so each selection looks only at what lies above the last. numpy selects with SIMD
    instructions only when asked for a single place: all places in one call take four times as long.
    """
    selected, settled = {}, 0
    for q in sorted(fractions):
        place = (known.size - 1) * q
        below = int(place)
        known[settled:].partition(below - settled)
        settled = below
        above = known[below + 1 :]
        low = float(known[below])
        selected[q] = _between(low, float(above.min()) if above.size else low, place - below)
    return selected


def _between(low: float, high: float, weight: float) -> float:
    """Linear interpolation from the nearer end, as numpy does it, so that the last bit agrees too."""
    gap = high - low
    return high - gap * (1 - weight) if weight >= 0.5 else low + gap * weight


def _known(values: npt.ArrayLike) -> Floats:
    """A copy of the values that are numbers."""
    array = np.asarray(values, dtype=np.float64)
    return array[~np.isnan(array)]


def ratio(part: float | None, whole: float | None) -> float | None:
    """``part / whole``; None where either is unknown or there is no whole."""
    return None if part is None or not whole else part / whole


def known_sum(values: npt.ArrayLike) -> float | None:
    """The sum, or None as soon as one of the values is unknown: a sum with a hole is not the sum."""
    array = np.asarray(values, dtype=np.float64)
    return None if not array.size or np.isnan(array).any() else float(array.sum())


def some_sum(values: npt.ArrayLike) -> float | None:
    """The sum of those that are known, for what a killed process leaves unrecorded; None where none is."""
    array = np.asarray(values, dtype=np.float64)
    return None if array.size and np.isnan(array).all() else float(np.nansum(array))


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
