"""The shop's pictures: one of each piece, small ones for the listings, and a shelf of them for the front page.

They are computed (see ``studio``), the same bytes for the same versions of numpy and Pillow.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from target_app.shop.pieces import PIECES, Piece
from target_app.shop.studio.forms import FORMS
from target_app.shop.studio.glazes import GLAZES
from target_app.shop.studio.scene import Frame, Placed, photograph

WIDTH, HEIGHT = 1200, 900
THUMB_WIDTH, THUMB_HEIGHT = 400, 300
QUALITY = 91

_PIECES = {piece.slug: piece for piece in PIECES}


@dataclass(frozen=True, slots=True)
class Group:
    """A wide picture of several pieces; places are x and z in mm."""

    paper: str
    pitch_deg: float
    span_mm: float
    """How much of the world the picture's width shows."""
    ground: float
    """Where the middle of the table lies, as a share of the picture's height."""
    size: tuple[int, int]
    pots: tuple[tuple[str, float, float], ...]


HOME = Group(
    "#b5a795", 8, 1440, 0.82, (1600, 800),
    (
        ("long-neck", -585, -70), ("supper-bowl", -440, 60), ("ginger-jar", -285, -50), ("bud-vase", -150, 100),
        ("moon-jar", 15, -60), ("latte-beaker", 185, 110), ("shoulder-vase", 290, -50), ("tea-bowl", 410, 90),
        ("footed-planter", 560, -40),
    ),
)  # fmt: skip


GROUPS = {"home": HOME}
"""By file name, without its ending."""


def picture_of(piece: Piece, width_px: int = WIDTH) -> Image.Image:
    """A studio photograph of one piece, four to three."""
    height_px = width_px * 3 // 4
    form = FORMS[piece.slug]
    pitch = np.radians(form.pitch_deg)
    up, down = piece.height_mm * np.cos(pitch), piece.width_mm * np.sin(pitch) / 2
    # Above the foot's centre it reaches to the far rim, below it to the foot's edge or a plate's near rim.
    above, below = up + down, max(0.6 * down, down - up)
    scale = min(0.60 * width_px / piece.width_mm, 0.72 * height_px / (above + below))
    frame = Frame(
        width_px=width_px,
        height_px=height_px,
        px_per_mm=float(scale),
        pitch_deg=form.pitch_deg,
        ground_y_px=float(height_px * 0.52 + (above - below) * scale / 2),
        backdrop=GLAZES[piece.glaze].paper,
        seed=_seed(piece.slug),
    )
    return photograph(frame, [Placed(piece)])


def picture_of_group(group: Group, width_px: int | None = None) -> Image.Image:
    """Several pieces side by side; ``width_px`` makes it smaller than it is meant to be."""
    width, height = group.size
    if width_px:
        width, height = width_px, height * width_px // width
    frame = Frame(
        width_px=width,
        height_px=height,
        px_per_mm=width / group.span_mm,
        pitch_deg=group.pitch_deg,
        ground_y_px=group.ground * height,
        backdrop=group.paper,
        seed=_seed(group.pots[0][0]),
        oversample=2.0,
    )
    return photograph(frame, [Placed(_PIECES[slug], x, z) for slug, x, z in group.pots])


def generate(directory: Path, say: Callable[[str], None] = lambda _: None) -> int:
    """Write the pictures that ``directory`` lacks; return how many. Each appears whole or not at all."""
    directory.mkdir(parents=True, exist_ok=True)
    wanted = {f"{piece.slug}.jpg": piece for piece in PIECES if _lacks(directory, piece.slug)}
    groups = {name: group for name, group in GROUPS.items() if not (directory / f"{name}.jpg").exists()}
    if not wanted and not groups:
        return 0
    say(f"making {2 * len(wanted) + len(groups)} pictures")
    began = time.perf_counter()
    for name, piece in wanted.items():
        picture = picture_of(piece)
        small = picture.resize((THUMB_WIDTH, THUMB_HEIGHT), Image.Resampling.LANCZOS, reducing_gap=3)
        _save(small, directory / f"{piece.slug}-thumb.jpg")
        _save(picture, directory / name)
    for name, group in groups.items():
        _save(picture_of_group(group), directory / f"{name}.jpg")
    say(f"pictures ready in {time.perf_counter() - began:.1f} s")
    return 2 * len(wanted) + len(groups)


def _lacks(directory: Path, slug: str) -> bool:
    return not (directory / f"{slug}.jpg").exists() or not (directory / f"{slug}-thumb.jpg").exists()


def _save(picture: Image.Image, path: Path) -> None:
    partial = path.with_suffix(".partial")
    picture.save(partial, "JPEG", quality=QUALITY, progressive=False, optimize=True)
    partial.replace(path)


def _seed(name: str) -> int:
    return sum(position * ord(letter) for position, letter in enumerate(name, start=1))
