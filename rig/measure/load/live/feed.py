"""What a run looks like now, for whoever watches: the trial under way as a picture, each earlier one as a row.

The feed lives in the process that sends the load, so it does no work for a single sample: requests come in columns,
and a watcher is told only what changed. It is for the eye; figures come from the sealed trials.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rig.measure.load.live.batch import Timings
from rig.measure.load.live.figures import Figures
from rig.measure.load.live.picture import KINDS, LiveTrial, Log

MOST_TRIALS = 500
LINGER_S = 60.0
"""How long the figures of an ended trial can still be had: who asks every 15 s gets its last ones for sure."""
_MOST_LINGERING = 16


class LiveFeed:
    """Takes plain data from the fleet and gives it, in deltas, to any number of watchers.

    A watcher holds a *revision* and asks for what changed since. All times taken are CLOCK_MONOTONIC seconds.
    """

    def __init__(self) -> None:
        # Begins at the wall clock's milliseconds: what a watcher holds of an earlier process is older than all.
        self.revision = self._first = time.time_ns() // 1_000_000
        self._facts: dict[str, Any] = {}
        self._facts_changed = self.revision
        self.trials = 0
        self._trial: LiveTrial | None = None
        self._ended = Log(MOST_TRIALS)
        self._lingering: deque[Figures] = deque(maxlen=_MOST_LINGERING)

    @property
    def profile(self) -> str:
        """What is run; empty where nobody said."""
        return str(self._facts.get("profile", ""))

    def run_began(self, facts: Mapping[str, Any]) -> None:
        """Say what is common to all trials, as JSON data.

        Known to the page: ``profile``, ``arms`` (labels; their order gives colours), ``hot_entry`` (its writes and
        expiries are shown apart from those of other entries).
        """
        self._facts = dict(facts)
        self._facts_changed = self._next()

    def trial_began(
        self,
        round: int | None,
        arm: str,
        number: int,
        of: int,
        start_s: float,
        window_s: float,
        *,
        due_s: NDArray[np.float64] | None = None,
        in_flight: Callable[[], int | None] = lambda: None,
    ) -> None:
        """Begin the picture of trial ``number`` of ``of``; the one before stays as a row if it was ended.

        ``round``: None where there are no rounds. ``due_s``: when its requests are due, monotonic, in order.
        ``in_flight``: how many are open now, None where that is not known.
        """
        if self._trial is not None:
            self._lingering.append(self._trial.figures(time.monotonic()))
        self.trials += 1
        header = {"round": round, "arm": arm, "number": number, "of": of}
        self._trial = LiveTrial(header, start_s, window_s, self._next(), due_s, in_flight)

    def requests(self, batch: Timings) -> None:
        """Requests of the current trial that have ended since the last call; see :func:`.picture.timings`."""
        if self._trial is not None and len(batch.intended_s):
            self._trial.requests(batch, self._next())
            self._sum_up()

    def visit(self, row: Mapping[str, Any]) -> None:
        """One page visit that has ended; a row of :data:`rig.samples.PAGES`."""
        if self._trial is not None:
            self._trial.visit(row, self._next())
            self._sum_up()

    def recomputes_open(self, steps: Iterable[tuple[float, int]]) -> None:
        """``(instant, number open from then on)`` in order of time; the last step says "as of now"."""
        if self._trial is not None:
            revision = self._next()
            for at_s, number in steps:
                self._trial.recomputes_open(at_s, number, revision)

    def committed(self, at_s: float, versions: Mapping[str, int]) -> None:
        """The target said that a write was committed by ``at_s``, and which versions it made."""
        if self._trial is not None:
            self._trial.freshness.committed(at_s, versions)

    def events_read(self, until_s: float) -> None:
        """All that the target had written down by ``until_s`` has been told."""
        if self._trial is not None:
            self._trial.freshness.known_until(until_s)

    def marker(
        self,
        kind: str,
        at_s: float,
        text: str,
        *,
        until_s: float | None = None,
        entries: Iterable[str] = (),
        **more: str | int | None,
    ) -> None:
        """Mark an instant, or a stampede's span (``until_s``: None while it lasts; ``more``: peak, cause, recomputes).

        Given again with the same kind, instant and text it replaces the earlier one. ``entries``: the logical entries
        it concerns; an expiry of another entry than the hot one is left out, as in the report.

        Raises:
            ValueError: ``kind`` is none of :data:`rig.measure.load.live.picture.KINDS`.
        """
        if kind not in KINDS:
            raise ValueError(f"marker {text!r}: {kind!r} is no kind of marker; give one of {', '.join(KINDS)}")
        hot_entry, concerned = self._facts.get("hot_entry"), list(entries)
        hot = hot_entry is None or not concerned or hot_entry in concerned
        if self._trial is None or (kind == "expiry" and not hot):
            return
        defaults = {"peak": None, "cause": None, "recomputes": None}
        self._trial.marker(kind, at_s, text, until_s, {**defaults, **more, "hot": hot}, self._next())
        self._sum_up()

    def trial_ended(self, facts: Mapping[str, Any]) -> None:
        """The current trial is over. Shown of its facts: ``error``, and ``marks`` (why it will not count).

        Without ``marks`` nobody has judged yet, or will, whether it was sound.
        """
        if self._trial is not None:
            marks = facts.get("marks")
            judged = None if marks is None else [str(mark) for mark in marks]
            self._trial.end = {"marks": judged, "error": facts.get("error")}
            self._next()
            self._sum_up()

    def delta(self, since: int) -> dict[str, Any]:
        """What changed after revision ``since``, as JSON data; everything for 0."""
        trial = self._trial
        return {
            "feed": self._first,
            "revision": self.revision,
            "facts": self._facts if self._facts_changed > since else None,
            "trial": trial.delta(since, time.monotonic()) if trial else None,
            "ended": self._ended.since(since),
        }

    def figures(self, now_s: float) -> list[Figures]:
        """What is counted in the current trial and in those that ended less than :data:`LINGER_S` ago, oldest first."""
        lingering = [one for one in self._lingering if now_s - one.at_s < LINGER_S]
        return [*lingering, self._trial.figures(now_s)] if self._trial is not None else lingering

    def _next(self) -> int:
        self.revision += 1
        return self.revision

    def _sum_up(self) -> None:
        """Late markers and visits still belong to the trial that has ended."""
        trial = self._trial
        if trial is not None and trial.end is not None:
            self._ended.put(trial.began, {**trial.header, **trial.totals(), **trial.end}, self.revision)
