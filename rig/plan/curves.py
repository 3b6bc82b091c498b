"""Rate curves: how the offered rate moves over a window, as straight lines between points.

A point is (share of the window, factor on the rate); two points at one share are a jump.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from rig.model import UsageError

Curve = tuple[tuple[float, float], ...]

CURVES: dict[str, Curve] = {
    "steady": ((0, 1), (1, 1)),
    "ramp": ((0, 0.1), (1, 1)),
    "spike": ((0, 1), (0.4, 1), (0.4, 4), (0.6, 4), (0.6, 1), (1, 1)),
    # What a soak looks for (leaks, drift) shows in time, not in shape: the rate rises once and stays.
    "soak": ((0, 0.2), (0.05, 1), (1, 1)),
}


def curve_named(name: str) -> Curve:
    """The curve of that name.

    Raises:
        UsageError: there is none; names those there are.
    """
    if name not in CURVES:
        raise UsageError(f"rate curve {name!r}: there is none; there are {', '.join(CURVES)}")
    return CURVES[name]


def offered(curve: Curve, rate_rps: float, window_s: float) -> float:
    """Requests expected over the window: the area under the curve."""
    return float(_areas(*_lines(curve, rate_rps, window_s))[-1])


def rate_at(curve: Curve, shares: Iterable[float]) -> list[float]:
    """The factor on the rate at each share of the window; at a jump the later one."""
    at, factor = np.array(curve, float).T
    found = []
    for share in shares:
        right = min(int(np.searchsorted(at, share, side="right")), len(at) - 1)
        left, width = right - 1, at[right] - at[right - 1]
        part = (share - at[left]) / width if width else 1.0
        found.append(float(factor[left] + part * (factor[right] - factor[left])))
    return found


def at_area(curve: Curve, rate_rps: float, window_s: float, area: NDArray[np.float64]) -> NDArray[np.float64]:
    """The instants at which the area under the curve reaches ``area`` (ascending requests since the start).

    Maps evenly spaced areas to evenly spread arrivals, and uniformly drawn areas to an inhomogeneous Poisson process
    (Çinlar 1975, inversion).
    """
    begin, rate, length, slope = _lines(curve, rate_rps, window_s)
    areas = _areas(begin, rate, length, slope)
    line = np.clip(np.searchsorted(areas, area, side="right") - 1, 0, len(begin) - 1)
    inside = area - areas[line]
    # Root of rate·t + slope·t²/2 = inside in the form that also holds where the slope is 0.
    root = np.sqrt(np.maximum(rate[line] ** 2 + 2 * slope[line] * inside, 0))
    found: NDArray[np.float64] = begin[line] + 2 * inside / (rate[line] + root)
    return found


def _lines(curve: Curve, rate_rps: float, window_s: float) -> tuple[NDArray[np.float64], ...]:
    """Begin, rate there, length and slope of each straight line; jumps have no length and are left out."""
    at, factor = np.array(curve, float).T
    at, rate = at * window_s, factor * rate_rps
    length = np.diff(at)
    kept = length > 0
    slope = np.diff(rate)[kept] / length[kept]
    return at[:-1][kept], rate[:-1][kept], length[kept], slope


def _areas(
    begin: NDArray[np.float64], rate: NDArray[np.float64], length: NDArray[np.float64], slope: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Area under the curve at the begin of each line, and at the end of the last."""
    return np.concatenate([[0.0], np.cumsum(rate * length + slope * length**2 / 2)])
