"""Lateness of the generator: what waited for the target at the cap is not among it."""

from __future__ import annotations

import pyarrow as pa
import pytest

from rig.journal import table_of
from rig.measure.soundness import LATE_SLIP_P99_MS, marks
from rig.model import Mark
from rig.samples import REQUESTS
from tests.tables import request

LATE_S = 2 * LATE_SLIP_P99_MS / 1000
CAP = 20


def judged(*rows, in_flight=CAP):
    numbered = [{"index": number, "worker": 0, **row} for number, row in enumerate(rows)]
    counts = {"scheduled": len(rows), "sent": len(rows), "dropped": 0}
    fleet = {"wrong_arm": False, "requests": counts, "pages": {"scheduled": 0}}
    return marks(table_of(numbered, REQUESTS).to_batches(), fleet, 0, in_flight=in_flight)


def held(number: int, worker: int = 0) -> list[dict]:
    """Requests that are open from 0 to 100 s."""
    return [request(0.0, took_s=100.0, worker=worker) for _ in range(number)]


def test_a_request_sent_late_is_the_generators_fault():
    assert judged(*[request(1.0, slip_s=LATE_S)] * 10) == [Mark.LATE_GENERATOR]
    assert judged(*[request(1.0, slip_s=LATE_S / 4)] * 10) == []


def test_what_had_to_wait_at_the_cap_waited_for_the_target():
    """All that may be open is open: the target has to answer before the next one can go."""
    assert judged(*held(CAP), *[request(1.0, slip_s=5.0)] * 10) == []


def test_a_response_that_has_arrived_but_was_not_yet_read_still_holds_its_place():
    assert judged(*held(CAP - 2), *[request(1.0, slip_s=5.0)] * 10) == []


def test_well_below_the_cap_nothing_had_to_wait():
    assert judged(*held(CAP // 2), *[request(1.0, slip_s=5.0)] * 10) == [Mark.LATE_GENERATOR]


def test_each_worker_has_a_cap_of_its_own():
    late = [request(1.0, slip_s=5.0, worker=1)] * 10
    assert judged(*held(CAP, worker=0), *late) == [Mark.LATE_GENERATOR]


@pytest.mark.parametrize("took_s", [None, 0.5])
def test_what_is_over_holds_no_place(took_s):
    """Ended or reset before the next was due."""
    gone = [request(0.0, took_s=took_s) for _ in range(2 * CAP)]
    assert judged(*gone, *[request(1.0, slip_s=5.0)] * 10) == [Mark.LATE_GENERATOR]


def test_nothing_sent_is_not_late():
    assert marks([pa.RecordBatch.from_pylist([], schema=REQUESTS)],
                 {"wrong_arm": False, "requests": {"scheduled": 0, "sent": 0, "dropped": 0},
                  "pages": {"scheduled": 0}}, 0, in_flight=CAP) == []  # fmt: skip
