"""docker-compose.yml without containers: read by a compose implementation, its services started here, on loopback.

What a container would bring is put in place of it: host names become 127.0.0.1, ports free ones, volumes folders, and
what the entry point of PostgreSQL's image does is done here. All else is the file's own: commands, variables,
health checks, and the order in which services wait for each other.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import psutil

from rig.measure.services.app_server import free_port
from rig.measure.services.cache_server import find_server
from rig.measure.services.supervisor import die_with_parent, pin
from tests import postgres

ROOT = Path(__file__).parents[1]
PORTS = ("5432", "5557", "6379", "8000", "9090", "9222", "9646")
FOLDERS = ("secrets", "shop", "events", "runs", "prometheus")
Config = dict[str, Any]
_DEADLINE_S = 180.0
_END_S = 10.0


class BrokenError(Exception):
    """A service did not do what others wait for; names it."""


def implementation(folder: Path) -> list[str] | None:
    """The command line of a compose implementation: Docker's where there is one, else podman-compose."""
    if shutil.which("docker") and subprocess.run(["docker", "compose", "version"], capture_output=True).returncode == 0:
        return ["docker", "compose"]
    podman_compose = Path(sys.executable).with_name("podman-compose")
    if not podman_compose.exists():
        return None
    # `config` starts no container, yet podman-compose asks for podman's version first.
    podman = folder / "podman"
    podman.write_text("#!/bin/sh\necho podman version 5.0.0\n")
    podman.chmod(0o755)
    return [str(podman_compose), "--podman-path", str(podman)]


