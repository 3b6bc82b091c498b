"""What takes seconds of a processor: reports and comparisons, each made by a ``rig`` process of its own, one at a time.

A process of its own: a damaged table that takes the analysis down takes only that process down, and its memory goes.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

DEADLINE_S = 600.0
_KEPT_PAGES = 8
_LAST_WORDS = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """How a piece of work ended: its exit code, what it wrote, and what it said last."""

    code: int
    output: str
    said: str


class Work:
    """Runs ``rig`` verbs. :meth:`close` ends the one under way."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._child: subprocess.Popen[str] | None = None
        self._closed = False

    def report(self, folder: Path) -> Done:
        """Analyse a run again; writes its summary and report into its directory."""
        return self._run("report", str(folder.absolute()))

    def compare(self, a: Path, b: Path, allowed: Sequence[str]) -> Done:
        """Compare two runs; the page is the output, also where it says that they may not be compared (exit 3)."""
        facts = [argument for fact in allowed for argument in ("--allow-different", fact)]
        return self._run("compare", str(a.absolute()), str(b.absolute()), "--format", "html", "--home", "/", *facts)

    def close(self) -> None:
        """End what is under way; nothing begins after this."""
        self._closed = True
        child = self._child
        if child is not None and child.poll() is None:
            child.kill()
            child.wait()

    def _run(self, *arguments: str) -> Done:
        with self._turn:
            if self._closed:
                return Done(code=130, output="", said="the dashboard ends")
            pipe = subprocess.PIPE
            command = [sys.executable, "-m", "rig", *arguments]
            with subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=pipe,
                stderr=pipe,
                text=True,
                encoding="utf-8",
                errors="replace",
            ) as child:
                self._child = child
                try:
                    output, said = child.communicate(timeout=DEADLINE_S)
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.communicate()
                    return Done(code=3, output="", said=f"not done within {DEADLINE_S:g} s, so it was ended")
            return Done(code=child.returncode, output=output, said=said.strip()[-_LAST_WORDS:])


class Pages:
    """The last few comparisons, by what they were made of."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Done] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str) -> Done | None:
        """One that was kept."""
        return self._kept.get(key)

    def put(self, key: str, page: Done) -> None:
        """Keep one; the oldest gives way."""
        with self._lock:
            self._kept[key] = page
            while len(self._kept) > _KEPT_PAGES:
                self._kept.popitem(last=False)
