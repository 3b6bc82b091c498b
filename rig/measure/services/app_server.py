"""The sample shop: its data prepared once, a fresh copy for each run, gunicorn in front."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from rig.measure.services.process import Service
from rig.model import InfrastructureError

ROOT = Path(__file__).resolve().parents[3]
DATA = Path(os.environ.get("RIG_HOME", ROOT / ".rig")) / "shop"
WORKERS, THREADS = 2, 8
METRICS = "RIG_METRICS"
_READY_S = 30.0


@dataclass(frozen=True, slots=True)
class AppServer:
    """A running target."""

    url: str
    service: Service

    def abandon(self) -> None:
        """Kill its worker processes with all they still do, and wait until those that take their places answer.

        A target that was offered more than it can do would go on with what nobody waits for any more.

        Raises:
            InfrastructureError: it does not answer again.
        """
        tree = self.service.tree()
        workers = [process for process in tree if not process.children()]
        for process in workers:
            process.kill()
        psutil.wait_procs(workers, timeout=_READY_S)
        self.service.wait_ready(lambda: _answers(f"{self.url}/staff/"), _READY_S)


def prepare_data(echo: Callable[[str], None]) -> None:
    """Make the shop's database and pictures unless they are there.

    Raises:
        InfrastructureError: the command failed; quotes its last line.
    """
    DATA.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "django", "prepare_shop"]
    with subprocess.Popen(
        command, env=_django_env({}), cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        last = ""
        for line in process.stdout or ():
            last = line.strip() or last
            echo(last)
    if process.returncode != 0:
        raise InfrastructureError(f"shop data in {DATA}: could not be prepared ({last})")


def django_json(command: str, env: Mapping[str, str]) -> Any:
    """What one of the target's management commands prints, as JSON.

    Raises:
        InfrastructureError: it failed; quotes its last line.
    """
    done = subprocess.run(
        [sys.executable, "-m", "django", command], env=_django_env(env), cwd=ROOT, capture_output=True, text=True
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise InfrastructureError(f"target: its command {command!r} failed ({last})")
    return json.loads(done.stdout)


def copy_database(destination: Path) -> None:
    """A fresh copy of the prepared SQLite file, so that no run sees another's writes."""
    with sqlite3.connect(DATA / "shop.sqlite3") as source, sqlite3.connect(destination) as copy:
        source.backup(copy)
    source.close()
    copy.close()


def free_port(host: str = "127.0.0.1") -> int:
    """A port of ``host`` nobody listens on now.

    Raises:
        InfrastructureError: the address is not one of this machine's.
    """
    with socket.socket() as probe:
        try:
            probe.bind((host, 0))
        except OSError as error:
            raise InfrastructureError(f"address {host}: is not one of this machine's ({error.strerror})") from error
        return int(probe.getsockname()[1])


def require_free(host: str, port: int, option: str = "--port") -> None:
    """Refuse a port that is taken; ``option`` chooses another.

    Raises:
        InfrastructureError: somebody listens there, or the address is not ours.
    """
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise InfrastructureError(
                f"port {port} on {host}: cannot be used ({error.strerror}); choose another with {option}"
            ) from error


@contextmanager
def app_server(
    *, host: str, port: int, env: Mapping[str, str], logs: Path, cpus: str | None, name: str = "app"
) -> Iterator[AppServer]:
    """gunicorn with the shop for as long as the block lasts; ``name`` is its log's."""
    require_free(host, port)
    command = [sys.executable, "-m", "gunicorn", "target_app.config.wsgi:application"]
    if env.get(METRICS, os.environ.get(METRICS)) == "1":
        command += ["--config", "python:target_app.config.gunicorn"]
    command += ["--bind", f"{host}:{port}", "--worker-class", "gthread"]
    command += ["--workers", str(WORKERS), "--threads", str(THREADS)]
    # No socket for outside control; connections outlive the pauses between requests, so that none is closed
    # by the server in the moment the generator uses it.
    command += ["--no-control-socket", "--keep-alive", "120", "--timeout", "120", "--graceful-timeout", "1"]
    command += ["--worker-tmp-dir", "/dev/shm"] if Path("/dev/shm").is_dir() else []  # noqa: S108
    sizes = {"WEB_CONCURRENCY": str(WORKERS), "WEB_THREADS": str(THREADS)}
    service = Service(
        "app server", command, log=logs / f"{name}.log", env={**_django_env(env), **sizes}, cpus=cpus, cwd=ROOT
    )
    with service:
        url = f"http://{host}:{port}"
        service.wait_ready(lambda: _answers(f"{url}/staff/"), _READY_S)
        yield AppServer(url, service)


def database_name() -> str:
    """``sqlite`` or ``postgresql``."""
    return "postgresql" if os.environ.get("DATABASE_URL") else "sqlite"


def remove_work(folder: Path) -> None:
    """Remove a run's copy of the database and its raw event files; the trials have been sealed."""
    shutil.rmtree(folder, ignore_errors=True)


def _django_env(extra: Mapping[str, str]) -> dict[str, str]:
    base = {"DJANGO_SETTINGS_MODULE": "target_app.config.settings", "SHOP_DATA_DIR": str(DATA)}
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return {**os.environ, **base, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **extra}


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False
