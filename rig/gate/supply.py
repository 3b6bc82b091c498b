"""What the target supplies decides what is compared: in the family, not applicable, or reason to judge nothing.

The family is fixed at the end of the warm-up, from counts alone, before any time of the measured launches is seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

ARMS = ("baseline", "candidate")
FEW = 4
"""Times fewer than the other arm's: chance does not make that of as many as are enough."""


class Standing(StrEnum):
    """Whether a metric is tested. ``INVALID``: its absence is itself a difference, so the gate can't be believed."""

    IN_FAMILY = "in family"
    NOT_APPLICABLE = "not_applicable"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """Samples a metric had in the warm-up, by arm: of a typical block, or visits of a page, or 1 for a yes."""

    baseline: int
    candidate: int


NONE = Supply(baseline=0, candidate=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """A standing and why; no reason needed for a metric in the family."""

    standing: Standing
    reason: str = ""


def after_warm_up(name: str, supply: Supply, least: int, enough: int | None = None) -> Ruling:
    """Rule on a metric that needs ``least`` samples in each arm, and ``enough`` in the warm-up to have as many later.

    Neither arm has enough: not applicable. Both have: in the family. One has the least and the other none, or one has
    enough and the other few beside it: invalid, for what that has instead is compared with nothing.
    """
    enough = least if enough is None else enough
    counts = (supply.baseline, supply.candidate)
    if min(counts) >= enough:
        return Ruling(standing=Standing.IN_FAMILY)
    more = ARMS[counts.index(max(counts))]
    if max(counts) >= least and min(counts) == 0:
        return Ruling(standing=Standing.INVALID, reason=f"{name}: only the {more} supplies it")
    found = " and ".join(str(count) for count in counts)
    if max(counts) >= enough and FEW * min(counts) < max(counts):
        reason = f"{name}: the {more} supplies most of it, {found} samples in the warm-up"
        return Ruling(standing=Standing.INVALID, reason=reason)
    if max(counts) == 0:
        return Ruling(standing=Standing.NOT_APPLICABLE, reason=f"{name}: the target does not supply it")
    spare = f" ({enough} in the warm-up, to have them in each block)" if enough > least else ""
    reason = f"{name}: needs {least} samples{spare}, had {found} in the warm-up; a higher rate would bring them"
    return Ruling(standing=Standing.NOT_APPLICABLE, reason=reason)


def after_launches(name: str, counts: Sequence[Supply]) -> Ruling:
    """Rule on a metric of the family once launches were measured; ``counts``: samples in each launch, all blocks.

    A metric without a single sample in one arm of a launch has disappeared.
    """
    for number, supply in enumerate(counts, start=1):
        for arm, count in zip(ARMS, (supply.baseline, supply.candidate), strict=True):
            if count == 0:
                reason = f"{name}: the {arm} supplied none in launch {number}, though it did in the warm-up"
                return Ruling(standing=Standing.INVALID, reason=reason)
    return Ruling(standing=Standing.IN_FAMILY)
