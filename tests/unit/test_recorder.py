"""Samples: packed one by one, columns by the batch, nothing confused on the way."""

from __future__ import annotations

import math

import numpy as np

from rig.measure.load.recorder import PACK, Offered, Outcome, Recorder, Target
from rig.model import Kind
from rig.samples import REQUESTS

NAN = float("nan")
OFFERED = Offered(
    index=np.array([1, 3, 5, 7]),
    intended_s=np.array([10.1, 10.3, 10.5, 10.7]),
    target=np.array([0, 1, 0, 2], np.int32),
    targets=[Target(Kind.READ, "/", b""), Target(Kind.READ, "/p/", b""), Target(Kind.WRITE, "/", b"")],
)


def _rows(recorder: Recorder) -> list[dict]:
    return [row for batch in recorder.flush() for row in batch.to_pylist()]


def test_a_batch_says_of_each_sample_what_was_offered_and_how_it_ended():
    """Order of ending, position in the whole schedule, and null for what was not measured."""
    recorder = Recorder(OFFERED, None, worker=1)
    hit = recorder.learn("hit", Outcome(200, None, "HIT", "home=1"))
    refused = recorder.learn("refused", Outcome(cause="refused"))
    recorder.keep(PACK(2, hit, 10.5, 10.6, 1.5))
    recorder.keep(PACK(1, refused, 10.3, NAN, NAN))
    first, second = _rows(recorder)
    assert first == {
        "index": 5,
        "kind": "read",
        "path": "/",
        "intended_s": 10.5,
        "sent_s": 10.5,
        "done_s": 10.6,
        "status": 200,
        "cause": None,
        "cache": "HIT",
        "content_version": "home=1",
        "server_total_ms": 1.5,
        "worker": 1,
    }
    assert (second["index"], second["path"], second["cause"]) == (3, "/p/", "refused")
    assert second["status"] is second["done_s"] is second["cache"] is second["server_total_ms"] is None


def test_every_batch_has_the_journals_schema():
    """Also one without a single failure, and one with nothing else."""
    for outcome in (Outcome(200, None, "HIT", "home=1"), Outcome(cause="dropped")):
        recorder = Recorder(OFFERED, None)
        recorder.keep(PACK(3, recorder.learn(0, outcome), NAN, NAN, NAN))
        (batch,) = recorder.flush()
        assert batch.schema.equals(REQUESTS)
        assert batch["kind"].to_pylist() == ["write"]


def test_many_samples_come_in_several_batches_and_none_is_lost():
    """A batch keeps the loop from sending, so it has a greatest size; the sink gets what the caller gets."""
    taken = []
    recorder = Recorder(OFFERED, taken.append)
    code = recorder.learn(0, Outcome(200))
    for number in range(10_000):
        recorder.keep(PACK(number % 4, code, float(number), float(number), NAN))
    assert recorder.count == 10_000
    seen = list(recorder.flush())
    assert len(seen) == len(taken) > 2
    assert np.array_equal(np.concatenate([batch["sent_s"].to_numpy() for batch in seen]), np.arange(10_000.0))
    assert recorder.count == 10_000
    assert list(recorder.flush()) == []


def test_outcomes_learnt_while_batches_are_written_keep_their_codes():
    """The loop sends between two batches; what ends then must not take a code that stands for something else."""
    recorder = Recorder(OFFERED, None)
    codes = {}
    for number in range(3000):
        key = f"home={number}"
        codes[number] = recorder.learn(key, Outcome(200, None, "HIT", key))
        recorder.keep(PACK(number % 4, codes[number], 0.0, 0.0, NAN))
    versions = []
    for place, batch in enumerate(recorder.flush()):
        versions += batch["content_version"].to_pylist()
        late = recorder.learn(f"late={place}", Outcome(200, None, "HIT", f"late={place}"))
        recorder.keep(PACK(0, late, 0.0, 0.0, NAN))
    assert versions == [f"home={number}" for number in range(3000)]
    # So many versions are forgotten between two flushes, or a soak would fill the memory with them.
    assert recorder.code("home=1") is None
    assert [row["content_version"] for row in _rows(recorder)] == [f"late={place}" for place in range(place + 1)]


def test_times_are_kept_to_the_last_bit():
    """No rounding between the clock and the journal."""
    recorder = Recorder(OFFERED, None)
    sent, done = 123456.789012345678, math.nextafter(123456.8, math.inf)
    recorder.keep(PACK(0, recorder.learn(0, Outcome(200)), sent, done, NAN))
    (row,) = _rows(recorder)
    assert (row["sent_s"], row["done_s"]) == (sent, done)
