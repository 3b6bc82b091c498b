"""The sign-flip test at the last look: no normal distribution, only symmetry of launches about the margin.

If the true effect equals the margin, each launch's excess over it may as well have had the other sign. A launch flips
in all metrics at once, so that their dependence is kept, and the largest t of any metric is compared: the family-wise
level needs no Bonferroni (max-T: Westfall and Young, Resampling-Based Multiple Testing, 1993).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

EXACT_UP_TO = 16
DRAWS = 1 << 16
# Keeps a t finite where all launches agree exactly.
LEAST_SE = 1e-12
# Sums taken in another order differ in the last bits; a tie is a tie.
ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class SignFlip:
    """p values, one a metric. ``above``: of the effect being at most its margin, family-wise; ``below``: of at least.

    ``below`` is each metric's own: a gate passes only if all its metrics do, which needs no correction.
    """

    above: tuple[float, ...]
    below: tuple[float, ...]


def sign_flip(effects: npt.ArrayLike, limits: npt.ArrayLike, *, seed: int = 0) -> SignFlip:
    """Test launch effects, shape (launches, metrics), against ``limits``, shape (metrics,).

    Up to 16 launches all 2^launches signs are tried, above that 65,536 seeded ones, the observed among them.

    Raises:
        ValueError: an effect is not a number, or there is no launch.
    """
    excess = np.asarray(effects, dtype=float) - np.asarray(limits, dtype=float)
    if excess.ndim != 2 or not excess.size or not np.isfinite(excess).all():
        raise ValueError("sign-flip test: needs a finite effect of each metric in each launch")
    observed = _t(np.ones((1, len(excess))), excess)[0]
    flipped = _t(signs(len(excess), seed), excess)
    largest = flipped.max(axis=1)
    return SignFlip(
        above=tuple(float((largest >= t - _slack(t)).mean()) for t in observed),
        below=tuple(float((flipped[:, k] <= t + _slack(t)).mean()) for k, t in enumerate(observed)),
    )


def signs(launches: int, seed: int) -> Floats:
    """Rows of +1 and -1, shape (flips, launches); the first row flips nothing."""
    if launches <= EXACT_UP_TO:
        bits = np.arange(1 << launches)[:, None] >> np.arange(launches) & 1
    else:
        bits = np.random.default_rng(seed).integers(0, 2, size=(DRAWS, launches))
        bits[0] = 0
    return (1.0 - 2.0 * bits).astype(np.float64)


def _t(flips: Floats, excess: Floats) -> Floats:
    """t of each metric under each row of signs, shape (flips, metrics)."""
    count = len(excess)
    means = flips @ excess / count
    # Squares don't change with the sign, so one sum of them serves all flips.
    variances = np.maximum((excess**2).mean(axis=0) - means**2, 0.0) * count / max(1, count - 1)
    return np.asarray(means / np.maximum(np.sqrt(variances / count), LEAST_SE), dtype=np.float64)


def _slack(t: float) -> float:
    return ROUNDING * max(1.0, abs(t))
