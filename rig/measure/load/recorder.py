"""Keeps every request sample in columns and hands them to the journal once a second.

In the moment a response ends only five numbers are written down: position in the schedule, sent, done, the server's
own time, and a code for the outcome. What follows from the schedule (kind, path, intended start) and what the codes
stand for is filled in by the batch. That keeps the cost in the hot path at a fraction of a microsecond.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

# pyarrow would import it at its first conversion: a second in which nothing is sent and no heartbeat answered.
import pandas  # noqa: F401
import pyarrow as pa
from numpy.typing import NDArray

from rig.model import Kind
from rig.samples import REQUESTS

_WIDTH = 5
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
    """Samples of one trial, filled one at a time, emptied by :meth:`flush` into ``sink``. ``worker``: who sent them."""

    def __init__(self, offered: Offered, sink: Sink | None, worker: int = 0) -> None:
        self._offered, self._sink, self._worker = offered, sink, worker
        self.count = 0
        paths = list(dict.fromkeys(target.path for target in offered.targets))
        self._paths = pa.array(paths, pa.string())
        self._path_of = np.array([paths.index(target.path) for target in offered.targets], np.int16)
        kinds = list(Kind)
        self._kinds = pa.array([str(kind) for kind in kinds], pa.string())
        self._kind_of = np.array([kinds.index(target.kind) for target in offered.targets], np.int8)
        self._rows = array("d")
        self._codes: dict[Any, int] = {}
        self._outcomes: list[Outcome] = []

    def code(self, key: Any) -> int | None:
        """The code of an outcome met since the last flush under ``key``; None: it is new, see :meth:`learn`."""
        return self._codes.get(key)

    def learn(self, key: Any, outcome: Outcome) -> int:
        """Give ``outcome`` a code under ``key``."""
        self._codes[key] = code = len(self._outcomes)
        self._outcomes.append(outcome)
        return code

    def add(self, position: int, sent_s: float, done_s: float, server_total_ms: float, code: int) -> None:
        """Keep one sample: ``position`` in what is offered, NaN for a time that was not measured."""
        self._rows.extend((position, sent_s, done_s, server_total_ms, code))
        self.count += 1

    def flush(self) -> pa.RecordBatch | None:
        """Hand what was added since the last flush to the sink; returns it, None where there is nothing."""
        if not self._rows:
            return None
        rows, self._rows = np.frombuffer(self._rows).reshape(-1, _WIDTH), array("d")
        outcomes, self._outcomes, self._codes = self._outcomes, [], {}
        batch = self._batch(rows, outcomes)
        if self._sink:
            self._sink(batch)
        return batch

    def _batch(self, rows: NDArray[np.float64], outcomes: Sequence[Outcome]) -> pa.RecordBatch:
        position, code = rows[:, 0].astype(np.int64), rows[:, 4].astype(np.int64)
        target = self._offered.target[position]

        def words(name: str) -> pa.Array:
            return _coded([getattr(outcome, name) for outcome in outcomes], code, name)

        columns = {
            "index": pa.array(self._offered.index[position].astype(np.int32)),
            "kind": pa.DictionaryArray.from_arrays(self._kind_of[target], self._kinds),
            "path": pa.DictionaryArray.from_arrays(self._path_of[target], self._paths),
            "intended_s": pa.array(self._offered.intended_s[position]),
            "sent_s": _times(rows[:, 1]),
            "done_s": _times(rows[:, 2]),
            "status": pa.array([outcome.status for outcome in outcomes], pa.int16()).take(pa.array(code)),
            "cause": words("cause"),
            "cache": words("cache"),
            "content_version": words("content_version"),
            "server_total_ms": _times(rows[:, 3]).cast(pa.float32()),
            "worker": pa.array(np.full(len(rows), self._worker, np.int16)),
        }
        return pa.RecordBatch.from_arrays([columns[name] for name in REQUESTS.names], schema=REQUESTS)


def _times(column: NDArray[np.float64]) -> pa.Array:
    return pa.array(column, pa.float64(), from_pandas=True)  # NaN becomes null


def _coded(values: Sequence[str | None], code: NDArray[np.int64], name: str) -> pa.Array:
    """A dictionary column: ``values`` by code, None is null."""
    kind = REQUESTS.field(name).type
    words = list(dict.fromkeys(value for value in values if value is not None))
    place = np.array([-1 if value is None else words.index(value) for value in values])[code]
    indices = pa.array(place, kind.index_type, mask=place < 0)
    return pa.DictionaryArray.from_arrays(indices, pa.array(words, pa.string()))
