"""A photograph: pots on a paper sweep or a shelf, their shadows, the lens and the film."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from target_app.shop.pieces import Piece
from target_app.shop.studio import textures as tx
from target_app.shop.studio.forms import FORMS, Section, section
from target_app.shop.studio.glazes import GLAZES, linear
from target_app.shop.studio.pot import look_at
from target_app.shop.studio.shading import KEY, shade
from target_app.shop.studio.textures import smoothstep

Array = NDArray[np.float32]


_BLOCK = 16_384
"""Pixels shaded at a time: the hundred arrays in between then stay in the processor's cache."""
_STRIP = 30
"""Rows developed at a time, for the same reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Size of the picture, what of the world it shows, and what stands behind."""

    width_px: int
    height_px: int
    px_per_mm: float
    pitch_deg: float
    ground_y_px: float
    """Row where the world's origin lies, from the top."""
    backdrop: str
    seed: int
    oversample: float = 1.4
    """How much larger than shown the pots are computed, for smooth edges."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A pot and where its foot stands: x to the right of the middle, z towards the viewer, mm."""

    piece: Piece
    x_mm: float = 0.0
    z_mm: float = 0.0


def photograph(frame: Frame, pots: Sequence[Placed]) -> Image.Image:
    """Render the scene to an 8-bit RGB picture."""
    pitch = float(np.radians(frame.pitch_deg))
    step = 0.45 / (frame.px_per_mm * frame.oversample)
    sections = [section(pot.piece, step, pitch) for pot in pots]
    picture = _backdrop(frame, _shadows(frame, pots, sections, pitch))
    for pot, outline in sorted(zip(pots, sections, strict=True), key=lambda pair: pair[0].z_mm):
        _set_down(picture, frame, pot, outline, pitch)
    return _develop(picture, frame)


def _backdrop(frame: Frame, dark: Array) -> Array:
    """Seamless paper: bright towards the window, a soft turn from table to wall, the lens' dark corners."""
    u, v = _coarse_grid(frame)
    light = 0.88 + 0.36 * np.exp(-(((u - 0.28) / 0.62) ** 2) - (((v - 0.42) / 0.55) ** 2))
    light = light * (0.84 + 0.18 * smoothstep(0.30, 0.66, v)) - 0.10 * smoothstep(0.72, 1.1, v)
    light = light * (1 - 0.36 * ((u - 0.5) ** 2 + (v - 0.5) ** 2))
    paper = 1 + 0.010 * _patch(tx.cloud(), frame) + 0.008 * _patch(tx.fine(), frame)
    # Shadows are cooler than the light: what fills them is the room, not the window.
    bands = zip(linear(frame.backdrop), (0.90, 0.875, 0.84), strict=True)
    return np.stack([_full_size(light * colour * (1 - depth * dark), frame) * paper for colour, depth in bands], axis=2)


