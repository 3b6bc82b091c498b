"""The browser as a Locust user sees it: ``BrowserClient.visit`` blocks its own greenlet and nobody else's.

Imports neither Playwright (asyncio and gevent do not go together; the browser has a process of its own) nor
Locust, and works with and without gevent's monkey patches.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import IO, Any, Self

import gevent
import gevent.event
import gevent.subprocess
import psutil
from gevent.lock import BoundedSemaphore

from rig.measure.pages.family import cpu_of, end, kill_family
from rig.measure.pages.pictures import Pictures
from rig.measure.pages.protocol import Order, Visit, VisitOptions, encode_order
from rig.measure.services.browser_place import PLACE, REMOTE
from rig.model import InfrastructureError, UsageError

START_TIMEOUT_S = 60.0
RESTART_PAUSE_S = 1.0
# The browser process keeps deadlines itself, and bounds what it does after a visit; if it says nothing for so long
# beyond both, it hangs.
GRACE_S = 6.0


class BrowserClient:
    """Starts the browser process, hands it visits, and replaces it when it dies.

    ``pages`` visits go on at once; further callers wait in the order they came. ``cpus`` pins the process and its
    browser where the platform can. ``restarts`` counts the processes that had to be replaced.
    """

    def __init__(
        self,
        browser_path: str | Path,
        pages: int = 1,
        cpus: Collection[int] | None = None,
        *,
        options: VisitOptions | None = None,
        log_path: Path,
    ) -> None:
        self.restarts = 0
        self.ready: dict[str, Any] = {}
        self._elsewhere = str(browser_path).startswith(REMOTE)
        self._command = [sys.executable, "-m", "rig.measure.pages.browser", "--pages", str(pages)]
        if cpus:
            self._command += ["--cpus", ",".join(map(str, sorted(cpus)))]
        if options is not None:
            self._command += ["--options", json.dumps(options.as_dict())]
        self._env = {**os.environ, PLACE: str(browser_path)}
        self._log_path = log_path
        self._free = pages
        self._control = BoundedSemaphore()
        self._waiting: deque[gevent.event.Event] = deque()
        self._ids = itertools.count(1)
        self._pending: dict[int, gevent.event.AsyncResult] = {}
        self._process: Any = None
        self._up = gevent.event.Event()
        self._supervisor: gevent.Greenlet | None = None
        self._closing = False
        self._cpu_before_s = 0.0
        self._cpu_last_s = 0.0

    def start(self) -> None:
        """Start the browser process and wait until its pages are open.

        Raises:
            InfrastructureError: it does not come up; the message has its own words.
            UsageError: an option names what there is not.
        """
        self._spawn()
        self._supervisor = gevent.spawn(self._supervise)

    def visit(
        self,
        url: str,
        headers: Mapping[str, str],
        deadline_s: float,
        begin_by_s: float | None = None,
        *,
        control: bool = False,
        tab: int | None = None,
        pictures: Pictures | None = None,
        trace: bool = False,
    ) -> dict[str, Any]:
        """Visit ``url`` on the next free page; returns the fields of :class:`Visit`.

        ``deadline_s`` counts from the moment a page takes it up. ``begin_by_s`` (CLOCK_MONOTONIC) is the latest
        moment for that; later, the visit ends as failed with cause ``not_started``. ``control``: on the page kept for
        the control page, which takes one visit after another and none of the others' turns. ``tab``: on the page kept
        for that number. ``pictures`` says which visits are pictured, and where; it is asked when the visit begins, for
        it learns from those before.
        """
        order = Order(
            id=next(self._ids),
            url=url,
            headers=dict(headers),
            deadline_s=deadline_s,
            trace=trace,
            control=control,
            tab=tab,
        )
        if control:
            with self._control:
                return self._ask(order)
        if not self._take_page(begin_by_s):
            return asdict(Visit(url=url, cause="not_started"))
        try:
            return self._ask(order if pictures is None else pictures.asked_of(order))
        finally:
            self._give_page()

    def cpu_s(self) -> float | None:
        """CPU seconds of the browser process and all below it, those already ended included; None if unknown, as it is
        of a browser that runs elsewhere.

        What a replaced process used after it was last asked for is lost.
        """
        if self._elsewhere:
            return None
        try:
            root = psutil.Process(self._process.pid)
            family = [root, *root.children(recursive=True)]
        except (psutil.Error, AttributeError):
            return None
        # A process that ended counts in its parent's children_*: nothing is counted twice.
        self._cpu_last_s = sum(map(cpu_of, family))
        return self._cpu_before_s + self._cpu_last_s

    def close(self) -> None:
        """End the browser process and everything below it."""
        self._closing = True
        if self._process is not None:
            end(self._process)
        if self._supervisor is not None:
            self._supervisor.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _take_page(self, by_s: float | None) -> bool:
        if self._free:
            self._free -= 1
            return True
        turn = gevent.event.Event()
        self._waiting.append(turn)
        try:
            turn.wait(None if by_s is None else max(0.0, by_s - time.monotonic()))
        finally:
            # Out of time, or killed while waiting: a turn nobody takes would be a page lost.
            if not turn.is_set():
                self._waiting.remove(turn)
        return bool(turn.is_set())

    def _give_page(self) -> None:
        # Handed over, not put back: who comes just now must not overtake who waits.
        if self._waiting:
            self._waiting.popleft().set()
        else:
            self._free += 1

    def _ask(self, order: Order) -> dict[str, Any]:
        begun_s = time.monotonic()
        answer = self._pending[order.id] = gevent.event.AsyncResult()
        try:
            self._up.wait(order.deadline_s)
            left_s = begun_s + order.deadline_s - time.monotonic()
            if left_s > 0:
                self._send(replace(order, deadline_s=left_s))
                answer.wait(left_s + GRACE_S)
                if answer.successful():
                    return dict(answer.value)
                if not answer.ready():
                    kill_family(self._process)
        finally:
            del self._pending[order.id]
        return asdict(Visit(url=order.url, started_s=begun_s, done_s=time.monotonic(), cause="browser_crashed"))

    def _send(self, order: Order) -> None:
        # Where the process is just dying, the supervisor will say so to all that wait for it.
        with contextlib.suppress(OSError, ValueError):
            self._process.stdin.write(encode_order(order))
            self._process.stdin.flush()

    def _spawn(self) -> None:
        with self._log_path.open("ab") as log:
            self._process = gevent.subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=self._env,
                # Ctrl-C in the terminal must reach us alone: we end the browser when its visits are done.
                start_new_session=True,
            )
        line = b""
        with gevent.Timeout(START_TIMEOUT_S, False):
            line = self._process.stdout.readline()
        self.ready = json.loads(line) if line.endswith(b"\n") else {}
        if not self.ready.get("ready"):
            end(self._process)
            reason = self.ready.get("error", "no sign of life")
            if self.ready.get("usage"):
                raise UsageError(reason)
            raise InfrastructureError(f"browser process: did not start ({reason}); see {self._log_path}")
        self._up.set()

    def _supervise(self) -> None:
        """Deliver answers; when the process ends unasked, fail what is in flight and start another one."""
        while not self._closing:
            self._deliver(self._process.stdout)
            self._up.clear()
            for answer in self._pending.values():
                answer.set_exception(EOFError())
            end(self._process)
            self._cpu_before_s, self._cpu_last_s = self._cpu_before_s + self._cpu_last_s, 0.0
            while not self._closing and not self._up.is_set():
                self.restarts += 1
                try:
                    self._spawn()
                except InfrastructureError:
                    gevent.sleep(RESTART_PAUSE_S)

    def _deliver(self, lines: IO[bytes]) -> None:
        try:
            for line in lines:
                message = json.loads(line)
                if answer := self._pending.get(message.pop("id")):
                    answer.set(message)
        except (OSError, ValueError):
            pass  # Cut off by the end of the process.
