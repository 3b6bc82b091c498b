"""Locust's statistics from batches: the same as from one event a request."""

from __future__ import annotations

import numpy as np
import pytest
from locust.env import Environment
from locust.stats import StatsEntry

from rig.measure.load import locust_stats
from rig.measure.load.recorder import PACK, Offered, Outcome, Recorder, Target
from rig.model import Kind

NAN = float("nan")


def _batch(count: int = 300):
    rng = np.random.default_rng(3)
    offered = Offered(
        index=np.arange(count),
        intended_s=np.zeros(count),
        target=rng.integers(0, 3, count).astype(np.int32),
        targets=[Target(Kind.READ, "/", b""), Target(Kind.READ, "/p/", b""), Target(Kind.WRITE, "/p/", b"")],
    )
    recorder = Recorder(offered, None)
    outcomes = [Outcome(200), Outcome(503, "status"), Outcome(cause="refused")]
    for position in range(count):
        which = int(rng.integers(0, 3))
        code = recorder.code(which)
        code = recorder.learn(which, outcomes[which]) if code is None else code
        recorder.keep(PACK(position, code, 0.0, NAN if which == 2 else float(rng.exponential(0.2)), NAN))
    return next(iter(recorder.flush()))


def _facts(entry: StatsEntry):
    return {
        "requests": entry.num_requests,
        "without time": entry.num_none_requests,
        "failures": entry.num_failures,
        "times": dict(entry.response_times),
        "total": pytest.approx(entry.total_response_time),
        "least": entry.min_response_time,
        "most": entry.max_response_time,
        "per second": sum(entry.num_reqs_per_sec.values()),
        "failed per second": sum(entry.num_fail_per_sec.values()),
    }


@pytest.fixture
def environments():
    """One that only Locust listens to, and one with a listener of somebody else's."""
    quiet, heard = Environment(user_classes=[]), Environment(user_classes=[])
    for one in (quiet, heard):
        one.create_local_runner()
    seen = []
    heard.events.request.add_listener(lambda **event: seen.append(event))
    yield quiet, heard, seen
    for one in (quiet, heard):
        one.runner.quit()


def test_a_batch_counts_as_its_requests_do(environments):
    """Every figure of every line of Locust's table, and its table of errors."""
    quiet, heard, seen = environments
    batch = _batch()
    locust_stats.feed(quiet, batch)
    locust_stats.feed(heard, batch)
    assert len(seen) == batch.num_rows
    assert set(quiet.stats.entries) == set(heard.stats.entries)
    for key, entry in heard.stats.entries.items():
        assert _facts(quiet.stats.entries[key]) == _facts(entry), key
    assert _facts(quiet.stats.total) == _facts(heard.stats.total)
    errors = [{key: error.occurrences for key, error in one.stats.errors.items()} for one in (quiet, heard)]
    assert errors[0] == errors[1]


def test_somebody_elses_listener_hears_of_each_request(environments):
    """Times count from the intended start; a refused request has none."""
    _, heard, seen = environments
    locust_stats.feed(heard, _batch())
    assert {event["request_type"] for event in seen} == {"GET", "POST"}
    assert all((event["response_time"] is None) == (str(event["exception"]) == "refused") for event in seen)
