"""A PostgreSQL server that lives as long as a test session: own folder, own Unix socket, nothing kept."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg

from rig.measure.services.supervisor import die_with_parent

_READY_S = 60.0
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "32MB",
    "max_connections": "60",
}
"""What it holds is thrown away, so nothing has to survive a crash; autovacuum would disturb what is timed."""


def missing() -> str | None:
    """Why no server can be started here; None where one can."""
    names = [name for name in ("initdb", "postgres") if program(name) is None]
    if names:
        return f"PostgreSQL: {' and '.join(names)} neither on PATH nor under /usr/lib/postgresql"
    if os.geteuid() == 0 and _unprivileged() is None:
        return "PostgreSQL: does not run as root, and there is neither a user 'postgres' nor 'nobody'"
    return None


@contextmanager
def postgres() -> Iterator[str]:
    """A server with an empty database; yields its ``DATABASE_URL``.

    Raises:
        RuntimeError: it did not start; quotes its log.
    """
    # Not pytest's folder: a socket's path may have 107 bytes, and the server's user must be able to reach it.
    folder = Path(tempfile.mkdtemp(prefix="rig-pg-", dir="/tmp"))
    user = _unprivileged() if os.geteuid() == 0 else None
    try:
        if user:
            shutil.chown(folder, user, pwd.getpwnam(user).pw_gid)
        with (folder / "log").open("w") as log:
            _initialise(folder, user, log.fileno())
            with _running(folder, user, log.fileno()):
                yield f"postgresql://rig@{quote(str(folder), safe='')}/postgres"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _initialise(folder: Path, user: str | None, log: int) -> None:
    command = [str(program("initdb")), "-D", str(folder / "data"), "-U", "rig", "-A", "trust", "-E", "UTF8"]
    command += ["--locale=C", "--no-sync"]
    if subprocess.run(command, stdout=log, stderr=log, cwd=folder, **_identity(user)).returncode:
        raise RuntimeError(f"initdb failed: {(folder / 'log').read_text()[-500:]}")


@contextmanager
def _running(folder: Path, user: str | None, log: int) -> Iterator[None]:
    settings = [word for name, value in _SETTINGS.items() for word in ("-c", f"{name}={value}")]
    command = [str(program("postgres")), "-D", str(folder / "data"), "-k", str(folder), *settings]
    server = subprocess.Popen(
        command, stdout=log, stderr=log, cwd=folder, preexec_fn=die_with_parent, **_identity(user)
    )
    try:
        _await(server, folder)
        yield
    finally:
        server.terminate()
        try:
            server.wait(5)
        except subprocess.TimeoutExpired:  # A connection a test left open would keep it for ever.
            server.kill()
            server.wait()


def _await(server: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + _READY_S
    while True:
        try:
            psycopg.connect(host=str(folder), user="rig", dbname="postgres").close()
        except psycopg.OperationalError as error:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"postgres did not start: {(folder / 'log').read_text()[-500:]}") from error
            time.sleep(0.02)
        else:
            return


def identity(folder: Path) -> dict[str, object]:
    """Give ``folder`` to whoever may run a server; returns what starts one as that user."""
    user = _unprivileged() if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user, pwd.getpwnam(user).pw_gid)
    return _identity(user)


def _identity(user: str | None) -> dict[str, object]:
    """PostgreSQL refuses to run as root."""
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []} if user else {}


def _unprivileged() -> str | None:
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in ("postgres", "nobody") if name in known), None)


def program(name: str) -> Path | None:
    """Where one of PostgreSQL's programs is."""
    if found := shutil.which(name):
        return Path(found)
    # Debian keeps its programs off the PATH, Homebrew those of a named version.
    folders = [*Path("/usr/lib/postgresql").glob("*/bin"), *Path("/opt/homebrew/opt").glob("postgresql@*/bin")]
    return next((path for folder in sorted(folders, reverse=True) if (path := folder / name).is_file()), None)
