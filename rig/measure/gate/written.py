"""Whether each arm took the launch's write: one that was refused invalidates nothing, and so costs nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from rig.analysis.requests import failure_causes
from rig.model import Kind

Origin = Sequence[Mapping[str, Any]] | None


def unwritten(
    path: str, requests: tuple[pd.DataFrame, pd.DataFrame], origins: Sequence[Origin], names: Sequence[str]
) -> Iterator[str]:
    """Why the writes of a launch can't be compared: a sentence for each arm, or one for both.

    A redirect alone does not tell a form that was saved from one that asks to log in. So both must answer with one
    status, and an arm that records events must have recorded the commit.
    """
    sent = [frame[(frame["kind"] == Kind.WRITE).to_numpy(bool)] for frame in requests]
    refused = [_refused(path, name, writes) for name, writes in zip(names, sent, strict=True)]
    if any(refused):
        yield from filter(None, refused)
        return
    statuses = [sorted(set(writes["status"].astype(int))) for writes in sent]
    if statuses[0] != statuses[1]:
        one, other = (", ".join(map(str, found)) for found in statuses)
        yield f"write {path}: the {names[0]} answers with status {one}, the {names[1]} with {other}"
    for name, writes, origin in zip(names, sent, origins, strict=True):
        if origin and not _is_committed(writes, origin):
            status = int(writes["status"].iloc[0])
            yield (
                f"write {path}: the {name} answered with status {status}, but recorded no commit;"
                " it may ask for a login or a CSRF token, or writes outside of rig.write() (docs/target-contract.md)"
            )


def _refused(path: str, name: str, writes: pd.DataFrame) -> str | None:
    if writes.empty:
        return f"write {path}: none was sent to the {name}"
    failed = failure_causes(writes).notna().to_numpy(bool)
    if not failed.any():
        return None
    first = writes[failed].iloc[0]
    why = f"status {int(first['status'])}" if pd.notna(first["status"]) else str(first["cause"])
    return f"write {path}: failed in the {name} ({why}), so nothing was invalidated; target.write names path and form"


def _is_committed(writes: pd.DataFrame, origin: Sequence[Mapping[str, Any]]) -> bool:
    """Since the write was sent: what seeded the data may have recorded writes of its own."""
    since_ns = float(writes["sent_s"].min()) * 1e9
    return any(
        row["event"] == "write" and row.get("outcome") == "committed" and row["begin_ns"] >= since_ns for row in origin
    )
