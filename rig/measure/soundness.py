"""Marks: faults of the instrument that keep a trial out of the figures. The target's faults never mark a trial."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rig.model import Mark

LATE_SLIP_P99_MS = 5.0
"""Source: a lean dispatcher on this stack holds 2 ms when idle; above 5 ms arrivals are no longer what was planned."""
WRONG_ARM = "wrong_arm"

LATE_DISTURBANCE_S = 0.5
"""A disturbance this late met another part of the schedule than in the other arms."""


def marks(
    requests: Iterable[pa.RecordBatch],
    fleet: Mapping[str, Any],
    visits_recorded: int,
    disturbances: Sequence[Mapping[str, Any]] = (),
) -> list[Mark]:
    """Why this trial should not count; empty when it should.

    ``requests``: its journal, batch by batch. ``disturbances``: as in the trial's facts.
    """
    found, rows, wrong, slips = [], 0, bool(fleet["wrong_arm"]), [np.empty(0)]
    for batch in requests:
        rows += batch.num_rows
        wrong = wrong or bool(pc.any(pc.equal(batch["cause"], WRONG_ARM)).as_py())
        slips.append(slip_ms(batch))
    counted = fleet["requests"]
    if fleet.get("lost_workers"):
        # What it had in hand is lost with it; saying so twice would hide another loss.
        found.append(Mark.LOST_WORKER)
    elif not counted["scheduled"] == counted["sent"] + counted["dropped"] == rows:
        found.append(Mark.LOST_SAMPLES)
    if visits_recorded != fleet["pages"]["scheduled"] and Mark.LOST_SAMPLES not in found:
        found.append(Mark.LOST_SAMPLES)
    if wrong:
        found.append(Mark.WRONG_ARM)
    slip = np.concatenate(slips)
    if len(slip) and np.quantile(slip, 0.99, method="inverted_cdf") > LATE_SLIP_P99_MS:
        found.append(Mark.LATE_GENERATOR)
    if any(map(_went_wrong, disturbances)):
        found.append(Mark.UNDISTURBED)
    return found


def recorded_visits(rows: Iterable[Mapping[str, Any]]) -> int:
    """How many of the journal's visits the schedule has; those to the control page are the rig's own."""
    return sum(not row.get("control") for row in rows)


def _went_wrong(disturbance: Mapping[str, Any]) -> bool:
    """Its end may come late: a target that is busy with it takes its time, and that is the target's doing."""
    if disturbance["error"] is not None or disturbance["begin_s"] is None:
        return True
    return bool(disturbance["begin_s"] - disturbance["planned_s"] > LATE_DISTURBANCE_S)


def slip_ms(requests: pa.RecordBatch) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Send minus intended start of every request that was begun, ms."""
    slip = pc.multiply(pc.subtract(requests["sent_s"], requests["intended_s"]), 1000.0)
    values: np.ndarray[Any, np.dtype[np.float64]] = slip.drop_null().to_numpy(zero_copy_only=False)
    return values
