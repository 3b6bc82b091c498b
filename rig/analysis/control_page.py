"""What the load and the rig itself do to LCP: the control page at rest against the control page under load.

No cache and no server of the target stands behind it, so no strategy can change it. What moves it is the machine the
browser shares with load and target.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from rig.analysis.quantiles import quantile
from rig.model import VisitOutcome
from rig.words import milliseconds, percent

MOST_CHANGE = 0.10
"""Beyond this the absolute LCP of a run is the machine's as much as the target's; differences between arms stay."""


def figures(tables: Sequence[pd.DataFrame], at_rest_ms: Sequence[float]) -> dict[str, Any]:
    """Medians at rest and under load, and by how much the second differs, as a ratio less one.

    Args:
        tables: visits to the control page in each window, frames of :data:`rig.samples.PAGES`.
        at_rest_ms: its LCP before the windows, of all trials together.
    """
    loaded = [
        table.loc[table["outcome"] == VisitOutcome.MEASURED, "lcp_ms"].to_numpy(float) for table in tables if len(table)
    ]
    loaded_ms = np.concatenate(loaded) if loaded else np.empty(0)
    idle, under_load = quantile(at_rest_ms, 0.5), quantile(loaded_ms, 0.5)
    return {
        "visits": len(loaded_ms),
        "idle_visits": len(at_rest_ms),
        "idle_lcp_ms": idle,
        "loaded_lcp_ms": under_load,
        "change": under_load / idle - 1 if idle and under_load is not None else None,
    }


def cautions(arms: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """One warning in plain words that names every arm beyond the limit; none where all are within, or not known."""
    controls = {label: arm["pages"]["control"] for label, arm in arms.items() if arm["trials"]}
    moved = [
        f"{label} by {'+' if control['change'] > 0 else ''}{percent(control['change'])}, from"
        f" {milliseconds(control['idle_lcp_ms'])} at rest to {milliseconds(control['loaded_lcp_ms'])} under load"
        for label, control in controls.items()
        if control["change"] is not None and abs(control["change"]) > MOST_CHANGE
    ]
    if moved:
        yield (
            f"the rig's own load moves LCP here, also of a page without cache or server behind it: {'; '.join(moved)};"
            " read the differences between strategies, not the LCPs themselves"
        )
