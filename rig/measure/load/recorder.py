"""Keeps every request sample in columns and hands them to the journal once a second.

Locust rounds response times to two significant digits before it computes percentiles, so its own statistics are fed
from here, in batches and with times that count from the intended start; they are for the eye, never for figures.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from rig.journal import StreamSink
from rig.samples import REQUESTS

_NO_TIME = float("nan")


class Recorder:
    """Columns of the request table, filled a sample at a time, emptied by :meth:`flush`."""

    def __init__(self, path: Path | None) -> None:
        self._sink = StreamSink(path, REQUESTS) if path else None
        self.count = 0
        self._clear()

    def add(
        self,
        index: int,
        kind: str,
        path: str,
        intended_s: float,
        sent_s: float,
        done_s: float,
        status: int,
        cause: str | None,
        cache: str | None,
        content_version: str | None,
        server_total_ms: float,
    ) -> None:
        """Keep one sample. NaN and status 0 stand for "not measured" and become null."""
        self._index.append(index)
        self._kind.append(kind)
        self._path.append(path)
        self._intended.append(intended_s)
        self._sent.append(sent_s)
        self._done.append(done_s)
        self._status.append(status)
        self._cause.append(cause)
        self._cache.append(cache)
        self._version.append(content_version)
        self._server.append(server_total_ms)
        self.count += 1

    def flush(self) -> list[tuple[str, str, float | None, str | None]]:
        """Write what was added since the last flush.

        Returns it in short, for Locust: kind, path, response time in ms from the intended start (None where there
        is none), cause.
        """
        if not self._index:
            return []
        batch = pa.RecordBatch.from_arrays(
            [
                pa.array(self._index, pa.int32()),
                _words(self._kind, "kind"),
                _words(self._path, "path"),
                pa.array(self._intended, pa.float64()),
                _times(self._sent),
                _times(self._done),
                _statuses(self._status),
                _words(self._cause, "cause"),
                _words(self._cache, "cache"),
                _words(self._version, "content_version"),
                _times(self._server).cast(pa.float32()),
            ],
            schema=REQUESTS,
        )
        if self._sink:
            self._sink.write(batch)
        ended = zip(self._kind, self._path, self._intended, self._done, self._cause, strict=True)
        brief = [
            (kind, path, None if done != done else (done - intended) * 1000, cause)
            for kind, path, intended, done, cause in ended
        ]
        self._clear()
        return brief

    def close(self) -> None:
        """Flush the rest and end the journal."""
        self.flush()
        if self._sink:
            self._sink.close()

    def _clear(self) -> None:
        self._index, self._status = array("i"), array("h")
        self._intended, self._sent, self._done, self._server = (array("d") for _ in range(4))
        self._kind: list[str] = []
        self._path: list[str] = []
        self._cause: list[str | None] = []
        self._cache: list[str | None] = []
        self._version: list[str | None] = []


def _times(column: array[float]) -> pa.Array:
    return pa.array(column, pa.float64(), from_pandas=True)  # NaN becomes null


def _statuses(column: array[int]) -> pa.Array:
    return pa.array([status or None for status in column], pa.int16())


def _words(column: Sequence[str | None], name: str) -> pa.Array:
    return pa.array(column, pa.string()).dictionary_encode().cast(REQUESTS.field(name).type)
