"""How much of the time a strategy spends in stampedes: as measured, and computed for times to live people use.

A run compresses time: a TTL of seconds stands for one of minutes or hours, and writes are compressed with it, so that
w·TTL stays. What one herd does carries over (1 + λΔ recomputes, what who meets it waits); how often it comes does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rig.analysis.origin import Window
from rig.analysis.quantiles import ratio

REAL_TTLS_S = (60.0, 300.0, 3600.0)


def figures(windows: Sequence[Window], ttl_s: float | None) -> dict[str, Any]:
    """``{"in_stampede", "ttl_s", "computed": {seconds: share}}``; shares of time in which any entry had a stampede.

    Computed: stampedes as long as here, as many in each TTL. Null for a strategy that stores nothing, and where the
    run has no short TTL.
    """
    stores = all(window.stores for window in windows)
    spent_s, of_s = sum(map(_stampeding_s, windows)), sum(window.end_s - window.start_s for window in windows)
    share = ratio(spent_s, of_s) if stores else None
    return {
        "in_stampede": share,
        "ttl_s": ttl_s,
        "computed": {
            f"{real:g}": None if share is None or not ttl_s else min(1.0, share * ttl_s / real) for real in REAL_TTLS_S
        },
    }


def _stampeding_s(window: Window) -> float:
    """Seconds of the window in which at least one stampede was under way; those of several entries count once."""
    spans = sorted((max(one.begin_s, window.start_s), min(one.end_s, window.end_s)) for one in window.stampedes)
    total, until_s = 0.0, window.start_s
    for begin_s, end_s in spans:
        total += max(0.0, end_s - max(begin_s, until_s))
        until_s = max(until_s, end_s)
    return total
