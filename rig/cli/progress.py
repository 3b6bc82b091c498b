"""Progress of a run on stderr: a bar with the remaining time on a terminal, a line a step elsewhere."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from rig.model import TrialId
from rig.plan.plan import Plan
from rig.words import milliseconds, plural


class RunProgress:
    """Implements ``rig.measure.bench.Progress``. Use as a context manager."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._bar = _bar(self._terminal)
        self._task: TaskID | None = None
        self._plan: Plan | None = None
        self._run_dir: Path | None = None
        self._last = ""
        self._sealed = 0
        self._command = ""
        self._order: list[TrialId] = []

    def step(self, text: str) -> None:
        """A step of the start-up or the end."""
        if self._terminal:
            self._task = self._task if self._task is not None else self._bar.add_task(text, total=None)
            self._bar.update(self._task, description=text)
        elif text != self._last:
            self._say(text)
        self._last = text

    def waiting(self, command: Sequence[str] | None, wanted: int, connected: int) -> None:
        """Workers are waited for: say how to start them by hand, once, and how many are there."""
        if command and not self._command:
            self._command = shlex.join(command)
            self._say(f"start {wanted} of these, here or on other hosts that have this project:")
            self._say(f"  {self._command}")
            self._say("there, with that host's own paths; the run begins when all are connected, Ctrl-C ends the wait")
        self.step(f"{connected} of {wanted} workers connected")

    def watched(self, address: str) -> None:
        """Locust's web UI is open."""
        self._say(f"watch it live: {address} (tab rig)")

    def scraped(self, address: str) -> None:
        """Prometheus can ask there."""
        self._say(f"metrics for Prometheus: {address}")

    def planned(self, plan: Plan, run_dir: Path) -> None:
        """The plan stands: say what was chosen and how long it takes."""
        self._plan, self._run_dir = plan, run_dir
        self._order = [trial for trials in plan.order for trial in trials]
        amounts = plan.amounts
        self._say(f"run {run_dir}")
        self._say(
            f"one recompute takes {plan.conditions.recompute_ms:.0f} ms here, so: {amounts.rate_rps:g} requests/s, "
            f"{amounts.writes} writes a trial, short TTL {amounts.ttl_s:g} s"
        )
        total_s = len(self._order) * amounts.window_s
        self._say(f"{plural(len(self._order), 'trial')} of {amounts.window_s:g} s, about {total_s * 1.12 / 60:.1f} min")
        if self._terminal and self._task is not None:
            self._bar.update(self._task, total=total_s, completed=0)

    def trial(self, trial: TrialId, phase: str, window_s: float) -> None:
        """Where the run is."""
        assert self._plan is not None
        if trial not in self._order:
            self._say(f"no sound trial of {trial.arm} so far: measured once more")
            self._order.append(trial)
        number = self._order.index(trial) + 1
        text = f"trial {number}/{len(self._order)}  {trial.arm}, round {trial.round}"
        self._sealed = number - 1
        if self._terminal and self._task is not None:
            done_s = (number - 1) * self._plan.amounts.window_s + min(window_s, self._plan.amounts.window_s)
            self._bar.update(self._task, description=f"{text}: {phase}", completed=done_s)
        elif text != self._last:
            self._say(text)
            self._last = text

    def interrupted(self) -> None:
        """Ctrl-C: say what is kept and what can be done with it."""
        self._bar.stop()
        if self._run_dir is None:
            self._say("interrupted before the first trial; nothing was measured")
            return
        self._say(f"interrupted: {self._sealed} of {len(self._order)} trials are whole and kept")
        if self._sealed:
            self._say(f"look at them with: rig report {self._run_dir}")

    def __enter__(self) -> RunProgress:
        self._begin = time.monotonic()
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def _say(self, text: str) -> None:
        if self._terminal:
            self._bar.console.print(text, highlight=False, markup=False)
        else:
            click.echo(f"{time.monotonic() - self._begin:6.1f} s  {text}", err=True)


