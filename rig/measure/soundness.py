"""Marks: faults of the instrument that keep a trial out of the figures. The target's faults never mark a trial."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rig.model import Mark

LATE_SLIP_P99_MS = 5.0
"""Source: a lean dispatcher on this stack holds 2 ms when idle; above 5 ms arrivals are no longer what was planned."""

LATE_DISTURBANCE_S = 0.5
"""A disturbance this late met another part of the schedule than in the other arms."""


def marks(
    requests: pa.Table,
    fleet: Mapping[str, Any],
    visits_recorded: int,
    disturbances: Sequence[Mapping[str, Any]] = (),
) -> list[Mark]:
    """Why this trial should not count; empty when it should. ``disturbances``: as in the trial's facts."""
    found = []
    counted = fleet["requests"]
    whole = counted["scheduled"] == counted["sent"] + counted["dropped"] == requests.num_rows
    if not whole or visits_recorded != fleet["pages"]["scheduled"]:
        found.append(Mark.LOST_SAMPLES)
    if fleet["wrong_arm"]:
        found.append(Mark.WRONG_ARM)
    slip = slip_ms(requests)
    if len(slip) and np.quantile(slip, 0.99, method="inverted_cdf") > LATE_SLIP_P99_MS:
        found.append(Mark.LATE_GENERATOR)
    if any(map(_went_wrong, disturbances)):
        found.append(Mark.UNDISTURBED)
    return found


def _went_wrong(disturbance: Mapping[str, Any]) -> bool:
    """Its end may come late: a target that is busy with it takes its time, and that is the target's doing."""
    if disturbance["error"] is not None or disturbance["begin_s"] is None:
        return True
    return bool(disturbance["begin_s"] - disturbance["planned_s"] > LATE_DISTURBANCE_S)


def slip_ms(requests: pa.Table) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Send minus intended start of every request that was begun, ms."""
    slip = pc.multiply(pc.subtract(requests["sent_s"], requests["intended_s"]), 1000.0)
    values: np.ndarray[Any, np.dtype[np.float64]] = slip.drop_null().to_numpy()
    return values
