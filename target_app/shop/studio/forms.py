"""The shapes of the pieces: half a section each, turned round its axis like clay on a wheel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from target_app.shop.pieces import Piece

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Form:
    """The outside from the foot upwards: points "r,y" in per cent of half the width and of the height.

    A bar after a point makes it a corner. ``floor`` is the share of the height where the inside ends; None is closed.
    """

    outside: str
    floor: float | None = 0.1
    wall_mm: float = 5.0
    pitch_deg: float = 13.0
    """How far the camera looks down on it."""
    bare: float = 0.08
    """Share of the height, from the foot, that was never dipped into the glaze."""
    rings_mm: float = 0.0
    """Depth of the throwing rings."""


@dataclass(frozen=True, slots=True)
class Section:
    """A form in millimetres, sampled evenly along its outline, from the foot outside to the axis inside."""

    radius: Array
    height: Array
    normal_r: Array
    normal_y: Array
    bend: Array
    """Curvature, 1/mm, positive where the outline is convex: glaze runs off there and thins."""
    along: Array
    """Length of outline from the foot, mm."""
    inside: NDArray[np.bool_]
    lip: int
    """Index of the highest point of the rim, or the last index of a closed form."""


FORMS: dict[str, Form] = {
    "supper-bowl": Form("46,0 46,7| 66,20 88,52 98.5,86 100,100", pitch_deg=24, floor=0.14),
    "noodle-bowl": Form("42,0 40,13| 62,24 84,52 95,85 100,100", pitch_deg=20, floor=0.2),
    "tide-bowl": Form("36,0 36,8| 60,24 85,58 97,90 100,100", pitch_deg=22, floor=0.14, bare=0.3),
    "fruit-bowl": Form("44,0 36,10 27,26 30,36 56,48 84,74 100,100", pitch_deg=21, floor=0.45),
    "pinch-bowl": Form("50,0 66,10 88,42 97,78 98.5,100", pitch_deg=27, floor=0.18, wall_mm=4.5, bare=0),
    "moon-jar": Form("40,0 42,3 68,14 93,34 100,51 95.5,68 75,86 50,94.5 47,96.5 49,100", pitch_deg=9, bare=0.03),
    "shoulder-vase": Form("50,0 48,4 55,20 75,46 96,68 98,80 72,91 34,94.5 27,96.5 36,100", pitch_deg=9, bare=0.07),
    "bud-vase": Form("62,0 70,4 95,20 100,34 84,54 46,72 32,84 36,95 44,100", pitch_deg=11, wall_mm=4, bare=0.08),
    "trumpet-vase": Form("60,0 62,3 66,16 54,34 44,50 50,70 74,90 100,100", pitch_deg=12, bare=0.05),
    "belly-vase": Form("48,0 52,3 84,20 100,42 93,66 66,86 58,93 64,100", pitch_deg=13, bare=0.08),
    "long-neck": Form("55,0 62,2 93,14 100,27 82,43 40,57 23.5,70 21,86 25,96 34,100", pitch_deg=8, bare=0.05),
    "sake-flask": Form("72,0 82,3 100,20 97,38 66,60 46,74 46,84 62,96 68,100", pitch_deg=11, wall_mm=4, bare=0.1),
    "oil-bottle": Form(
        "92,0 100,2.5 100,30 96,56 70,72 36,80 30,88 30,96 42,97.5 42,100", pitch_deg=10, wall_mm=4, bare=0.06,
    ),
    "gourd-bottle": Form(
        "56,0 64,2.5 95,17 100,30 84,45 50,54 50,58 66,68 66,77 40,87 25,93 28,100", pitch_deg=9, bare=0.06,
    ),
    "mallet-bottle": Form(
        "90,0 95,2 100,10 98,44 90,52 50,57 31,60 28,70 28,90 50,98.5 52,100", pitch_deg=11, bare=0.04,
    ),
    "ginger-jar": Form(
        "56,0 58,3 74,20 96,46 100,58 86,72 62,77 60,79| 66,79.5 68,81 67,86 50,93.5 16,95.5 10,96.5 14,98.5 "
        "10,99.8 0,100",
        floor=None, pitch_deg=11, bare=0.05,
    ),
    "flour-jar": Form(
        "90,0 96,2 98.5,10 98.5,74 95,77.5 93,78| 100,78.5 100,80 97,83 60,86.5 24,87.5 16,89 18,93 30,96.5 28,99 "
        "0,100",
        floor=None, pitch_deg=13, bare=0.12,
    ),
    "salt-jar": Form(
        "66,0 74,3 96,22 100,42 88,62 80,66.5 78,67| 86,68 87,70 78,76.5 34,82 17,83 15,86 24,93 20,98.5 0,100",
        floor=None, pitch_deg=16, wall_mm=4, bare=0.14,
    ),
    "tea-caddy": Form(
        "86,0 94,2 100,10 100,56 97,65.5 94,66| 98.5,67 98.5,69 96,86 82,95 30,96.5 20,97 20,99 0,100",
        floor=None, pitch_deg=15, bare=0.04,
    ),
    "honey-pot": Form(
        "60,0 70,3 97,26 100,42 84,64 70,70 68,70.5| 74,71.5 73,74 50,82 20,84.5 13,86 14,90 21,95 16,99 0,100",
        floor=None, pitch_deg=15, wall_mm=4, bare=0.08,
    ),
    "dinner-plate": Form("60,0 62,18| 82,30 95,68 100,100", pitch_deg=36, floor=0.36, wall_mm=5, bare=0),
    "side-plate": Form("56,0 58,16| 80,36 95,76 100,100", pitch_deg=34, floor=0.38, wall_mm=4.5, bare=0),
    "pasta-plate": Form("42,0 42,10| 60,26 70,68 76,84 88,90 100,100", pitch_deg=33, floor=0.22, wall_mm=4.5, bare=0),
    "platter": Form("60,0 60,14| 82,36 95,78 100,100", pitch_deg=33, floor=0.32, wall_mm=6, bare=0, rings_mm=0.35),
    "cake-plate": Form(
        "50,0 46,8 26,30 20,55 24,76 50,84 94,88 100,93 100,100", pitch_deg=21, floor=0.9, wall_mm=5, bare=0.02,
    ),
    "tea-bowl": Form(
        "42,0 43,10| 70,16 92,34 96.5,60 96,86 100,100", pitch_deg=22, floor=0.2, wall_mm=5, bare=0.22, rings_mm=0.3,
    ),
    "espresso-cup": Form("72,0 80,3 90,14 95,50 100,100", pitch_deg=20, floor=0.12, wall_mm=4, bare=0.1),
    "latte-beaker": Form("74,0 82,2 90,10 95,50 100,100", pitch_deg=17, floor=0.08, wall_mm=3.6, bare=0.3),
    "yunomi": Form("60,0 60,7| 84,12 96,30 97,70 100,100", pitch_deg=17, floor=0.14, wall_mm=3.8, bare=0.13),
    "water-beaker": Form("68,0 73,2 79,20 90,64 100,100", pitch_deg=18, floor=0.09, wall_mm=3.6, bare=0.06),
    "herb-pot": Form(
        "98,0 100,3 104,13 102,13.5 96,13 70,12.5| 75,34 85,78 86,78| 92,79 93.5,81 96,98 96,100",
        pitch_deg=18, floor=0.5, bare=0,
    ),
    "ribbed-planter": Form(
        "72,0 76,2 86,30 95,70 100,100", pitch_deg=17, floor=0.4, wall_mm=8, bare=0.0, rings_mm=2.2,
    ),
    "footed-planter": Form(
        "56,0 50,5 44,9 46,13 72,20 86,42 88,70 93,90 100,100", pitch_deg=16, floor=0.4, wall_mm=8, bare=0.06,
    ),
    "orchid-pot": Form("72,0 76,2 80,16 87,55 94,94 100,96 100,100", pitch_deg=17, floor=0.4, wall_mm=7, bare=0.1),
    "succulent-dish": Form("66,0 74,4 95,32 98.5,60 97,92 100,100", pitch_deg=27, floor=0.3, wall_mm=7, bare=0.0),
}  # fmt: skip
"""By product slug."""


def section(piece: Piece, step_mm: float, pitch_rad: float) -> Section:
    """The outline of a piece, sampled every ``step_mm``, without what is too deep inside to be seen at that pitch."""
    form = FORMS[piece.slug]
    half = piece.width_mm / 2
    outside = _even(_curve(form.outside) * (half, piece.height_mm), 0.3)
    outline, lip = (outside, len(outside) - 1) if form.floor is None else _with_inside(outside, form, piece)
    ringed = _rings(outline, form.rings_mm, piece)
    # What a damp sponge does to every edge; the axis itself must stay where it is.
    soft = np.stack([gaussian_filter1d(ringed[:, axis], 3.0, mode="nearest") for axis in (0, 1)], axis=1)
    soft[-1] = outline[-1]
    return _measure(_even(soft, step_mm), lip / len(outline), pitch_rad)


def _curve(points: str) -> Array:
    """A smooth curve through the points, in shares (Catmull-Rom by chord length), broken at corners."""
    runs: list[list[list[float]]] = [[]]
    for word in points.split():
        point = [float(number) / 100 for number in word.rstrip("|").split(",")]
        runs[-1].append(point)
        if word.endswith("|"):
            runs.append([point])
    return np.concatenate([_spline(np.array(run)) for run in runs])


def _spline(points: Array) -> Array:
    t = np.concatenate(([0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))))
    slopes = np.gradient(points, t, axis=0) if len(points) > 2 else np.diff(points, axis=0) / t[-1]
    fine = np.linspace(0, t[-1], 40 * len(points))
    i = np.clip(np.searchsorted(t, fine, side="right") - 1, 0, len(t) - 2)
    span = (t[i + 1] - t[i])[:, None]
    u = (fine - t[i])[:, None] / span
    start, end = points[i], points[i + 1]
    tangent_start, tangent_end = slopes[np.minimum(i, len(slopes) - 1)], slopes[np.minimum(i + 1, len(slopes) - 1)]
    return (
        (1 + 2 * u) * (1 - u) ** 2 * start
        + u * (1 - u) ** 2 * span * tangent_start
        + u**2 * (3 - 2 * u) * end
        + u**2 * (u - 1) * span * tangent_end
    )


def _even(points: Array, step: float) -> Array:
    lengths = np.concatenate(([0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))))
    wanted = np.linspace(0, lengths[-1], max(int(lengths[-1] / step), 8))
    return np.stack([np.interp(wanted, lengths, points[:, axis]) for axis in (0, 1)], axis=1)


def _with_inside(outside: Array, form: Form, piece: Piece) -> tuple[Array, int]:
    """Add a round lip and the inside: the outside moved in by the wall, down to the floor, then to the axis."""
    tangent = np.gradient(outside, axis=0)
    tangent /= np.hypot(*tangent.T)[:, None]
    outward = np.stack((tangent[:, 1], -tangent[:, 0]), axis=1)
    end, wall = outside[-1], form.wall_mm
    angles = np.linspace(0, np.pi, 16)[1:-1, None]
    lip = end - outward[-1] * wall / 2 + wall / 2 * (np.cos(angles) * outward[-1] + np.sin(angles) * tangent[-1])
    inner = (outside - outward * wall)[::-1]
    floor = (form.floor or 0) * piece.height_mm
    # The offset ends where it reaches the floor; beyond that it would follow the underside.
    below = np.nonzero((inner[:, 1] <= floor) | (inner[:, 0] <= 1))[0]
    inner = inner[: below[0]] if len(below) else inner
    base_r, base_y = inner[-1]
    across = np.linspace(1, 0, max(int(base_r / 0.3), 8))[1:, None]
    dish = base_y - 0.03 * base_r * (1 - across[:, 0] ** 2)
    bottom = np.stack((across[:, 0] * base_r, dish), axis=1)
    outline = np.concatenate((outside, lip, inner, bottom))
    return _even(outline, 0.3), round(len(outside) / len(outline) * len(_even(outline, 0.3)))


def _rings(outline: Array, depth: float, piece: Piece) -> Array:
    """Finger marks: uneven ridges along the outline, none near the foot's edge."""
    if not depth:
        return outline
    rng = np.random.default_rng(len(piece.slug) * 7919)
    along = np.arange(len(outline)) * 0.3
    pitch = piece.height_mm / 11 if piece.height_mm > 60 else 9.0
    phase = 2 * np.pi * along / pitch + gaussian_filter1d(rng.standard_normal(len(along)), 60) * 9
    moved = outline.copy()
    moved[:, 0] = np.maximum(moved[:, 0] + depth * (np.abs(np.sin(phase / 2)) - 0.6), 0)
    return moved


