"""Which point of a pot each pixel sees: an orthographic camera looks down on a surface of revolution.

Axes are x to the right, y up, z towards the viewer; millimetres. The camera sees a point at
``(x, y cos p - z sin p)``, where p is its pitch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from target_app.shop.studio.forms import Section

Array = NDArray[np.float32]
Whole = NDArray[np.int32]

_CHUNK = 48
"""Most samples laid out at once."""
_TURN = 0.4
"""Most the outline may turn within a chunk, radians: so no part of a chunk hides another part of it."""
_SPACING = 0.75
"""Distance of the points laid out, in pixels; beyond 0.8 there are holes."""


@dataclass(frozen=True, slots=True)
class View:
    """The visible points of one pot, one value for each covered pixel of a box around it."""

    rows: Whole
    columns: Whole
    shape: tuple[int, int]
    left_px: int
    """Column of the box's left edge, counted from the pot's axis."""
    top_px: int
    """Row of the box's top edge, counted downwards from the foot's centre."""
    sample: Whole
    """Index into the section."""
    x: Array
    z: Array

    def parts(self, size: int) -> Iterator[View]:
        """The same view, ``size`` pixels at a time."""
        for start in range(0, len(self.x), size):
            cut = slice(start, start + size)
            arrays = {name: getattr(self, name)[cut] for name in ("rows", "columns", "sample", "x", "z")}
            yield replace(self, **arrays)


def look_at(section: Section, pitch_rad: float, px_per_mm: float) -> View:
    """Find what each pixel sees, by laying the surface out in points closer together than pixels.

    Only the right half is laid out; the left is its mirror image.
    """
    sin_p, cos_p = np.float32(np.sin(pitch_rad)), np.float32(np.cos(pitch_rad))
    reach = float(section.radius.max())
    width = int(reach * px_per_mm) + 2
    top = int(-(float(section.height.max()) * cos_p + reach * sin_p) * px_per_mm) - 3
    rows = int(reach * sin_p * px_per_mm) + 4 - top
    depth = np.full(rows * width, -np.inf, np.float32)
    # Sample index counted from 1; negative on the far half of the turn, 0 where there is nothing.
    seen = np.zeros(rows * width, np.int32)
    for start, end in pairwise(_chunks(section)):
        part = slice(start, end)
        r, y = section.radius[part, None], section.height[part, None]
        lean, out = section.normal_y[part, None] * sin_p, section.normal_r[part, None] * cos_p
        turn = _visible_turn(lean, out, float(r.max()) * px_per_mm)
        cos_t = np.cos(turn)
        facing = lean + out * cos_t > 0
        index = (np.arange(start + 1, start + 1 + len(r), dtype=np.int32)[:, None] * np.where(cos_t < 0, -1, 1))[facing]
        x, z = (r * np.sin(turn))[facing], (r * cos_t)[facing]
        y = np.broadcast_to(y, facing.shape)[facing]
        spot = ((z * sin_p - y * cos_p) * px_per_mm - top).astype(np.int32) * width + (x * px_per_mm).astype(np.int32)
        distance = y * sin_p + z * cos_p
        nearer = distance > depth[spot]
        spot = spot[nearer]
        depth[spot], seen[spot] = distance[nearer], index[nearer]
    half = _without_pinholes(seen.reshape(rows, width))
    return _view(section, np.concatenate((half[:, ::-1], half), axis=1), px_per_mm, top)


def _chunks(section: Section) -> list[int]:
    """Where the outline is cut: indices of the first sample of each chunk, and the end."""
    direction = np.unwrap(np.arctan2(section.normal_y, section.normal_r))
    turned = np.concatenate(([0], np.cumsum(np.abs(np.diff(direction)))))
    cuts = [0]
    while cuts[-1] < len(turned):
        within = int(np.searchsorted(turned, turned[cuts[-1]] + _TURN))
        cuts.append(min(max(within, cuts[-1] + 1), cuts[-1] + _CHUNK, len(turned)))
    return cuts


def _visible_turn(lean: Array, out: Array, radius_px: float) -> Array:
    """Angles from the viewer's side (0) to the far one (pi) within which some point of a chunk faces the camera."""
    limit = np.arccos(np.clip(-lean / np.where(np.abs(out) < 1e-4, 1e-4, out), -1, 1))
    first, last = np.float32(0), np.float32(np.pi)
    if (out > 0).all():
        last = limit.max()
    elif (out < 0).all():
        first = limit.min()
    return np.linspace(first, last, max(int((last - first) * radius_px / _SPACING), 4), dtype=np.float32)


def _without_pinholes(seen: Whole) -> Whole:
    """Fill pixels that no point fell into but whose neighbours on both sides are covered."""
    filled = seen.copy()
    for axis in (0, 1):
        before, after = np.roll(filled, 1, axis), np.roll(filled, -1, axis)
        hole = (filled == 0) & (before != 0) & (after != 0)
        filled[hole] = before[hole]
    return filled


def _view(section: Section, seen: Whole, px_per_mm: float, top: int) -> View:
    rows, columns = np.nonzero(seen)
    signed = seen[rows, columns]
    sample = np.abs(signed) - 1
    left = -seen.shape[1] // 2
    x = ((columns + left + 0.5) / px_per_mm).astype(np.float32)
    z = np.sqrt(np.maximum(section.radius[sample] ** 2 - x**2, 0)) * np.sign(signed).astype(np.float32)
    return View(rows.astype(np.int32), columns.astype(np.int32), seen.shape, left, top, sample, x, z)
