"""A supervised process: started, waited for until it is ready, always ended."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

from rig.model import InfrastructureError

_END_S = 5.0


class Service:
    """One process the rig started through the supervisor. Use as a context manager."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cpus: str | None = None,
        cwd: Path | None = None,
    ) -> None:
        self.name = name
        self.log = log
        pinning = ["--cpus", cpus] if cpus else []
        supervised = [sys.executable, "-m", "rig.measure.services.supervisor", *pinning, "--", *command]
        with log.open("ab") as stream:
            self._process = subprocess.Popen(
                supervised,
                stdin=subprocess.PIPE,
                stdout=stream,
                stderr=stream,
                env={**os.environ, **(env or {})},
                cwd=cwd,
            )

    @property
    def alive(self) -> bool:
        """Whether the command still runs."""
        return self._process.poll() is None

    def wait_ready(self, ready: Callable[[], bool], deadline_s: float) -> None:
        """Poll ``ready`` until it is true.

        Raises:
            InfrastructureError: the process ended, or the deadline passed; quotes the end of its log.
        """
        deadline = time.monotonic() + deadline_s
        while not ready():
            if not self.alive:
                raise InfrastructureError(f"{self.name}: ended while starting; {self.last_words()}")
            if time.monotonic() > deadline:
                raise InfrastructureError(f"{self.name}: not ready after {deadline_s:.0f} s; {self.last_words()}")
            time.sleep(0.02)

    def wait_ended(self) -> int:
        """Block until the command ends; its exit code."""
        return self._process.wait()

    def tree(self) -> list[psutil.Process]:
        """The command's living processes, the supervisor left out."""
        try:
            return list(psutil.Process(self._process.pid).children(recursive=True))
        except psutil.NoSuchProcess:
            return []

    def cpu_s(self) -> float:
        """CPU seconds the living processes of the command have used."""
        total = 0.0
        for process in self.tree():
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total += times.user + times.system
        return total

    def kill(self) -> None:
        """End the command as a crash would: SIGKILL, no warning; returns when it is gone."""
        for process in self.tree():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.stop()

    def stop(self) -> None:
        """End the command; returns when it is gone."""
        if self._process.stdin:
            self._process.stdin.close()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            for process in self.tree():
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Service:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def last_words(self) -> str:
        """The end of its log, for an error message."""
        lines = self.log.read_text(errors="replace").strip().splitlines()[-3:] if self.log.exists() else []
        said = " / ".join(line.strip() for line in lines) or "it said nothing"
        return f"its log {self.log} ends: {said}"