def _shadows(frame: Frame, pots: Sequence[Placed], sections: Sequence[Section], pitch: float) -> Array:
    """Darkness of the ground, 0 to 1, coarse: a long soft shadow away from the window, a dark seam under each foot."""
    u, v = _coarse_grid(frame)
    gx = (u - 0.5) * frame.width_px / frame.px_per_mm
    gz = (v * frame.height_px - frame.ground_y_px) / frame.px_per_mm / np.float32(np.sin(pitch))
    light = np.ones_like(gx)
    slope_x, slope_z = -KEY[0] / KEY[1] * 0.9, -KEY[2] / KEY[1] * 0.55
    for pot, outline in zip(pots, sections, strict=True):
        px, pz = gx - pot.x_mm, gz - pot.z_mm
        cast = np.zeros_like(gx)
        for i in np.linspace(0, outline.lip, 12).astype(int):
            h, r = float(outline.height[i]), float(outline.radius[i])
            blur = 5 + 0.60 * h
            away = np.hypot(px - slope_x * h, pz - slope_z * h)
            # A disc smaller than its blur throws a fainter shadow.
            cast = np.maximum(cast, smoothstep(-blur, blur, r - away) * min(1.0, (r + 4) / blur * 1.4))
        foot = float(outline.radius[: max(outline.lip // 30, 2)].max())
        belly = float(outline.radius.max())
        away = np.hypot(px, pz)
        seam = np.exp(-np.maximum(away - foot, 0) / (2.0 + 0.035 * foot))
        under = np.exp(-((np.maximum(away - 0.75 * foot, 0) / (0.55 * belly + 6)) ** 2))
        light *= (1 - 0.52 * cast) * (1 - 0.62 * seam) * (1 - 0.40 * under)
    return 1 - light


def _coarse_grid(frame: Frame) -> tuple[Array, Array]:
    """Shares of the width and of the height, one point for each four pixels: enough for anything soft."""
    u = (np.arange(frame.width_px // 4, dtype=np.float32) + 0.5) * 4 / frame.width_px
    v = (np.arange(frame.height_px // 4, dtype=np.float32) + 0.5) * 4 / frame.height_px
    return np.broadcast_to(u, (len(v), len(u))), np.broadcast_to(v[:, None], (len(v), len(u)))


def _full_size(coarse: Array, frame: Frame) -> Array:
    size = (frame.width_px, frame.height_px)
    return np.asarray(Image.fromarray(coarse.astype(np.float32)).resize(size, Image.Resampling.BICUBIC))


def _patch(field: Array, frame: Frame) -> Array:
    """A piece of a texture as large as the picture, a different one for each seed."""
    shifted = np.roll(field, (frame.seed * 37 % tx.SIDE, frame.seed * 91 % tx.SIDE), (0, 1))
    repeats = (-(-frame.height_px // tx.SIDE), -(-frame.width_px // tx.SIDE))
    return np.tile(shifted, repeats)[: frame.height_px, : frame.width_px]


def _set_down(picture: Array, frame: Frame, pot: Placed, outline: Section, pitch: float) -> None:
    """Draw one pot over the picture."""
    scale = frame.px_per_mm * frame.oversample
    view = look_at(outline, pitch, scale)
    layer = np.zeros((*view.shape, 4), np.float32)
    for part in view.parts(_BLOCK):
        colours = shade(
            part, outline, FORMS[pot.piece.slug], GLAZES[pot.piece.glaze], px_per_mm=scale, pitch_rad=pitch,
            surroundings=linear(frame.backdrop), seed=sum(map(ord, pot.piece.slug)),
        )  # fmt: skip
        layer[part.rows, part.columns, :3] = np.minimum(colours, 6)
    layer[view.rows, view.columns, 3] = 1
    left = frame.width_px / 2 + pot.x_mm * frame.px_per_mm + view.left_px / frame.oversample
    top = frame.ground_y_px + pot.z_mm * np.sin(pitch) * frame.px_per_mm + view.top_px / frame.oversample
    _blend(picture, layer, float(left), float(top), frame.oversample)


def _blend(picture: Array, layer: Array, left: float, top: float, oversample: float) -> None:
    """Shrink a premultiplied layer to the picture's scale and lay it over, clipped at the picture's edges."""
    x0, y0 = int(np.floor(left)), int(np.floor(top))
    width, height = int(layer.shape[1] / oversample), int(layer.shape[0] / oversample)
    box = (0, 0, width * oversample, height * oversample)
    bands = [
        np.asarray(Image.fromarray(layer[:, :, i]).resize((width, height), Image.Resampling.HAMMING, box=box))
        for i in range(4)
    ]
    small = np.stack(bands, axis=2)
    sy, sx = (
        slice(max(-y0, 0), min(height, picture.shape[0] - y0)),
        slice(max(-x0, 0), min(width, picture.shape[1] - x0)),
    )
    part = small[sy, sx]
    target = picture[y0 + sy.start : y0 + sy.stop, x0 + sx.start : x0 + sx.stop]
    target *= 1 - part[:, :, 3:]
    target += part[:, :, :3]


def _develop(picture: Array, frame: Frame) -> Image.Image:
    """Lens glow, tone curve, grain, 8 bits."""
    glow = gaussian_filter(np.maximum(picture[::4, ::4] - 0.9, 0), (4, 4, 0))
    if glow.any():
        for band in range(3):
            picture[:, :, band] += 0.10 * _full_size(glow[:, :, band], frame)
    grain = _patch(tx.film(), frame)
    developed = np.empty(picture.shape, np.uint8)
    for start in range(0, frame.height_px, _STRIP):
        rows = slice(start, start + _STRIP)
        developed[rows] = _expose(picture[rows], grain[rows])
    return Image.fromarray(developed)


def _expose(light: Array, grain: Array) -> Array:
    """Linear light as display values, 0 to 255."""
    # A shoulder keeps highlights from clipping; a small toe keeps black glazes black.
    toned = light * (1.42 + 0.25 * light) / (1 + 0.85 * light)
    # The square root stands for the display's exponent of 2.2: a little more contrast, a tenth of the time.
    display = np.sqrt(np.clip(toned - 0.004, 0, 1))
    display += (grain * (0.017 * (1.15 - display[:, :, 1])))[:, :, None]
    return np.clip(display, 0, 1) * 255 + 0.5
