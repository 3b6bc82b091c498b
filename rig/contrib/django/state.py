"""What all worker processes of a measured target share: epoch, trial's parameters, open recomputes, disturbances.

Lives in the folder ``RIG_EVENT_DIR``. Reading costs no system call: the epoch is eight bytes of a mapped file, so
asking for it at each request does not change what is measured.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
import tempfile
import threading
from pathlib import Path
from typing import Any

_COUNTER = struct.Struct("<q")
_OF_EPOCH_BITS = 16


class _MappedCounter:
    """Eight bytes of a file, mapped: visible to every process at once."""

    def __init__(self, path: Path) -> None:
        with path.open("a+b") as stream:
            if stream.tell() < _COUNTER.size:
                stream.write(bytes(_COUNTER.size))
                stream.flush()
            self._map = mmap.mmap(stream.fileno(), _COUNTER.size)

    def get(self) -> int:
        return int(_COUNTER.unpack_from(self._map)[0])

    def set(self, value: int) -> None:
        _COUNTER.pack_into(self._map, 0, value)


class _OfEpoch:
    """A number below 2^16 that holds for one epoch, and is 0 in every other.

    The epoch stands in the same eight bytes: so a reset ends it, and no process sees one without the other.
    """

    def __init__(self, path: Path) -> None:
        self._packed = _MappedCounter(path)

    def get(self, epoch: int) -> int:
        of, number = divmod(self._packed.get(), 1 << _OF_EPOCH_BITS)
        return number if of == epoch else 0

    def set(self, epoch: int, number: int) -> None:
        self._packed.set(epoch << _OF_EPOCH_BITS | number)


class SharedState:
    """Epoch and parameters, as every worker sees them."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        # Of an earlier process with our number, killed in a recompute: in a container numbers soon come again.
        self._open_file().unlink(missing_ok=True)
        self._epoch = _MappedCounter(folder / "epoch.bin")
        self._repeats = _OfEpoch(folder / "repeats.bin")
        self._commit_pause = _OfEpoch(folder / "commit-pause.bin")
        self._parameters: tuple[int, dict[str, Any]] = (-1, {})
        self._lock = threading.Lock()
        self._open: _MappedCounter | None = None
        self._open_pid = 0

    @property
    def epoch(self) -> int:
        """Raised by each reset; part of every cache key and event, so late work can't cross trials."""
        return self._epoch.get()

    def parameters(self) -> dict[str, Any]:
        """What the last reset declared for this epoch, for example ``{"ttl_s": 6.0}``."""
        epoch = self.epoch
        if self._parameters[0] != epoch:
            path = self.folder / f"parameters-{epoch}.json"
            self._parameters = (epoch, json.loads(path.read_text()) if path.exists() else {})
        return self._parameters[1]

    def advance(self, parameters: dict[str, Any]) -> int:
        """Begin the next epoch with ``parameters``; returns its number.

        The parameters are in place before the epoch is, so no worker sees a new epoch with old parameters.
        """
        with self._lock:
            epoch = self.epoch + 1
            handle, temporary = tempfile.mkstemp(dir=self.folder)
            with os.fdopen(handle, "w") as stream:
                json.dump(parameters, stream)
            Path(temporary).replace(self.folder / f"parameters-{epoch}.json")
            self._epoch.set(epoch)
            return epoch

    @property
    def origin_repeats(self) -> int:
        """How often a recompute does its work now; 1 unless this epoch's origin was slowed."""
        return self._repeats.get(self.epoch) or 1

    def repeat_origin(self, times: int) -> None:
        """Slow the origin of this epoch, in all processes at once."""
        self._repeats.set(self.epoch, times)

    @property
    def commit_pause_ms(self) -> int:
        """How long a write waits before its COMMIT now; 0 unless this epoch's commits were slowed."""
        return self._commit_pause.get(self.epoch)

    def pause_commits(self, milliseconds: int) -> None:
        """Slow the commits of this epoch, in all processes at once."""
        self._commit_pause.set(self.epoch, milliseconds)

    def count_open(self, change: int) -> None:
        """Add to the number of recomputes open in this process."""
        with self._lock:
            if self._open is None or self._open_pid != os.getpid():
                self._open = _MappedCounter(self._open_file())
                self._open_pid = os.getpid()
                self._open.set(0)
            self._open.set(self._open.get() + change)

    def _open_file(self) -> Path:
        """Where this process counts."""
        return self.folder / f"open-{os.getpid()}.bin"

    def open_recomputes(self) -> int:
        """Recomputes open in all living worker processes."""
        total = 0
        for path in self.folder.glob("open-*.bin"):
            pid = int(path.stem.split("-")[1])
            if _alive(pid):
                total += _MappedCounter(path).get()
        return total


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
