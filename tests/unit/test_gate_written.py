"""The launch's write: what is not taken by both arms leaves nothing to compare."""

from __future__ import annotations

from typing import Any

import pytest

from rig.measure.gate.arms import ARMS
from rig.measure.gate.written import Origin, unwritten
from tests.tables import recompute, request, requests, write

COMMITTED, SEEDED = write(2, 10.1, 10.2), write(1, 1.0, 1.1)
RECOMPUTED = recompute(2.0, 2.1)


def faults(baseline: Any, candidate: Any, origins: tuple[Origin, Origin] = (None, None)) -> list[str]:
    """Of a launch whose writes, due at 10 s, came out as said: a status, or columns of the request; None: not sent."""
    frames = []
    for came in (baseline, candidate):
        columns = came if isinstance(came, dict) else {"status": came}
        rows = [] if came is None else [request(10.0, kind="write", **columns)]
        frames.append(requests(request(9.0), *rows))
    return list(unwritten("/w/", (frames[0], frames[1]), origins, ARMS))


@pytest.mark.parametrize(
    ("baseline", "candidate", "told"),
    [
        (204, 500, ["failed in the candidate (status 500)"]),
        (403, 204, ["failed in the baseline (status 403)"]),
        (403, 403, ["failed in the baseline (status 403)", "failed in the candidate (status 403)"]),
        (204, 302, ["the baseline answers with status 204, the candidate with 302"]),
        (204, {"status": None, "cause": "timeout"}, ["failed in the candidate (timeout)"]),
        (204, None, ["none was sent to the candidate"]),
        (204, 204, []),
        (302, 302, []),
    ],
)
def test_a_write_that_one_arm_did_not_take_is_a_fault(baseline, candidate, told):
    """Nothing was invalidated there, so its peak of 1 says nothing; a redirect on both sides may be a saved form."""
    found = faults(baseline, candidate)
    assert len(found) == len(told) and all(want in said for want, said in zip(told, found, strict=True))


def test_where_there_are_events_the_commit_must_be_among_them():
    """Two redirects to a login look like two saved forms; the event files tell them apart."""
    assert faults(302, 302, ([RECOMPUTED, COMMITTED], [RECOMPUTED, COMMITTED])) == []
    (told,) = faults(302, 302, ([RECOMPUTED, COMMITTED], [RECOMPUTED]))
    assert "the candidate answered with status 302, but recorded no commit" in told
    assert len(faults(302, 302, ([SEEDED, RECOMPUTED], [{**COMMITTED, "outcome": "rolled_back"}]))) == 2
    assert faults(204, 204, ([], [])) == []
