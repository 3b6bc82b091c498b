"""The colour of each visible point: glaze over clay under two soft boxes and a bright room. Linear light throughout."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from target_app.shop.studio import textures as tx
from target_app.shop.studio.forms import Form, Section
from target_app.shop.studio.glazes import Glaze, linear
from target_app.shop.studio.pot import View
from target_app.shop.studio.textures import smoothstep

Array = NDArray[np.float32]


def _unit(x: float, y: float, z: float) -> Array:
    vector = np.array([x, y, z], np.float32)
    return vector / np.linalg.norm(vector)


KEY = _unit(-0.66, 0.60, 0.45)
"""Direction to the main light: a large window to the left, above and in front."""
WINDOW = _unit(-0.74, 0.30, 0.50)
"""Where surfaces mirror that window: it reaches down to the table, its middle is lower than its brightest part."""
STRIP = _unit(0.92, 0.22, 0.10)
"""A narrow reflector on the right that draws the other edge."""
IRON = np.array([0.045, 0.022, 0.012], np.float32)


@dataclass(frozen=True, slots=True)
class Points:
    """The visible points with what the section says of each; ``inner`` is 1 inside the pot, 0 outside."""

    x: Array
    z: Array
    radius: Array
    height: Array
    normal_r: Array
    normal_y: Array
    bend: Array
    inner: Array
    u: Array
    v: Array


@dataclass(frozen=True, slots=True)
class Surface:
    """What the points are made of, after the glaze has been mixed."""

    colour: Array
    gloss: Array
    rough: float
    relief: float


def shade(view: View, section: Section, form: Form, glaze: Glaze, *, px_per_mm: float, pitch_rad: float,
          surroundings: Array, seed: int) -> Array:  # fmt: skip
    """Linear RGB of each covered pixel, shape (pixels, 3). ``surroundings`` is the backdrop's linear RGB."""
    points = _points(view, section, px_per_mm, seed)
    surface = _mix(points, section, form, glaze)
    nx, ny, nz = _normals(points, surface.relief)
    sin_p, cos_p = np.float32(np.sin(pitch_rad)), np.float32(np.cos(pitch_rad))
    toward = np.clip(ny * sin_p + nz * cos_p, 0, 1)
    shadow, openness = _inside_light(points, section)
    key = nx * KEY[0] + ny * KEY[1] + nz * KEY[2]
    key = np.clip((key + 0.25) / 1.25, 0, 1)
    key = key * np.sqrt(key) * (1 - 0.8 * shadow)
    near_ground = np.exp(points.height * np.float32(-1 / (0.16 * section.radius.max() + 6)))
    neutral = (1.18 * key + (0.085 + 0.07 * nx) + (0.09 + 0.09 * ny)) * openness
    bounce = (0.11 - 0.11 * ny) * openness * (1 - 0.75 * near_ground)
    light = neutral[:, None] * np.array([1.0, 0.985, 0.96], np.float32) + bounce[:, None] * surroundings
    grazing = (1 - toward) ** 2
    fresnel = (0.042 + 0.80 * grazing * grazing * (1 - toward)) * surface.gloss
    mirror, floor = _reflection(nx, ny, nz, toward, sin_p, cos_p, surface.rough)
    shine = fresnel * (0.35 + 0.65 * openness) * (1 - 0.6 * near_ground)
    colour = surface.colour * light * (1 - fresnel)[:, None]
    return colour + (shine * mirror)[:, None] + (shine * floor)[:, None] * surroundings


def _points(view: View, section: Section, px_per_mm: float, seed: int) -> Points:
    """Gather the section's values, and texels: wound round the outside, laid flat over the inside."""
    height, normal_y = section.height[view.sample], section.normal_y[view.sample]
    inside = section.inside[view.sample]
    # About one texel to a pixel on large pieces; small ones show the same specks larger, as they would.
    scale = np.float32(np.clip(px_per_mm * 0.9, 1.3, 6.5))
    girth = np.float32(0.8 * section.radius.max())
    flat = inside | (normal_y > 0.8)
    offset = np.random.default_rng(seed).integers(4096, 60000, 2).astype(np.float32)
    return Points(
        x=view.x,
        z=view.z,
        radius=np.maximum(section.radius[view.sample], 0.2),
        height=height,
        normal_r=section.normal_r[view.sample],
        normal_y=normal_y,
        bend=section.bend[view.sample],
        inner=inside.astype(np.float32),
        u=np.where(flat, view.x, np.arctan2(view.x, view.z) * girth) * scale + offset[0],
        v=np.where(flat, view.z - height, -section.along[view.sample]) * scale + offset[1],
    )


