"""The conductor's end of the fleet: starts it, orders trials, hears of progress."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from rig.measure.load.order import PairOrder, TrialOrder
from rig.measure.services.browser_place import PLACE
from rig.model import InfrastructureError

_END_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Crewing:
    """How many Locust workers share the load. ``remote``: they are started by hand, wherever; rig listens for them."""

    workers: int = 0
    """0: the fleet's own process sends everything."""
    remote: bool = False
    bind: str = "127.0.0.1"
    port: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Watching:
    """Who may look on, for as long as the fleet lives. ``ui_port``: of Locust's web UI, on loopback; ``metrics``: host
    and port at which Prometheus asks; ``events``: the folder of the target's event files, None where there is none.
    """

    ui_port: int | None = None
    metrics: tuple[str, int] | None = None
    events: Path | None = None

    def arguments(self) -> list[str]:
        """For the fleet's command line."""
        found = [] if self.ui_port is None else ["--ui-port", str(self.ui_port)]
        if self.metrics is not None:
            found += ["--metrics-host", self.metrics[0], "--metrics-port", str(self.metrics[1])]
        return found + ([] if self.events is None else ["--events", str(self.events)])


class FleetClient:
    """A fleet process. Use as a context manager. ``browser_cpus``: where the browser may use others than the fleet.

    ``interact`` False: no visit clicks for INP, which makes it shorter.
    """

    def __init__(
        self,
        locustfile: Path,
        *,
        logs: Path,
        browser: Path | str | None = None,
        pages: int = 1,
        cpus: str | None = None,
        browser_cpus: str | None = None,
        interact: bool = True,
        crewing: Crewing | None = None,
        watching: Watching | None = None,
    ) -> None:
        self.address: str | None = None
        """Of Locust's web UI, once the fleet is ready."""
        self.browser_version: str | None = None
        """As the browser says it, once the fleet is ready."""
        self.metrics_address: str | None = None
        self._writing = Lock()
        self._log = logs / "fleet.log"
        command = [sys.executable, "-m", "rig.measure.load.fleet", str(locustfile)]
        if browser is not None:
            command += ["--pages", str(pages), "--browser-log", str(logs / "browser.log")]
            command += ["--browser-cpus", browser_cpus] if browser_cpus else []
            command += [] if interact else ["--no-interact"]
        command += ["--cpus", cpus] if cpus else []
        if crewing is not None and crewing.workers:
            command += ["--workers", str(crewing.workers), "--bind", crewing.bind, "--port", str(crewing.port)]
            command += ["--logs", str(logs)] + ["--remote"] * crewing.remote
        command += watching.arguments() if watching else []
        # Whoever read a profile kept Locust from patching his own process; the fleet's is Locust's.
        env = {name: value for name, value in os.environ.items() if name not in ("LOCUST_SKIP_MONKEY_PATCH", PLACE)}
        env |= {PLACE: str(browser)} if browser is not None else {}
        with self._log.open("ab") as stream:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stream,
                text=True,
                env=env,
                # Ctrl-C in the terminal is the conductor's to handle: it ends the fleet by closing its input.
                start_new_session=True,
            )

    def wait_ready(self, on_waiting: Callable[[Mapping[str, Any]], None] = lambda waiting: None) -> None:
        """Block until Locust, its workers and the browser are up.

        ``on_waiting`` hears which workers are waited for: ``{"command", "wanted", "connected"}``.

        Raises:
            InfrastructureError: the fleet ended instead, or workers did not come.
        """
        while not (message := self._read()).get("ready"):
            if "error" in message:
                raise InfrastructureError(f"fleet: {message['error']}; see {self._log}")
            on_waiting(message["waiting"])
        self.address, self.metrics_address = message["ui"], message["metrics"]
        self.browser_version = message["browser"]

    def tell(self, message: Mapping[str, Any]) -> None:
        """Tell those who watch: ``{"facts"}`` of the run, or a ``{"marker"}``. From any thread; never fails a run."""
        with contextlib.suppress(BrokenPipeError, ValueError):
            self._send(message)

    def run(
        self,
        order: TrialOrder,
        on_progress: Callable[[float, int], None] = lambda at_s, recorded: None,
        on_start: Callable[[float], None] = lambda start_s: None,
    ) -> dict[str, Any]:
        """Run one trial; ``on_start`` gets the instant its window begins, ``on_progress`` seconds into the window and
        samples recorded so far.

        Raises:
            InfrastructureError: the fleet ended, or could not run the trial.
        """
        try:
            self._send({"order": order.as_dict()})
        except BrokenPipeError as error:
            raise InfrastructureError(f"fleet: ended; see {self._log}") from error
        while True:
            message = self._read()
            if message.get("done"):
                return message
            if "started" in message:
                on_start(message["started"])
                continue
            if message.get("known"):
                raise InfrastructureError(message["error"])
            if "error" in message:
                raise InfrastructureError(f"fleet: {message['error']}; see {self._log}")
            on_progress(message["progress"], message["recorded"])

    def run_pair(self, order: PairOrder) -> dict[str, Any]:
        """Put two targets under one schedule; what :func:`rig.measure.load.pair.run_pair` returns.

        Raises:
            InfrastructureError: the fleet ended, or could not carry the order out.
        """
        found = self._asked({"pair": order.as_dict()})
        if "error" in found:
            raise InfrastructureError(found["error"] if found.get("known") else f"fleet: {found['error']}")
        return found

    def rest(self, control_url: str) -> list[float]:
        """LCP of the control page while nothing else goes on, ms: the yardstick for what load does to it.

        Raises:
            InfrastructureError: the fleet ended.
        """
        found: list[float] = self._asked({"rest": control_url})["at_rest_ms"]
        return found

    def trace(self, url: str, headers: Mapping[str, str]) -> dict[str, float] | None:
        """What ``url`` costs the browser to paint (``rig.measure.pages.trace``), from one traced visit between trials;
        None where it failed, or there is no browser.

        Raises:
            InfrastructureError: the fleet ended.
        """
        traced: dict[str, float] | None = self._asked({"trace": {"url": url, "headers": dict(headers)}})["traced"]
        return traced

    def _asked(self, message: dict[str, Any]) -> dict[str, Any]:
        try:
            self._send(message)
        except BrokenPipeError as error:
            raise InfrastructureError(f"fleet: ended; see {self._log}") from error
        return self._read()

    def stop(self) -> None:
        """End the fleet and its browser."""
        if self._process.stdin:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()

    def __enter__(self) -> FleetClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _send(self, message: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        with self._writing:
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            lines = self._log.read_text(errors="replace").strip().splitlines()
            said = lines[-1].strip() if lines else "it said nothing"
            raise InfrastructureError(f"fleet: ended; its log {self._log} ends: {said}")
        message: dict[str, Any] = json.loads(line)
        return message
