"""Marks: faults of the instrument that keep a trial out of the figures. The target's faults never mark a trial."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from rig.model import Mark
from rig.samples import REQUESTS

EMPTY = pa.RecordBatch.from_pylist([], schema=REQUESTS)
Floats = npt.NDArray[np.float64]
Times = npt.NDArray[np.float64]

LATE_SLIP_P99_MS = 5.0
"""Source: a lean dispatcher on this stack holds 2 ms when idle; above 5 ms arrivals are no longer what was planned."""
WRONG_ARM = "wrong_arm"

NEAR_THE_CAP = 0.9
"""A request due while so much of what may be open at once was open may have waited for the target, not for us.
Less than all of it: a response ends when it arrived, its connection is free when it was read."""

LATE_DISTURBANCE_S = 0.5
"""A disturbance this late met another part of the schedule than in the other arms."""


def marks(
    requests: Iterable[pa.RecordBatch],
    fleet: Mapping[str, Any],
    visits_recorded: int,
    disturbances: Sequence[Mapping[str, Any]] = (),
    in_flight: int | None = None,
    since_s: float = 0.0,
) -> list[Mark]:
    """Why this trial should not count; empty when it should.

    ``requests``: its journal, batch by batch. ``disturbances``: as in the trial's facts. ``in_flight``: how many
    requests one worker may have open; what queues there waits for the target, which is not the generator's lateness.
    ``since_s`` (monotonic): what was due before is in no figure, so how late it was does not matter.
    """
    found, rows, wrong, times = [], 0, bool(fleet["wrong_arm"]), [_times(EMPTY)]
    for batch in requests:
        rows += batch.num_rows
        wrong = wrong or bool(pc.any(pc.equal(batch["cause"], WRONG_ARM)).as_py())
        times.append(_times(batch))
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
    counted_times = np.concatenate(times)
    slip = own_slip_ms(counted_times[counted_times[:, 1] >= since_s], in_flight)
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


def own_slip_ms(times: Times, in_flight: int | None) -> Floats:
    """Send minus intended start, ms, of every request that was begun and did not have to wait at the cap."""
    kept = [np.empty(0)]
    for worker in np.unique(times[:, 0]):
        due_s, sent_s, ended_s = times[times[:, 0] == worker, 1:].T
        begun = ~np.isnan(sent_s)
        due_s, sent_s, ended_s = due_s[begun], sent_s[begun], ended_s[begun]
        # One without an end was refused or reset: it held its place for a moment.
        ends_s = np.sort(np.where(np.isnan(ended_s), sent_s, ended_s))
        still_open = np.searchsorted(np.sort(sent_s), due_s, "left") - np.searchsorted(ends_s, due_s, "right")
        free = np.full(len(due_s), True) if in_flight is None else still_open < NEAR_THE_CAP * in_flight
        kept.append((sent_s - due_s)[free] * 1000)
    return np.concatenate(kept)


def _times(requests: pa.RecordBatch) -> Times:
    """Worker, intended start, sent and done of each request; NaN for null."""
    columns = (requests[name].cast(pa.float64()) for name in ("worker", "intended_s", "sent_s", "done_s"))
    return np.column_stack([column.to_numpy(zero_copy_only=False) for column in columns])