class LoadProgress:
    """A bar on a terminal, one line elsewhere, for the length of one stretch of load. Use as a context manager."""

    def __init__(self, duration_s: float) -> None:
        self._duration_s = duration_s
        self._terminal = sys.stderr.isatty()
        self._bar = _bar(self._terminal)
        self._task: TaskID | None = None

    def at(self, seconds: float, recorded: int) -> None:
        """``seconds`` into the window; ``recorded`` requests have ended."""
        if self._task is not None:
            open_still = " (open requests end)" if seconds > self._duration_s else ""
            self._bar.update(self._task, completed=seconds, description=f"{recorded} requests ended{open_still}")

    def __enter__(self) -> LoadProgress:
        if self._terminal:
            self._bar.start()
            self._task = self._bar.add_task("generator starts", total=self._duration_s)
        else:
            click.echo(f"offering load for {self._duration_s:g} s", err=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()


class VisitProgress:
    """A bar on a terminal, a line every few seconds elsewhere, while pages are visited. Use as a context manager."""

    LINE_EVERY_S = 5.0

    def __init__(self, scheduled: int) -> None:
        self._scheduled = scheduled
        self._terminal = sys.stderr.isatty()
        self._bar = _bar(self._terminal)
        self._task: TaskID | None = None
        self._said_s = time.monotonic()

    def at(self, ended: int) -> None:
        """``ended`` visits have ended."""
        if self._task is not None:
            self._bar.update(self._task, completed=ended, description=f"{ended} of {self._scheduled} visits")
        elif time.monotonic() - self._said_s >= self.LINE_EVERY_S:
            self._said_s = time.monotonic()
            click.echo(f"{ended} of {plural(self._scheduled, 'visit')}", err=True)

    def __enter__(self) -> VisitProgress:
        if self._terminal:
            self._bar.start()
            self._task = self._bar.add_task("browser starts", total=self._scheduled)
        else:
            click.echo(f"browser starts for {plural(self._scheduled, 'visit')}", err=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()


class AuditProgress:
    """Implements ``rig.measure.lighthouse.audits.Watcher``: a bar on a terminal, a line an audit elsewhere."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._bar = _bar(self._terminal)
        self._task: TaskID | None = None
        self._audits = self._ended = 0

    def step(self, text: str) -> None:
        """A step of the start-up or the end."""
        if self._terminal:
            self._task = self._task if self._task is not None else self._bar.add_task(text, total=None)
            self._bar.update(self._task, description=text)
        else:
            self.say(text)

    def planned(self, audits: int) -> None:
        """That many audits begin."""
        self._audits = audits
        self.say(f"{plural(audits, 'audit')}, about {audits * 10 / 60:.1f} min")
        if self._terminal:
            self.step("first audit")
        if self._task is not None:
            self._bar.update(self._task, total=audits, completed=0)

    def audited(self, line: Mapping[str, Any]) -> None:
        """One of them has ended."""
        self._ended += 1
        what = f"{line['strategy'] or 'the page'}, {line['cache']}, run {line['run']}"
        lcp = "failed" if line["error"] else f"LCP {milliseconds(line['observed_lcp_ms'])}"
        if self._task is not None:
            text = f"audit {self._ended}/{self._audits}  {what}"
            self._bar.update(self._task, description=text, completed=self._ended)
        else:
            self.say(f"audit {self._ended}/{self._audits}  {what}: {lcp}")

    def say(self, text: str) -> None:
        """A line that stays."""
        if self._terminal:
            self._bar.console.print(text, highlight=False, markup=False, soft_wrap=True)
        else:
            click.echo(f"{time.monotonic() - self._begin:6.1f} s  {text}", err=True)

    def __enter__(self) -> AuditProgress:
        self._begin = time.monotonic()
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()


def _bar(terminal: bool) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not terminal,
        transient=True,
    )