def config(compose: Sequence[str], **environment: str) -> subprocess.CompletedProcess[str]:
    """What ``docker compose up`` would start, where nothing but ``environment`` is set."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    command = [*compose, "-f", "docker-compose.yml", "config"]
    return subprocess.run(command, cwd=ROOT, env=inherited | environment, capture_output=True, text=True, timeout=60)


def environment_of(service: Config) -> dict[str, str]:
    """Its variables, however the file lists them."""
    given = service.get("environment") or {}
    if isinstance(given, list):
        given = dict(entry.partition("=")[::2] for entry in given)
    return {name: str("" if value is None else value) for name, value in given.items()}


def words(value: str | Sequence[str] | None) -> list[str]:
    """A command as a list."""
    return shlex.split(value) if isinstance(value, str) else [str(word) for word in value or ()]


class Natively:
    """Services of the file as processes of this machine. Use as a context manager; everything ends with it."""

    def __init__(self, services: Mapping[str, Config]) -> None:
        self.services = dict(services)
        # Short, for sockets, and open to PostgreSQL's own user.
        self.folder = Path(tempfile.mkdtemp(prefix="rig-compose-", dir="/tmp"))
        self.folder.chmod(0o755)
        self._ports = {port: str(free_port()) for port in PORTS}
        self._running: list[tuple[str, subprocess.Popen[bytes]]] = []
        self._ready: set[str] = set()
        for name in FOLDERS:
            (self.folder / name).mkdir()
        for name in ("target", "database", "grafana", "browser"):
            (self.folder / "secrets" / name).mkdir()
        self._programs()

    def here(self, text: str) -> str:
        """What the file says, as it is on this machine."""
        text = re.sub(rf"(?<![\w./-])/({'|'.join(FOLDERS)})(?=[/\"' ]|$)", rf"{self.folder}/\1", text)
        text = re.sub(r"\b(cache|postgres|target|browser|master)(?=:\d)", "127.0.0.1", text)
        text = re.sub(r"(?<=-host=)(master|target)\b", "127.0.0.1", text)
        text = re.sub(rf"\b({'|'.join(PORTS)})\b", lambda found: self._ports[found[1]], text)
        return text.replace("0.0.0.0", "127.0.0.1").replace("$$", "$")

    def up(self, name: str, scale: int = 1) -> None:
        """Start a service after those it waits for, each as far as it waits for them.

        Raises:
            BrokenError: one ended, or did not become healthy.
        """
        if name in self._ready:
            return
        for other, wanted in (self.services[name].get("depends_on") or {}).items():
            self.up(other)
            self.wait(other, wanted["condition"])
        for _ in range(scale):
            self.start(name)
        self._ready.add(name)

    def start(self, name: str) -> None:
        """Start a service alone.

        Raises:
            BrokenError: there is nothing to start.
        """
        try:
            self._running.append((name, self._start(name, self.services[name])))
        except FileNotFoundError as error:
            raise BrokenError(f"{name}: {error}") from error

    def wait(self, name: str, condition: str, deadline_s: float = _DEADLINE_S) -> None:
        """Wait as compose does for ``service_healthy`` or ``service_completed_successfully``."""
        process = next(process for other, process in self._running if other == name)
        deadline = time.monotonic() + deadline_s
        while True:
            ended = process.poll()
            if condition == "service_completed_successfully" and ended == 0:
                return
            if ended is not None:
                raise BrokenError(f"{name}: ended with {ended}; {self.said(name)}")
            if condition == "service_healthy" and self.healthy(name):
                return
            if time.monotonic() > deadline:
                raise BrokenError(f"{name}: {condition} not reached in {deadline_s:g} s; {self.said(name)}")
            time.sleep(0.1)

    def healthy(self, name: str) -> bool:
        """Whether the service's own health check passes."""
        kind, *command = self.services[name]["healthcheck"]["test"]
        assert kind == "CMD"
        done = subprocess.run(
            [self.here(word) for word in command],
            env=self._environment(self.services[name]),
            cwd=ROOT,
            capture_output=True,
            timeout=60,
        )
        return done.returncode == 0

    def ended(self, name: str, deadline_s: float) -> int:
        """Exit code of a service that ends by itself."""
        process = next(process for other, process in self._running if other == name)
        return process.wait(deadline_s)

    def url(self, port: str) -> str:
        """Where what listens on a port of the file listens here."""
        return f"http://127.0.0.1:{self._ports[port]}"

    def said(self, name: str) -> str:
        """The end of its log."""
        return (self.folder / f"{name}.log").read_text(errors="replace")[-1500:]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        families = {one for _, process in self._running for one in _family(process.pid)}
        for _, process in reversed(self._running):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        _, alive = psutil.wait_procs(families, timeout=_END_S)
        for process in alive:
            with suppress(psutil.Error):
                process.kill()
        for _, started in self._running:
            started.wait(_END_S)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _environment(self, service: Config) -> dict[str, str]:
        inherited = {name: os.environ[name] for name in ("HOME", "RIG_BROWSER") if name in os.environ}
        path = [
            self.folder / "bin",
            Path(sys.executable).parent,
            postgres.program("postgres").parent,
            "/usr/bin",
            "/bin",
        ]
        inherited["PATH"] = os.pathsep.join(map(str, path))
        return inherited | {name: self.here(value) for name, value in environment_of(service).items()}

    def _start(self, name: str, service: Config) -> subprocess.Popen[bytes]:
        command = [*words(service.get("entrypoint")), *words(service.get("command"))]
        command = [self.here(self._mounted(word, service)) for word in command]
        environment = self._environment(service)
        extra: dict[str, Any] = {}
        if name == "cache":
            command += ["--port", self._ports["6379"], "--bind", "127.0.0.1"]
        if name == "prometheus":
            command = ["prometheus", *command, f"--web.listen-address=127.0.0.1:{self._ports['9090']}"]
        if name == "postgres":
            extra, more = self._postgres_made(environment)
            command = [str(postgres.program(command[0])), *command[1:], *more]

        def begin() -> None:
            die_with_parent()
            pin(service.get("cpuset"))

        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                command,
                env=environment,
                cwd=extra.pop("cwd", ROOT),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=begin,
                **extra,
            )

    def _mounted(self, word: str, service: Config) -> str:
        """A word that names a file of the repository mounted into the container: a copy of it, as it is here."""
        for volume in service.get("volumes", []):
            named = isinstance(volume, dict)  # Docker's own way to tell it.
            source, place = (volume["source"], volume["target"]) if named else str(volume).split(":")[:2]
            if (file := ROOT / source).is_file() and place in word:
                copied = self.folder / file.name
                copied.write_text(self.here(file.read_text()))
                return word.replace(place, str(copied))
        return word

    def _postgres_made(self, environment: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
        """What the image's entry point does: a cluster with the user, its password and its database."""
        folder = self.folder / "postgres"
        folder.mkdir()
        identity = postgres.identity(folder)
        data, user = folder / "data", environment["POSTGRES_USER"]
        making = ["initdb", "-D", str(data), "-U", user, "--pwfile", environment["POSTGRES_PASSWORD_FILE"]]
        making += ["--auth-host=scram-sha-256", "--auth-local=trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        single = ["postgres", "--single", "-D", str(data), "postgres"]
        for command, said in ((making, b""), (single, f"CREATE DATABASE {environment['POSTGRES_DB']}\n".encode())):
            command[0] = str(postgres.program(command[0]))
            done = subprocess.run(command, input=said, cwd=folder, capture_output=True, **identity)
            if done.returncode:
                raise BrokenError(f"postgres: {command[0]} failed; {done.stderr.decode()[-500:]}")
        settings = [word for setting in ("listen_addresses=127.0.0.1", "fsync=off") for word in ("-c", setting)]
        return {**identity, "cwd": folder}, ["-D", str(data), "-k", str(folder), "-p", self._ports["5432"], *settings]

    def _programs(self) -> None:
        """Under the names they have in their images."""
        programs = self.folder / "bin"
        programs.mkdir()
        (programs / "valkey-server").symlink_to(find_server())
        client = programs / "valkey-cli"
        ping = f"import redis; redis.Redis('127.0.0.1', {self._ports['6379']}).execute_command(*sys.argv[1:])"
        client.write_text(f"#!{sys.executable}\nimport sys\n{ping}\n")
        client.chmod(0o755)


def _family(pid: int) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    return []
