"""How requests failed: too often in either arm, or more in the candidate, and times can't be compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rig.gate.blocks import Launch
from rig.gate.metrics import MOST_ERROR_RISE, MOST_ERRORS, MOST_UNANSWERED_RISE
from rig.gate.supply import ARMS

# A rise of exactly the margin is still within it.
ROUNDING = 1e-12


def error_rise(launches: Sequence[Launch]) -> float | None:
    """The candidate's share of failed requests minus the baseline's, heads left out; None where none was sent."""
    shares = [_failed_share(launches, arm) for arm in ARMS]
    return None if shares[0] is None or shares[1] is None else shares[1] - shares[0]


def error_faults(launches: Sequence[Launch]) -> Iterator[str]:
    """Why failures keep the arms from being compared: a sentence each."""
    shares = {arm: _failed_share(launches, arm) for arm in ARMS}
    rise = error_rise(launches)
    if rise is not None and rise > MOST_ERROR_RISE + ROUNDING:
        yield f"the candidate fails {rise:.1%} more of its requests than the baseline"
    for arm, share in shares.items():
        if share is not None and share > MOST_ERRORS + ROUNDING:
            yield f"the {arm} fails {share:.1%} of its requests; up to {MOST_ERRORS:.0%} is borne"
    baseline, candidate = ((_sum(launches, arm, "reads_unanswered"), _sum(launches, arm, "reads_due")) for arm in ARMS)
    if not baseline[1] or not candidate[1]:
        return
    surplus = candidate[0] - candidate[1] * baseline[0] / baseline[1]
    # One alone may be anything; and it is the few that hide in no class, where p99 doesn't see them.
    if surplus > max(1.0, MOST_UNANSWERED_RISE * candidate[1]) + ROUNDING:
        yield (
            f"{candidate[0]} of the candidate's {candidate[1]} reads had no whole answer (timed out, cut off or never"
            f" sent), {baseline[0]} of the baseline's {baseline[1]}: more by {surplus / candidate[1]:.2%},"
            f" and {MOST_UNANSWERED_RISE:.1%} is allowed"
        )


def _failed_share(launches: Sequence[Launch], arm: str) -> float | None:
    sent = _sum(launches, arm, "sent")
    return _sum(launches, arm, "failed") / sent if sent else None


def _sum(launches: Sequence[Launch], arm: str, count: str) -> int:
    return sum(int(getattr(getattr(launch, arm), count)) for launch in launches)
