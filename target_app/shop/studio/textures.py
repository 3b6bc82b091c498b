"""Tileable noise fields that every glaze is mixed from. Made once for a process, the same on every machine."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft2, rfft2
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

Field = NDArray[np.float32]

SIDE = 1024
"""Texels along each side; a power of two, so that wrapping is one bitwise and."""


def smoothstep(low: float, high: float, value: Field) -> Field:
    """0 below ``low``, 1 above ``high``, a smooth ramp between."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def lookup(field: Field, u: Field, v: Field) -> Field:
    """The field's nearest texel at texel coordinates (u, v), wrapped."""
    mask = SIDE - 1
    return field.ravel()[((v.astype(np.int32) & mask) << 10) | (u.astype(np.int32) & mask)]


@cache
def cloud() -> Field:
    """Broad, soft variation: standard deviation 1, most of it in large shapes."""
    return _filtered(11, lambda fu, fv: 1 / (1 + (np.hypot(fu, fv) / 3) ** 2.1))


@cache
def mottle() -> Field:
    """Patches of about 30 texels."""
    return _filtered(12, lambda fu, fv: _band(np.hypot(fu, fv), 30, 1.2))


@cache
def streak() -> Field:
    """Runs of glaze: long downwards, narrow across."""
    return _filtered(13, lambda fu, fv: _band(np.abs(fu), 14, 1.5) * np.exp(-((fv / 3.5) ** 2)))


@cache
def fine() -> Field:
    """Grain of a few texels, for clay bodies and matt surfaces."""
    return _filtered(14, lambda fu, fv: _band(np.hypot(fu, fv), 190, 0.5))


@cache
def ripple() -> tuple[Field, Field]:
    """Slopes along u and v of a surface as uneven as fired glaze, standard deviation about 1."""
    height = _filtered(15, lambda fu, fv: _band(np.hypot(fu, fv), 20, 0.8) + 0.12 * _band(np.hypot(fu, fv), 90, 0.5))
    slope_u = (np.roll(height, -1, 1) - np.roll(height, 1, 1)) / 2
    slope_v = (np.roll(height, -1, 0) - np.roll(height, 1, 0)) / 2
    scale = float(np.hypot(slope_u.std(), slope_v.std()))
    return slope_u / scale, slope_v / scale


@cache
def specks() -> Field:
    """Iron specks between 0 and 1: many faint ones, a few large and dark."""
    rng = np.random.default_rng(16)
    total = np.zeros((SIDE, SIDE), np.float32)
    for sigma, count in ((0.8, 5200), (1.3, 1500), (2.1, 260)):
        dots = np.zeros((SIDE, SIDE), np.float32)
        dots[rng.integers(0, SIDE, count), rng.integers(0, SIDE, count)] = rng.uniform(0.35, 1, count)
        total = np.maximum(total, gaussian_filter(dots, sigma, mode="wrap") * (2 * np.pi * sigma**2) * 1.4)
    return np.clip(total, 0, 1)


@cache
def crackle() -> Field:
    """A net of fine lines, 1 on a line: the borders between scattered points, two generations of them."""
    coarse, fine_net = _net(17, 260, 0.0030), _net(18, 900, 0.0020)
    return np.maximum(coarse, 0.55 * fine_net)


@cache
def film() -> Field:
    """Grain of film, a little coarser than a pixel: standard deviation 1."""
    white = np.random.default_rng(19).standard_normal((SIDE, SIDE), dtype=np.float32)
    grain = 0.6 * white + 0.9 * gaussian_filter(white, 0.9, mode="wrap")
    return grain / grain.std()


def _net(seed: int, points: int, width: float) -> Field:
    rng = np.random.default_rng(seed)
    tree = cKDTree(rng.random((points, 2)), boxsize=1)
    side = SIDE // 2
    v, u = np.mgrid[0:side, 0:side] / side
    # Bent a little, since a craze line is never quite straight.
    u = (u + 0.012 * np.sin(2 * np.pi * (3 * v + 0.2))) % 1
    v = (v + 0.012 * np.sin(2 * np.pi * (2 * u + 0.6))) % 1
    distances, _ = tree.query(np.column_stack((u.ravel(), v.ravel())), k=2)
    border = (distances[:, 1] - distances[:, 0]).reshape(side, side)
    line = np.clip(1 - border / width, 0, 1).astype(np.float32)
    return np.kron(line, np.ones((2, 2), np.float32))


def _band(frequency: Field, centre: float, width: float) -> Field:
    """A bell around ``centre`` cycles a tile, ``width`` octaves and a bit wide."""
    return np.exp(-((np.log2(np.maximum(frequency, 0.25) / centre) / width) ** 2))


def _filtered(seed: int, response: Callable[[Field, Field], Field]) -> Field:
    """Noise whose spectrum is ``response``, a function of the frequencies along u and v in cycles a tile."""
    white = np.random.default_rng(seed).standard_normal((SIDE, SIDE)).astype(np.float32)
    fu = np.fft.rfftfreq(SIDE, 1 / SIDE)[None, :].astype(np.float32)
    fv = np.fft.fftfreq(SIDE, 1 / SIDE)[:, None].astype(np.float32)
    spectrum = rfft2(white) * response(fu, fv)
    spectrum[0, 0] = 0
    field = irfft2(spectrum, s=white.shape).astype(np.float32)
    return field / field.std()
