"""The studio's glazes and clays, as data. Colours are sRGB hex; everything else is a share between 0 and 1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Glaze:
    """How a glaze looks where it is of usual thickness, where it is thin (rims), and where it pools."""

    base: str
    thin: str
    thick: str
    paper: str
    """The backdrop it is photographed against."""
    clay: str = "#9a7557"
    gloss: float = 0.8
    """Strength of mirror-like reflection; 0 is unglazed."""
    rough: float = 0.15
    """Width of the blur of reflections."""
    cloud: float = 0.2
    """Broad unevenness of thickness."""
    mottle: float = 0.1
    streak: float = 0.0
    specks: float = 0.0
    crackle: float = 0.0
    grain: float = 0.03
    bump: float = 0.03


GLAZES = {
    "Oatmeal": Glaze(
        base="#d8cab2", thin="#8d5f3b", thick="#e4dac8", paper="#bdbcae",
        gloss=0.32, rough=0.42, cloud=0.16, mottle=0.10, specks=0.75, grain=0.035, bump=0.025,
    ),
    "Tenmoku": Glaze(
        base="#20130f", thin="#8a431b", thick="#0d0a0b", paper="#d9cebf",
        clay="#6b4a36", gloss=1.0, rough=0.07, cloud=0.22, mottle=0.10, streak=0.12, bump=0.030,
    ),
    "Celadon": Glaze(
        base="#a9b8a4", thin="#d0d2c0", thick="#7c9a8c", paper="#ddd3c7",
        clay="#b39a7d", gloss=0.85, rough=0.10, cloud=0.25, crackle=0.5, grain=0.012, bump=0.022,
    ),
    "Chun blue": Glaze(
        base="#8fa3b8", thin="#94827c", thick="#bccad6", paper="#e2dacf",
        clay="#7d5f4b", gloss=0.7, rough=0.16, cloud=0.45, mottle=0.30, streak=0.18, specks=0.12, bump=0.035,
    ),
    "Ash white": Glaze(
        base="#e8e2d5", thin="#c3ab8a", thick="#eeeae2", paper="#9a948c",
        gloss=0.42, rough=0.34, cloud=0.18, mottle=0.08, specks=0.35, grain=0.022, bump=0.022,
    ),
    "Copper red": Glaze(
        base="#7c2325", thin="#d3c1ae", thick="#471016", paper="#d9d2ca",
        clay="#cdb9a0", gloss=1.0, rough=0.07, cloud=0.35, mottle=0.18, streak=0.30, bump=0.022,
    ),
    "Rutile": Glaze(
        base="#ad8654", thin="#744b2b", thick="#8a959b", paper="#d3d3cf",
        gloss=0.75, rough=0.15, cloud=0.45, mottle=0.22, streak=0.55, specks=0.15, bump=0.035,
    ),
    "Iron red": Glaze(
        base="#8c4326", thin="#2a1713", thick="#642c1a", paper="#ced1ca",
        clay="#6b4a36", gloss=0.6, rough=0.22, cloud=0.30, mottle=0.28, specks=0.30, bump=0.035,
    ),
    "Shino": Glaze(
        base="#ecdfd0", thin="#cf7440", thick="#f3ebe1", paper="#a6a79d", clay="#a56a43",
        gloss=0.40, rough=0.36, cloud=0.60, mottle=0.30, specks=0.25, crackle=0.30, grain=0.03, bump=0.060,
    ),
    "Copper green": Glaze(
        base="#4b7564", thin="#8c855f", thick="#23443f", paper="#e0d6c8",
        clay="#8b6a4f", gloss=0.9, rough=0.09, cloud=0.30, mottle=0.16, streak=0.30, bump=0.028,
    ),
    "Cobalt": Glaze(
        base="#2c4272", thin="#8496b4", thick="#17244a", paper="#e3ddd3",
        clay="#d8cdbb", gloss=0.95, rough=0.08, cloud=0.40, mottle=0.14, streak=0.22, bump=0.022,
    ),
    "Matte black": Glaze(
        base="#27272b", thin="#57483d", thick="#1c1c20", paper="#d8cbbc",
        clay="#4a3a31", gloss=0.22, rough=0.50, cloud=0.20, mottle=0.12, grain=0.06, bump=0.030,
    ),
    "Terracotta": Glaze(
        base="#b4623e", thin="#c67c55", thick="#a2532f", paper="#d8d6cd",
        clay="#b4623e", gloss=0.05, rough=0.70, cloud=0.35, mottle=0.22, specks=0.15, grain=0.085, bump=0.040,
    ),
}  # fmt: skip


def linear(colour: str) -> NDArray[np.float32]:
    """An sRGB hex colour as three linear-light shares."""
    value = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)], np.float32)
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)
