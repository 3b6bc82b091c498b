"""The conductor's end of the fleet: starts it, orders trials, hears of progress."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rig.measure.load.order import TrialOrder
from rig.model import InfrastructureError

_END_S = 5.0


class FleetClient:
    """A fleet process. Use as a context manager."""

    def __init__(self, locustfile: Path, *, browser: Path | None, pages: int, cpus: str | None, logs: Path) -> None:
        self._log = logs / "fleet.log"
        command = [sys.executable, "-m", "rig.measure.load.fleet", str(locustfile)]
        if browser is not None:
            command += ["--browser", str(browser), "--pages", str(pages)]
            command += ["--browser-log", str(logs / "browser.log")]
        command += ["--cpus", cpus] if cpus else []
        with self._log.open("ab") as stream:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stream,
                text=True,
                # Ctrl-C in the terminal is the conductor's to handle: it ends the fleet by closing its input.
                start_new_session=True,
            )

    def wait_ready(self) -> None:
        """Block until Locust and the browser are up.

        Raises:
            InfrastructureError: the fleet ended instead.
        """
        if not self._read().get("ready"):
            raise InfrastructureError(f"fleet: did not say it is ready; see {self._log}")

    def run(
        self,
        order: TrialOrder,
        on_progress: Callable[[float, int], None],
        on_start: Callable[[float], None] = lambda start_s: None,
    ) -> dict[str, Any]:
        """Run one trial; ``on_start`` gets the instant its window begins, ``on_progress`` seconds into the window and
        samples recorded so far.

        Raises:
            InfrastructureError: the fleet ended, or could not run the trial.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(order.as_dict()) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise InfrastructureError(f"fleet: ended; see {self._log}") from error
        while True:
            message = self._read()
            if message.get("done"):
                return message
            if "started" in message:
                on_start(message["started"])
                continue
            if "error" in message:
                raise InfrastructureError(f"fleet: {message['error']}; see {self._log}")
            on_progress(message["progress"], message["recorded"])

    def stop(self) -> None:
        """End the fleet and its browser."""
        if self._process.stdin:
            self._process.stdin.close()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> FleetClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            lines = self._log.read_text(errors="replace").strip().splitlines()
            said = lines[-1].strip() if lines else "it said nothing"
            raise InfrastructureError(f"fleet: ended; its log {self._log} ends: {said}")
        message: dict[str, Any] = json.loads(line)
        return message
