"""Marks: faults of the instrument that keep a trial out of the figures. The target's faults never mark a trial."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rig.model import Mark

LATE_SLIP_P99_MS = 5.0
"""Source: a lean dispatcher on this stack holds 2 ms when idle; above 5 ms arrivals are no longer what was planned."""
WRONG_ARM = "wrong_arm"


def marks(requests: pa.Table, fleet: Mapping[str, Any], visits_recorded: int) -> list[Mark]:
    """Why this trial should not count; empty when it should."""
    found = []
    counted = fleet["requests"]
    if fleet.get("lost_workers"):
        # What it had in hand is lost with it; saying so twice would hide another loss.
        found.append(Mark.LOST_WORKER)
    whole = (
        fleet.get("lost_workers") or counted["scheduled"] == counted["sent"] + counted["dropped"] == requests.num_rows
    )
    if not whole or visits_recorded != fleet["pages"]["scheduled"]:
        found.append(Mark.LOST_SAMPLES)
    if fleet["wrong_arm"] or pc.any(pc.equal(requests["cause"], WRONG_ARM)).as_py():
        found.append(Mark.WRONG_ARM)
    slip = slip_ms(requests)
    if len(slip) and np.quantile(slip, 0.99, method="inverted_cdf") > LATE_SLIP_P99_MS:
        found.append(Mark.LATE_GENERATOR)
    return found


def slip_ms(requests: pa.Table) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Send minus intended start of every request that was begun, ms."""
    slip = pc.multiply(pc.subtract(requests["sent_s"], requests["intended_s"]), 1000.0)
    values: np.ndarray[Any, np.dtype[np.float64]] = slip.drop_null().to_numpy()
    return values
