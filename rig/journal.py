"""The run directory: append-only sample files while measuring, sealing to Parquet, reading back.

While a trial is measured its samples lie in Arrow IPC *streams* and JSON lines, flushed every second, so that
after ``kill -9`` all but the last second can be read (Parquet has no footer until it is closed). Sealing turns
them into ``requests.parquet``, ``pages.parquet``, ``origin.parquet`` and ``trial.json``; ``trial.json`` comes
last and by rename, so a trial that has one is whole. An unsealed trial is named but never analysed.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.ipc as ipc
import pyarrow.parquet as pq

from rig.model import InfrastructureError, RunStatus, TrialId, UsageError
from rig.parquet import batches, copy_to_parquet, row_count, write_parquet
from rig.samples import TABLES

if TYPE_CHECKING:
    import pandas as pd

MANIFEST_SCHEMA = "rig.run/1"
TRIAL_SCHEMA = "rig.trial/1"


def write_json(path: Path, value: Mapping[str, Any], indent: int | None = 2) -> None:
    """Replace ``path`` by ``value``, as :func:`replace_text` does; its owner alone may read it."""
    replace_text(path, json.dumps(value, indent=indent, allow_nan=False) + "\n", mode=0o600)


def replace_text(path: Path, text: str, mode: int = 0o666) -> None:
    """Replace ``path`` atomically: a reader sees the old text or the new, never half of one.

    A link there is replaced, too, and what it leads to stays: a run directory may be somebody else's. ``mode``: of the
    new file, less the umask.

    Raises:
        OSError: it cannot be written there.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


class StreamSink:
    """Appends record batches of one table to an Arrow IPC stream; each :meth:`write` is flushed to the file."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._file: IO[bytes] = path.open("wb")
        options = ipc.IpcWriteOptions(emit_dictionary_deltas=True)
        self._writer = ipc.new_stream(self._file, schema, options=options)
        self._file.flush()

    def write(self, batch: pa.RecordBatch) -> None:
        """Append one batch and hand it to the operating system."""
        self._writer.write_batch(batch)
        self._file.flush()

    def close(self) -> None:
        """End the stream and close the file."""
        self._writer.close()
        self._file.close()


def stream_batches(path: Path) -> Iterator[pa.RecordBatch]:
    """Batches of an Arrow IPC stream, also of one that was cut off in the middle: every whole batch is there."""
    if not path.exists() or not path.stat().st_size:
        return
    with path.open("rb") as stream:
        try:
            yield from ipc.open_stream(stream)
        except (pa.ArrowInvalid, OSError, EOFError):
            return  # A stream cut by kill -9 ends inside a batch; what came before it is whole.


def read_stream(path: Path, schema: pa.Schema) -> pa.Table:
    """The whole of a stream as one table."""
    return pa.Table.from_batches(list(stream_batches(path)), schema=schema).unify_dictionaries()


def read_json_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the whole lines of a JSON-lines file; a last line without its newline was cut off and is left out."""
    if not path.exists():
        return
    with path.open("rb") as stream:
        for line in stream:
            if line.endswith(b"\n"):
                yield json.loads(line)


