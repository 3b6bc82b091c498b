"""Carries out a trial's disturbances while the fleet measures, and undoes them whatever happens."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rig.measure.deeds import DEEDS, Deed, Means
from rig.model import InfrastructureError, RigError
from rig.plan.disturbance import Planned

_JOIN_S = 90.0
"""A call to a target that is busy with what was done to it may take as long as the target's own time-out."""
_INTERRUPTED_S = 3.0
Tell = Callable[[Mapping[str, Any]], None]


class Disturber:
    """The disturbances of one trial, in a thread of their own. Use as a context manager around the measuring.

    Leaving the block ends what was begun, also on Ctrl-C; :attr:`facts` then says what happened when.
    """

    def __init__(self, planned: Sequence[tuple[Planned, Deed]], tell: Tell = lambda message: None) -> None:
        self._planned, self._tell = planned, tell
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._open: dict[int, Deed] = {}
        self.facts: list[dict[str, Any]] = [
            {"kind": one.kind, "entry": one.entry, "planned_s": None, "begin_s": None, "end_s": None, "error": None}
            for one, _ in planned
        ]

    def start(self, start_s: float) -> None:
        """The trial's clock is fixed: its window begins at ``start_s``."""
        for (one, _), facts in zip(self._planned, self.facts, strict=True):
            facts["planned_s"] = start_s + one.begin_s
        if self._planned:
            self._thread = threading.Thread(target=self._run, args=(start_s,), name="disturbances", daemon=True)
            self._thread.start()

    def __enter__(self) -> Disturber:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Stop, and undo what is still open.

        Raises:
            InfrastructureError: it could not be undone; the next trial would not be what was planned.
        """
        self._stop.set()
        if self._thread is not None:
            self._thread.join(_JOIN_S if kind is None else _INTERRUPTED_S)
        for number in list(self._open):
            try:
                self._end(number)
            except RigError as error:
                # An error that already ends the run says more than this one.
                if kind is None:
                    raise InfrastructureError(f"{self.facts[number]['kind']}: not undone ({error})") from error
        for facts in self.facts:
            if facts["begin_s"] is None and facts["error"] is None:
                facts["error"] = "the trial ended before it was begun"

    def _run(self, start_s: float) -> None:
        for number, (one, deed) in enumerate(self._planned):
            if self._stop.wait(max(0.0, start_s + one.begin_s - time.monotonic())):
                return
            try:
                self._begin(number, deed)
                if one.end_s is not None:
                    if self._stop.wait(max(0.0, start_s + one.end_s - time.monotonic())):
                        return
                    self._end(number)
            except Exception as error:  # It must reach the trial's facts, whatever it is; the run goes on.
                self.facts[number]["error"] = f"{error}"

    def _begin(self, number: int, deed: Deed) -> None:
        if self._planned[number][0].end_s is not None:
            self._open[number] = deed
        self.facts[number]["begin_s"] = deed.begin()
        self._mark(number)

    def _end(self, number: int) -> None:
        deed = self._open[number]
        ended_s = deed.end()
        del self._open[number]
        # Undone without having been brought about: there is no end to record.
        if self.facts[number]["begin_s"] is not None:
            self.facts[number]["end_s"] = ended_s
            self._mark(number)

    def _mark(self, number: int) -> None:
        """Tell those who watch."""
        facts = self.facts[number]
        marker = {"kind": "disturbance", "at_s": facts["begin_s"], "until_s": facts["end_s"], "text": facts["kind"]}
        self._tell({"marker": marker})


def disturber(planned: Sequence[Planned], means: Means, tell: Tell) -> Disturber:
    """The disturbances of one trial, each with the way it is carried out. ``tell`` reaches those who watch."""
    return Disturber([(one, DEEDS[one.kind](one, means)) for one in planned], tell)
