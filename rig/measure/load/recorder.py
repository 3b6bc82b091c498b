"""Keeps every request sample in columns and hands them to the journal once a second.

In the moment a response ends only five numbers are written down: position in the schedule, sent, done, the server's
own time, and a code for the outcome. What follows from the schedule (kind, path, intended start) and what the codes
stand for is filled in by the batch. That keeps the cost in the hot path at a fraction of a microsecond.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

# pyarrow would import it at its first conversion: a second in which nothing is sent and no heartbeat answered.
import pandas  # noqa: F401
import pyarrow as pa
from numpy.typing import NDArray

from rig.model import Kind
from rig.samples import REQUESTS

_SAMPLE = struct.Struct("=iiddf")
_SAMPLE_TYPE = np.dtype(
    [("position", "i4"), ("code", "i4"), ("sent_s", "f8"), ("done_s", "f8"), ("server_total_ms", "f4")]
)
PACK = _SAMPLE.pack
_BATCH = 1024
"""Samples in one batch at most: it bounds how long a batch keeps the loop from sending."""
_MOST_CODES = 1024
Sink = Callable[[pa.RecordBatch], None]


@dataclass(frozen=True, slots=True)
class Target:
    """One thing the schedule can ask for, prepared once."""

    kind: Kind
    path: str
    request: bytes


@dataclass(frozen=True, slots=True, eq=False)
class Offered:
    """What one process sends in a trial, in order of time. ``index`` is the position in the whole trial's schedule."""

    index: NDArray[np.int64]
    intended_s: NDArray[np.float64]
    """Monotonic."""
    target: NDArray[np.int32]
    """Index into ``targets``."""
    targets: Sequence[Target]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a request ended, apart from its times."""

    status: int | None = None
    cause: str | None = None
    cache: str | None = None
    content_version: str | None = None


class Recorder:
    """Samples of one trial, filled one at a time, emptied by :meth:`flush` into ``sink``. ``worker``: who sent them.

    ``keep(PACK(position, code, sent_s, done_s, server_total_ms))`` keeps a sample: its position in what is offered,
    the code of its outcome, NaN for a time that was not measured. No method in between: it is called for each request.
    """

    def __init__(self, offered: Offered, sink: Sink | None, worker: int = 0) -> None:
        self._offered, self._sink, self._worker = offered, sink, worker
        self._samples: list[bytes] = []
        self.keep: Callable[[bytes], None] = self._samples.append
        self._kinds = _Words("kind", [str(target.kind) for target in offered.targets])
        self._paths = _Words("path", [target.path for target in offered.targets])
        self._codes: dict[Any, int] = {}
        self._outcomes = _Outcomes()
        self._flushed = 0

    @property
    def count(self) -> int:
        """Samples kept so far."""
        return self._flushed + len(self._samples)

    def code(self, key: Any) -> int | None:
        """The code of an outcome met since the last flush under ``key``; None: it is new, see :meth:`learn`."""
        return self._codes.get(key)

    def learn(self, key: Any, outcome: Outcome) -> int:
        """Give ``outcome`` a code under ``key``."""
        self._codes[key] = code = self._outcomes.add(outcome)
        return code

    def flush(self) -> Iterator[pa.RecordBatch]:
        """Hand what was kept since the last flush to the sink, batch by batch; yields each, so that the caller can let
        the loop send in between.
        """
        samples, outcomes = self._samples[:], self._outcomes
        self._samples.clear()
        self._flushed += len(samples)
        if len(self._codes) > _MOST_CODES:
            # Content versions rise for ever; what was learnt of old ones is let go.
            self._codes, self._outcomes = {}, _Outcomes()
        for begin in range(0, len(samples), _BATCH):
            batch = self._batch(b"".join(samples[begin : begin + _BATCH]), outcomes)
            if self._sink:
                self._sink(batch)
            yield batch

    def _batch(self, held: bytes, outcomes: _Outcomes) -> pa.RecordBatch:
        samples = np.frombuffer(held, _SAMPLE_TYPE)
        position, code = samples["position"], samples["code"]
        target = self._offered.target[position]
        columns = {
            "index": pa.array(self._offered.index[position].astype(np.int32)),
            "kind": self._kinds.of(target),
            "path": self._paths.of(target),
            "intended_s": pa.array(self._offered.intended_s[position]),
            "sent_s": _times(samples["sent_s"]),
            "done_s": _times(samples["done_s"]),
            **outcomes.columns(code),
            "server_total_ms": _times(samples["server_total_ms"]),
            "worker": pa.array(np.full(len(samples), self._worker, np.int16)),
        }
        return pa.RecordBatch.from_arrays([columns[name] for name in REQUESTS.names], schema=REQUESTS)


class _Outcomes:
    """The outcomes met so far, and the columns that samples with their codes have."""

    _WORDS = ("cause", "cache", "content_version")

    def __init__(self) -> None:
        self._outcomes: list[Outcome] = []
        self._made = 0
        self._words: dict[str, _Words] = {}
        self._status = np.empty(0, np.int16)

    def add(self, outcome: Outcome) -> int:
        """Its code."""
        self._outcomes.append(outcome)
        return len(self._outcomes) - 1

    def columns(self, code: NDArray[np.int32]) -> dict[str, pa.Array]:
        """What the journal says of each."""
        if self._made < len(self._outcomes):
            self._made = len(self._outcomes)
            self._words = {
                name: _Words(name, [getattr(outcome, name) for outcome in self._outcomes]) for name in self._WORDS
            }
            self._status = np.array([outcome.status or 0 for outcome in self._outcomes], np.int16)
        status = self._status[code]
        found = {name: words.of(code) for name, words in self._words.items()}
        return {**found, "status": pa.array(status, mask=status == 0)}


class _Words:
    """A dictionary column of the journal, looked up by number; None is null. The same words make the same dictionary,
    which the journal then holds once.
    """

    def __init__(self, name: str, values: Sequence[str | None]) -> None:
        self._type = REQUESTS.field(name).type
        words = list(dict.fromkeys(value for value in values if value is not None))
        places = {word: place for place, word in enumerate(words)}
        self._dictionary = pa.array(words, pa.string())
        self._place = np.array(
            [-1 if value is None else places[value] for value in values], self._type.index_type.to_pandas_dtype()
        )
        self._has_null = None in values

    def of(self, number: NDArray[Any]) -> pa.Array:
        """The column for these numbers."""
        place = self._place[number]
        indices = pa.array(place, mask=place < 0) if self._has_null else pa.array(place)
        return pa.DictionaryArray.from_arrays(indices, self._dictionary, safe=False)


def _times(column: NDArray[Any]) -> pa.Array:
    unknown = np.isnan(column)
    return pa.array(column, mask=unknown) if unknown.any() else pa.array(column)