def table_of(rows: Iterable[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    """Rows to a table of ``schema``; keys the schema lacks are refused, missing ones are null."""
    known = set(schema.names)
    listed = list(rows)
    for row in listed:
        if unknown := set(row) - known:
            raise ValueError(f"sample has columns the journal does not know: {sorted(unknown)}")
    return pa.Table.from_pylist(listed, schema=schema)


@dataclass(frozen=True)
class TrialDir:
    """The folder of one trial."""

    path: Path

    @property
    def requests_stream(self) -> Path:
        """Raw journal of requests (Arrow IPC stream)."""
        return self.path / "requests.arrows"

    @property
    def pages_lines(self) -> Path:
        """Raw journal of page visits (JSON lines)."""
        return self.path / "pages.jsonl"

    @property
    def pictures(self) -> Path:
        """Pictures of the slowest visits; the column ``screenshot`` names them from the run directory."""
        return self.path / "pictures"

    @property
    def sealed(self) -> bool:
        """Whether the trial ended in order; only then is it analysed."""
        return (self.path / "trial.json").exists()

    def seal(self, origin_rows: Iterable[Mapping[str, Any]], facts: Mapping[str, Any]) -> None:
        """Turn the raw journals into Parquet and write ``trial.json`` (last, atomically)."""
        copy_to_parquet(stream_batches(self.requests_stream), TABLES["requests"], self.path / "requests.parquet")
        tables = {
            "pages": table_of(self._visits(), TABLES["pages"]),
            "origin": table_of(origin_rows, TABLES["origin"]),
        }
        for name, table in tables.items():
            write_parquet(table, self.path / f"{name}.parquet")
        write_json(self.path / "trial.json", {"schema": TRIAL_SCHEMA, **facts})
        self.requests_stream.unlink(missing_ok=True)
        self.pages_lines.unlink(missing_ok=True)

    def _visits(self) -> Iterator[dict[str, Any]]:
        """Page visits; one whose picture gave way to a slower visit's, after it was written down, has none."""
        for row in read_json_lines(self.pages_lines):
            if row.get("screenshot") and not (self.path.parents[1] / row["screenshot"]).exists():
                row["screenshot"] = None
            yield row


@dataclass(frozen=True)
class SealedTrial:
    """A trial as analysis sees it: its facts and its three tables."""

    id: TrialId
    facts: dict[str, Any]
    path: Path

    def table(self, name: str, columns: Sequence[str] | None = None) -> pa.Table:
        """One of ``requests``, ``pages``, ``origin`` as an Arrow table."""
        return pq.read_table(self.path / f"{name}.parquet", columns=list(columns) if columns else None)

    def frame(self, name: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """The same as a data frame."""
        frame: pd.DataFrame = self.table(name, columns).to_pandas()
        return frame

    def rows(self, name: str) -> int:
        """How many rows a table has."""
        return row_count(self.path / f"{name}.parquet")

    def chunks(self, name: str, columns: Sequence[str]) -> Iterator[pd.DataFrame]:
        """The same as data frames of a few megabytes each, for tables that would not fit into memory."""
        return (batch.to_pandas() for batch in batches(self.path / f"{name}.parquet", columns))


@dataclass(frozen=True)
class Run:
    """A run directory read back."""

    path: Path
    manifest: dict[str, Any]
    trials: list[SealedTrial] = field(default_factory=list)
    unsealed: list[str] = field(default_factory=list)

    @property
    def status(self) -> RunStatus:
        """Status as read: 'running' without a living owner is an interrupted run."""
        status = RunStatus(self.manifest["status"])
        if status is RunStatus.RUNNING and not is_locked(self.path):
            return RunStatus.INTERRUPTED
        return status

    def of_arm(self, label: str) -> list[SealedTrial]:
        """Sealed trials of one arm in the order of rounds."""
        return sorted((t for t in self.trials if t.id.arm == label), key=lambda t: t.id.round)


class RunDir:
    """The run directory while it is being written. Holds a lock: its absence means nobody writes any more."""

    def __init__(self, path: Path, manifest: dict[str, Any]) -> None:
        self.path = path
        self.manifest = manifest
        self._lock = (path / ".lock").open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.update()

    @classmethod
    def create(cls, parent: Path, profile: str, manifest: Mapping[str, Any]) -> RunDir:
        """Make ``<UTC>-<profile>-<id>/`` below ``parent`` with a manifest of status 'running'.

        Raises:
            InfrastructureError: the folder cannot be written.
        """
        now = datetime.now(UTC)
        name = f"{now:%Y%m%dT%H%M%SZ}-{profile}-{secrets.token_hex(3)}"
        path = parent / name
        try:
            path.mkdir(parents=True)
            (path / "trials").mkdir()
            (path / "logs").mkdir()
        except OSError as error:
            raise InfrastructureError(
                f"output folder {parent}: cannot be written ({error.strerror}); choose another with --out"
            ) from error
        head = {"schema": MANIFEST_SCHEMA, "status": RunStatus.RUNNING, "profile": profile}
        return cls(path, {**head, "created": now.isoformat(timespec="seconds"), **manifest})

    def update(self, **facts: Any) -> None:
        """Merge ``facts`` into the manifest and replace it atomically; what can't be written is not merged."""
        merged = {**self.manifest, **facts}
        write_json(self.path / "manifest.json", merged)
        self.manifest = merged

    def open_trial(self, trial: TrialId) -> TrialDir:
        """Make the folder of one trial."""
        path = self.path / "trials" / str(trial)
        path.mkdir()
        return TrialDir(path)

    def finish(self, status: RunStatus) -> None:
        """Write the final status and let go of the directory."""
        self.update(status=status, finished=datetime.now(UTC).isoformat(timespec="seconds"))
        self._lock.close()


@contextmanager
def recorded(directory: RunDir) -> Iterator[None]:
    """The manifest says how the run ended, however it ends."""
    try:
        yield
    except KeyboardInterrupt:
        directory.finish(RunStatus.INTERRUPTED)
        raise
    except BaseException as error:
        directory.update(error=f"{error}")
        directory.finish(RunStatus.FAILED)
        raise
    directory.finish(RunStatus.COMPLETE)


def is_locked(path: Path) -> bool:
    """Whether a living process writes the run directory ``path``.

    Ask only where the manifest says 'running': this takes the lock for a moment, which must not be the one in which a
    run begins.
    """
    try:
        # Whatever lies there under that name, a pipe too, must not keep the reader waiting.
        lock = os.open(path / ".lock", os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        if not stat.S_ISREG(os.fstat(lock).st_mode):
            return False
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(lock)
    return False


def open_run(path: Path) -> Run:
    """Read a run directory.

    Raises:
        UsageError: there is no run at ``path``.
        InfrastructureError: its manifest or a trial's facts are damaged, or of another schema.
    """
    manifest_path = path / "manifest.json"
    if not manifest_path.is_file():
        raise UsageError(f"{path}: not a run directory (no manifest.json); `rig runs` lists those there are")
    manifest = _read_object(manifest_path)
    if manifest.get("schema") != MANIFEST_SCHEMA:
        raise InfrastructureError(
            f"{manifest_path}: schema {manifest.get('schema')!r}, this rig reads {MANIFEST_SCHEMA!r}"
        )
    if manifest.get("status") not in tuple(RunStatus):
        raise InfrastructureError(
            f"{manifest_path}: status {manifest.get('status')!r}, expected one of {', '.join(RunStatus)}"
        )
    trials, unsealed = [], []
    folders = sorted((path / "trials").iterdir()) if (path / "trials").is_dir() else []
    for folder in folders:
        if not TrialDir(folder).sealed:
            unsealed.append(folder.name)
            continue
        facts = _read_object(folder / "trial.json")
        if not isinstance(facts.get("round"), int) or not isinstance(facts.get("arm"), str):
            raise InfrastructureError(f"{folder / 'trial.json'}: no round and arm in it; the run cannot be used")
        trials.append(SealedTrial(TrialId(round=facts["round"], arm=facts["arm"]), facts, folder))
    return Run(path, manifest, trials, unsealed)


def _read_object(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InfrastructureError(f"{path}: cannot be read ({error}); the run cannot be used") from error
    if not isinstance(found, dict):
        raise InfrastructureError(f"{path}: not a JSON object; the run cannot be used")
    return found
