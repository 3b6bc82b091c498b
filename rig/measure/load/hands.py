"""Worker processes on this machine: plain ``locust --worker``, started, replaced when lost, always ended."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from types import TracebackType

from rig.measure.services.process import Service

EVERYWHERE = "0.0.0.0"  # noqa: S104 - the user's word for all of this host's addresses; nobody can connect to it.


class Hands:
    """Local Locust workers of one master. Use as a context manager."""

    def __init__(self, locustfile: Path, host: str, port: int, *, cpus: str, logs: Path) -> None:
        self._locustfile, self._host, self._port = locustfile, host, port
        self._cpus, self._logs = cpus, logs
        self._services: list[Service] = []

    def command(self) -> list[str]:
        """What starts one more worker, here or on another host that has the locustfile."""
        return [
            *(sys.executable, "-m", "locust", "--worker", "-f", str(self._locustfile)),
            *("--master-host", socket.gethostname() if self._host == EVERYWHERE else self._host),
            *("--master-port", str(self._port)),
        ]

    def keep(self, wanted: int) -> bool:
        """See that ``wanted`` workers run; a lost one is replaced. Returns whether any had to be started."""
        self._services = [service for service in self._services if service.alive]
        complete = len(self._services) >= wanted
        while len(self._services) < wanted:
            number = len(self._services)
            self._services.append(
                Service(
                    f"worker {number}",
                    self.command(),
                    log=self._logs / f"worker-{number}.log",
                    cpus=self._cpus or None,
                )
            )
        return not complete

    def __enter__(self) -> Hands:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for service in self._services:
            service.stop()