def _mix(points: Points, section: Section, form: Form, glaze: Glaze) -> Surface:
    """Thickness of the glaze, then its colour: thin on edges, thick in hollows and towards the foot."""
    u, v, outer = points.u, points.v, 1 - points.inner
    top = np.float32(section.height.max())
    cloud, mottle = tx.lookup(tx.cloud(), u * 0.6, v * 0.6), tx.lookup(tx.mottle(), u, v)
    grain = tx.lookup(tx.fine(), u, v)
    uneven = glaze.cloud * cloud + glaze.mottle * mottle
    if glaze.streak:
        run = tx.lookup(tx.streak(), u * 0.8 + 9 * cloud, v * 0.5)
        uneven += glaze.streak * run * (0.5 + 0.5 * outer)
    edge = smoothstep(0.04, 0.34, points.bend * (1 + 0.10 * mottle))
    pool = 0.8 * smoothstep(0.0, 0.10, -points.bend) + 0.25 * points.inner
    lower = (1 - points.height / top) * outer * 0.3
    thick = np.clip(0.9 * uneven + pool + lower - 0.15, 0, 1)[:, None]
    thin = np.clip(edge + np.clip(-0.8 * uneven - 0.32, 0, 0.75), 0, 1)[:, None]
    colour = linear(glaze.base) + (linear(glaze.thick) - linear(glaze.base)) * thick
    colour += (linear(glaze.thin) - colour) * thin
    lines = tx.lookup(tx.crackle(), u * 0.7, v * 0.7) * glaze.crackle if glaze.crackle else np.float32(0)
    colour *= ((1 - 0.5 * lines) * (1 + glaze.grain * grain))[:, None]
    if glaze.specks:
        colour += (IRON - colour) * (tx.lookup(tx.specks(), u, v) * glaze.specks)[:, None]
    gloss = np.float32(glaze.gloss) * (1 - 0.3 * lines) * np.ones_like(u)
    if form.bare:
        # A pot dipped by hand: the edge wavers, and the glaze stops in a thick roll.
        line = top * form.bare + (0.010 * top + 0.5) * cloud + 0.4 * mottle
        covered = np.maximum(smoothstep(-0.7, 0.7, points.height - line), points.inner)
        clay = linear(glaze.clay) * (1 + 0.10 * grain + 0.08 * cloud)[:, None]
        colour = clay + (colour - clay) * covered[:, None]
        colour *= (1 - 0.30 * np.exp(-(((covered - 0.62) / 0.22) ** 2)))[:, None]
        gloss *= 0.06 + 0.94 * covered
    return Surface(np.clip(colour, 0.003, 0.92), gloss, glaze.rough, 0.65 * glaze.bump)


def _normals(points: Points, relief: float) -> tuple[Array, Array, Array]:
    """Unit normals, roughened by the fired surface."""
    nr, ny = points.normal_r, points.normal_y
    sin_t, cos_t = np.clip(points.x / points.radius, -1, 1), np.clip(points.z / points.radius, -1, 1)
    slope_u, slope_v = tx.ripple()
    a = relief * tx.lookup(slope_u, points.u * 0.7, points.v * 0.7)
    b = relief * tx.lookup(slope_v, points.u * 0.7, points.v * 0.7)
    around = nr - b * ny
    nx, up, nz = around * sin_t - a * cos_t, ny + b * nr, around * cos_t + a * sin_t
    shorten = 1 / np.sqrt(nx * nx + up * up + nz * nz)
    return nx * shorten, up * shorten, nz * shorten


def _inside_light(points: Points, section: Section) -> tuple[Array, Array]:
    """Shadow that the rim throws into the pot (0 to 1), and the share of the room a point sees."""
    crease = 1 - 0.55 * smoothstep(0.03, 0.30, -points.bend)
    # Little light reaches the last millimetres above the table.
    lifted = 0.40 + 0.60 * smoothstep(-1.0, 16.0, points.height)
    if not section.inside.any():
        return np.zeros_like(crease), crease * lifted
    rim_y, rim_r = float(section.height[section.lip]), max(float(section.radius[section.lip]) - 2.5, 1.0)
    below = np.maximum(rim_y - points.height, 0)
    reach = below / KEY[1]
    away = np.hypot(points.x + reach * KEY[0], points.z + reach * KEY[2])
    blur = 0.10 * rim_r + 0.35 * below
    shadow = np.clip((away - rim_r) / np.maximum(blur, 0.5) + 0.5, 0, 1) * points.inner
    deep = below / (1.25 * rim_r)
    hollow = 1 / (1 + deep * np.sqrt(deep))
    return shadow, crease * (lifted + (hollow - lifted) * points.inner)


def _reflection(nx: Array, ny: Array, nz: Array, toward: Array, sin_p: np.float32, cos_p: np.float32,
                rough: float) -> tuple[Array, Array]:  # fmt: skip
    """Brightness of the lights and the room that the surface mirrors, and its share of the floor's colour."""
    rx, ry, rz = 2 * toward * nx, 2 * toward * ny - sin_p, 2 * toward * nz - cos_p
    window = _panel(rx, ry, rz, WINDOW, 0.32, 1.05, rough) * (13.0 - 11.0 * rough)
    strip = _panel(rx, ry, rz, STRIP, 0.12, 0.9, rough) * 1.9
    floor = smoothstep(-0.1 - rough, 0.35 + rough, -ry)
    room = (0.30 + 0.55 * smoothstep(-0.3, 1.0, ry)) * (1 - floor)
    return window + strip + room, 0.75 * floor


def _panel(rx: Array, ry: Array, rz: Array, towards: Array, half_width: float, half_height: float,
           rough: float) -> Array:  # fmt: skip
    """Brightness of a rectangular light in mirror direction (rx, ry, rz), its edges blurred by roughness."""
    across = np.cross(np.array([0, 1, 0], np.float32), towards)
    across = across / np.linalg.norm(across)
    upward = np.cross(towards, across)
    facing = rx * towards[0] + ry * towards[1] + rz * towards[2]
    safe = 1 / np.maximum(facing, 0.05)
    a = np.abs(rx * across[0] + rz * across[2]) * safe
    b = np.abs(rx * upward[0] + ry * upward[1] + rz * upward[2]) * safe
    soft = 0.06 + 1.1 * rough
    spread = np.float32(((half_width / (half_width + soft)) * (half_height / (half_height + soft))) ** 0.5)
    lit = smoothstep(-soft, soft, half_width - a) * smoothstep(-soft, soft, half_height - b)
    return lit * (facing > 0.05) * spread
