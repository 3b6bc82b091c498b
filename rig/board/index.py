"""All folders below the runs folder, read once: what has not changed since is taken from the index file.

The index file lies in rig's own folder (``RIG_HOME``), not beside the runs: those may be read-only, and an index that
came with somebody else's runs would have to be doubted.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from rig.board.entry import FIGURE_KEYS, Entry, read_entry, signature_of, status_now
from rig.board.files import MEGABYTE, UnreadableError, read_object
from rig.journal import write_json
from rig.model import RunStatus

SCHEMA = "rig.dashboard-index/2"
# What another version of rig has kept may lack what this one shows.
_KEEPS = [*(one.name for one in fields(Entry)), *FIGURE_KEYS]
_MOST_BYTES = 256 * MEGABYTE
# Newest first; what has no date at all comes last.
_NO_DATE = ""

Progress = Callable[[int, int], None]


class Index:
    """The entries of one folder. Safe to use from several threads; :meth:`refresh` looks at what changed."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder = folder
        self.revision = 0
        self.ready = False
        self.done, self.total = 0, 0
        self._store = home / "dashboard" / f"{_digest(folder)}.json"
        self._known: dict[str, tuple[list[Any], Entry]] = {}
        self._ordered: list[Entry] = []
        self._by_name: dict[str, Entry] = {}
        self._looked_s = 0.0
        self._lock = threading.Lock()

    @property
    def entries(self) -> list[Entry]:
        """Newest first."""
        return self._ordered

    def get(self, name: str) -> Entry | None:
        """The entry of that name, if the folder has one."""
        return self._by_name.get(name)

    def load(self) -> None:
        """Take what an earlier dashboard has kept; whatever is wrong with it is as if there were none."""
        with contextlib.suppress(UnreadableError, TypeError, KeyError, ValueError, AttributeError):
            kept = read_object(self._store, _MOST_BYTES)
            if kept and kept.get("schema") == SCHEMA and kept.get("keeps") == _KEEPS:
                self._known = {name: (one[0], Entry(**one[1])) for name, one in kept["entries"].items()}

    def refresh(self, older_than_s: float = 0.0, progress: Progress = lambda done, total: None) -> None:
        """Look at the folder again, unless that was done within ``older_than_s`` seconds."""
        with self._lock:
            if self.ready and time.monotonic() - self._looked_s < older_than_s:
                return
            self._refresh(progress)
            self._looked_s = time.monotonic()

    def _refresh(self, progress: Progress) -> None:
        folders = list(folders_of(self.folder))
        self.total = len(folders)
        found: dict[str, tuple[list[Any], Entry]] = {}
        read = 0
        for self.done, folder in enumerate(folders):
            progress(self.done, self.total)
            key = signature_of(folder)
            known = self._known.get(folder.name)
            if known and known[0] == key:
                found[folder.name] = known
            else:
                found[folder.name] = key, read_entry(folder)
                read += 1
        self.done = self.total
        progress(self.total, self.total)
        gone = self._known.keys() - found.keys()
        ordered = sorted((_now(self.folder, one) for _, one in found.values()), key=_newest, reverse=True)
        self._known = found
        if ordered != self._ordered or not self.ready:
            self._ordered = ordered
            self._by_name = {entry.name: entry for entry in ordered}
            self.revision += 1
        self.ready = True
        if read or gone:
            self._keep()

    def _keep(self) -> None:
        entries = {name: [key, entry.to_json()] for name, (key, entry) in self._known.items()}
        # Where nothing may be written the index is made anew each time.
        with contextlib.suppress(OSError, ValueError):
            self._store.parent.mkdir(parents=True, exist_ok=True)
            write_json(self._store, {"schema": SCHEMA, "keeps": _KEEPS, "entries": entries}, indent=None)


def folders_of(folder: Path) -> Iterator[Path]:
    """What the list has a line for: folders, and links that lead to one elsewhere or nowhere; none that is hidden."""
    try:
        found = sorted(os.scandir(folder), key=lambda one: one.name)
    except OSError:
        return
    inside = folder.resolve()
    for one in found:
        if one.name.startswith("."):
            continue
        path = folder / one.name
        if not one.is_symlink():
            if one.is_dir(follow_symlinks=False):
                yield path
        elif not _leads_inside(path, inside):
            yield path


def _leads_inside(link: Path, inside: Path) -> bool:
    """A link to a run of the same folder (``latest``), to the folder itself or above it is no run of its own."""
    try:
        target = link.resolve(strict=True)
    except (OSError, RuntimeError):
        return False  # A loop, or a link that leads nowhere: listed as damaged.
    return not target.is_dir() or target.parent == inside or target == inside or target in inside.parents


def _now(folder: Path, entry: Entry) -> Entry:
    """Whether a run still runs is no fact of its files: it ends without a word when it is killed."""
    if entry.kind == "run" and entry.state == RunStatus.RUNNING:
        return replace(entry, state=status_now(folder / entry.name))
    return entry


def _newest(entry: Entry) -> tuple[str, str]:
    return entry.created or _NO_DATE, entry.name


def _digest(folder: Path) -> str:
    return hashlib.sha256(str(folder.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:16]
