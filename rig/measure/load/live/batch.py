"""What those who watch need of a batch of samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rig.model import Kind


@dataclass(frozen=True, slots=True)
class Shown:
    """Which content version each of some reads got: its text is ``texts[place]``. ``sent_s``: when each began."""

    sent_s: NDArray[np.float64]
    place: NDArray[np.intp]
    texts: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """Ended requests in columns of one length. ``done_s``: NaN where neither a response nor a deadline ended it,
    ``sent_s``: NaN where it was never begun.
    """

    intended_s: NDArray[np.float64]
    done_s: NDArray[np.float64]
    failed: NDArray[np.bool_]
    is_write: NDArray[np.bool_]
    sent_s: NDArray[np.float64] | None = None
    causes: Mapping[str, int] = field(default_factory=dict)
    """How many failed, by cause; reads and writes."""
    caches: Mapping[str, int] = field(default_factory=dict)
    """How many reads the cache served how (X-Cache)."""
    shown: Shown | None = None
    """None: not to be judged, for example because another host's clock took the times."""


def timings(batch: pa.RecordBatch, *, judged: bool = True) -> Timings:
    """What is needed of a batch of :data:`rig.samples.REQUESTS`."""
    kinds = batch["kind"]
    writes = [word == Kind.WRITE for word in kinds.dictionary.to_pylist()]
    is_write = np.array(writes, bool)[kinds.indices.to_numpy()]
    failed = batch["cause"].is_valid().to_numpy(zero_copy_only=False)
    sent_s = batch["sent_s"].to_numpy(zero_copy_only=False)
    return Timings(
        intended_s=batch["intended_s"].to_numpy(),
        done_s=batch["done_s"].to_numpy(zero_copy_only=False),
        failed=failed,
        is_write=is_write,
        sent_s=sent_s,
        causes=_counted(batch["cause"]),
        caches=_counted(pc.filter(batch["cache"], pa.array(~is_write))),
        shown=_shown(batch["content_version"], sent_s, ~is_write & ~failed) if judged else None,
    )


def _counted(words: pa.DictionaryArray) -> dict[str, int]:
    if words.null_count == len(words):
        return {}
    return {one["values"]: one["counts"] for one in words.drop_null().value_counts().to_pylist()}


def _shown(versions: pa.DictionaryArray, sent_s: NDArray[np.float64], wanted: NDArray[np.bool_]) -> Shown | None:
    wanted = wanted & versions.is_valid().to_numpy(zero_copy_only=False)
    if not wanted.any():
        return None
    place = versions.indices.fill_null(0).to_numpy(zero_copy_only=False)
    return Shown(sent_s[wanted], place[wanted].astype(np.intp), versions.dictionary.to_pylist())