def _measure(points: Array, lip_share: float, pitch_rad: float) -> Section:
    tangent = np.gradient(points, axis=0)
    step = np.hypot(*tangent.T)
    tangent /= step[:, None]
    bend = np.gradient(np.unwrap(np.arctan2(tangent[:, 1], tangent[:, 0]))) / step
    bend = gaussian_filter1d(bend, 2.0 / float(step.mean()))
    lip = round(lip_share * len(points))
    if lip < len(points) - 1:
        nearby = slice(max(lip - 40, 0), lip + 40)
        lip = nearby.start + int(np.argmax(points[nearby, 1]))
        # The eye enters at the near edge of the rim and can reach no lower than this on the far wall.
        deepest = points[lip, 1] - 2 * points[lip, 0] * np.tan(pitch_rad) - 6
        hidden = np.nonzero((points[:, 1] < deepest) & (np.arange(len(points)) > lip))[0]
        end = hidden[0] if len(hidden) else len(points)
    else:
        lip = end = len(points) - 1
    return Section(
        radius=points[:end, 0].astype(np.float32),
        height=points[:end, 1].astype(np.float32),
        normal_r=tangent[:end, 1].astype(np.float32),
        normal_y=(-tangent[:end, 0]).astype(np.float32),
        bend=bend[:end].astype(np.float32),
        along=np.cumsum(step)[:end].astype(np.float32),
        inside=np.arange(end) > lip,
        lip=min(lip, end - 1),
    )
