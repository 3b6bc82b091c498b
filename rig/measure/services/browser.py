"""Where the browser is, and how to get one.

Looked for in this order: ``RIG_BROWSER``, Playwright's own Chromium, Chrome or Chromium as installed. Found is what
was started: on Linux a downloaded browser may lack system libraries, and only a launch shows it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rig.model import InfrastructureError

VERSION_TIMEOUT_S = 20.0
LAUNCH_TIMEOUT_S = 60.0
INSTALL_TIMEOUT_S = 900.0
PACKAGE = "chromium"
SHELL_PACKAGE = "chromium-headless-shell"
"""Debian has it; elsewhere the package manager does not know it."""

# The shell comes first wherever both are: it needs 30 to 40 % less CPU a visit (`benchmarks/pages.py`), which on a
# machine that runs the load as well is less disturbance.
NAMES = (
    "chrome-headless-shell",
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
)
# What Debian has on PATH is a shell script around it: one process more between us and the browser.
UNWRAPPED = {"/usr/bin/chromium-headless-shell": "/usr/lib/chromium/chromium-headless-shell"}
PLACES = (
    "/usr/lib/chromium/chromium",
    "/usr/lib64/chromium-browser/chromium-browser",
    "/opt/google/chrome/chrome",
    "/snap/bin/chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "~/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "~/Applications/Chromium.app/Contents/MacOS/Chromium",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Browser:
    """An executable that was started headless. ``source`` says where it was found, in words."""

    path: Path
    version: str
    source: str


class UnusableError(Exception):
    """Why one candidate is out, in a few words."""


def find_browser() -> Browser:
    """The first browser that starts.

    Raises:
        InfrastructureError: there is none; lists what was tried. Or ``RIG_BROWSER`` names one that is not there
            or does not start: what was asked for is never silently replaced by something else.
    """
    if named := os.environ.get("RIG_BROWSER"):
        try:
            return _check(Path(named).expanduser(), "RIG_BROWSER")
        except UnusableError as reason:
            raise InfrastructureError(
                f"RIG_BROWSER={named}: {reason}; correct the path, or unset it to have a browser looked for"
            ) from reason
    tried: list[str] = []
    if found := _first_that_starts(tried):
        return found
    raise InfrastructureError(
        f"browser: none found; tried {'; '.join(tried)}; and on PATH {', '.join(NAMES)}; run `rig browser install`"
    )


def install_browser(echo: Callable[[str], None]) -> Browser:
    """Get a browser by Playwright's download, else by the system's package manager; returns what then starts.

    ``echo`` is told each step. Does nothing but say so where a browser is there already.

    Raises:
        InfrastructureError: neither way led to a browser that starts; names both.
    """
    try:
        found = find_browser()
    except InfrastructureError:
        pass
    else:
        echo(f"already there: {found.path} ({found.version}, {found.source})")
        return found
    tried = []
    for command in _ways():
        echo("+ " + " ".join(command))
        problem = _run(command, INSTALL_TIMEOUT_S)
        if problem is None and command[-1] in (PACKAGE, SHELL_PACKAGE):
            unfit: list[str] = []
            if started := _first_that_starts(unfit):
                return started
            problem = f"done, but none starts: {'; '.join(unfit)}"
        if problem:
            tried.append(f"`{' '.join(command)}`: {problem}")
            echo(problem)
    raise InfrastructureError(
        f"browser: could not be installed; tried {'; '.join(tried) or 'nothing: no package manager known'}; "
        "install Chrome or Chromium yourself and name it with RIG_BROWSER"
    )


def _first_that_starts(tried: list[str]) -> Browser | None:
    """The first candidate that starts; what was wrong with those before it is added to ``tried``."""
    for path, source in _candidates():
        try:
            return _check(path, source)
        except UnusableError as reason:
            tried.append(f"{path} ({source}): {reason}")
    return None


def _candidates() -> Iterator[tuple[Path, str]]:
    for path in _of_playwright():
        yield path, "Playwright's"
    seen: set[Path] = set()
    for found in filter(None, map(shutil.which, NAMES)):
        seen.add(Path(found))
        if (real := Path(UNWRAPPED.get(found, found))).exists():
            yield real, "on PATH" if str(real) == found else "installed"
    for place in map(Path, map(os.path.expanduser, PLACES)):
        if place not in seen and place.exists():
            yield place, "installed"


def _of_playwright() -> list[Path]:
    """Playwright's headless shell and Chromium, as its own version names them.

    Asked in a process of its own: Playwright's loop does not go together with gevent's in ours.
    """
    ask = (
        "from playwright.sync_api import sync_playwright\n"
        "with sync_playwright() as p: print(p.chromium.executable_path)"
    )
    try:
        reply = subprocess.run(
            [sys.executable, "-c", ask], capture_output=True, text=True, timeout=VERSION_TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return []
    chromium = Path(reply.stdout.strip())
    revision = re.search(r"chromium-(\d+)", str(chromium))
    if revision is None:
        return [chromium]
    cache = Path(str(chromium)[: revision.start()])
    shells = cache.glob(f"chromium_headless_shell-{revision[1]}/*/*headless*shell")
    return [*shells, chromium]


def _check(path: Path, source: str) -> Browser:
    """Ask the version and start it once without a window.

    Raises:
        UnusableError: it is missing, or does neither.
    """
    if not path.is_file():
        raise UnusableError("no such file")
    if not os.access(path, os.X_OK):
        raise UnusableError("is not executable")
    said = _output([str(path), "--version"], VERSION_TIMEOUT_S)
    version = re.search(r"\d+(\.\d+)+", said)
    if version is None:
        raise UnusableError("does not say its version")
    with tempfile.TemporaryDirectory(prefix="rig-browser-", ignore_cleanup_errors=True) as profile:
        launch = [str(path), "--headless", f"--user-data-dir={profile}", "--disable-background-networking"]
        sandboxed = [] if os.geteuid() == 0 else [[*launch, "--dump-dom", "about:blank"]]
        problem: UnusableError | None = None
        # Where there is no sandbox to be had, the browser process does without, too.
        for command in (*sandboxed, [*launch, "--no-sandbox", "--dump-dom", "about:blank"]):
            try:
                if "<html" in _output(command, LAUNCH_TIMEOUT_S):
                    return Browser(path=path, version=version.group(), source=source)
                problem = UnusableError("starts, but shows no page")
            except UnusableError as reason:
                problem = reason
    raise problem or UnusableError("does not start")


def _output(command: Sequence[str], timeout_s: float) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired as error:
        raise UnusableError(f"does not answer within {timeout_s:g} s") from error
    except OSError as error:
        raise UnusableError(str(error.strerror or error)) from error
    if done.returncode:
        raise UnusableError(f"does not start ({_gist(done.stderr) or f'exit code {done.returncode}'})")
    return done.stdout


def _gist(text: str) -> str:
    """The one line of a program's complaints that says most: a missing library, else the last."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if "error while loading" in line or "Failed to" in line or "Error:" in line]
    return (telling or lines or [""])[-1 if not telling else 0][:300]


def _ways() -> Iterator[list[str]]:
    """Commands that lead to a browser, best first. One that ends in no package prepares the next."""
    playwright = [sys.executable, "-m", "playwright"]
    yield [*playwright, "install", PACKAGE]
    root = os.geteuid() == 0
    if root and sys.platform == "linux" and any(path.exists() for path in _of_playwright()):
        yield [*playwright, "install-deps", PACKAGE]
    as_root = [] if root else ["sudo", "-n"]
    if shutil.which("apt-get"):
        yield [*as_root, "apt-get", "update"]
        yield [*as_root, "apt-get", "install", "-y", SHELL_PACKAGE]
        yield [*as_root, "apt-get", "install", "-y", PACKAGE]
    elif shutil.which("dnf"):
        yield [*as_root, "dnf", "install", "-y", PACKAGE]
    elif shutil.which("brew"):
        yield ["brew", "install", "--cask", PACKAGE]


def _run(command: Sequence[str], timeout_s: float) -> str | None:
    """Run a step; None when it succeeded, else what was wrong."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            env=environment,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"not done within {timeout_s:g} s"
    except OSError as error:
        return str(error.strerror or error)
    return (_gist(done.stderr) or _gist(done.stdout) or f"exit code {done.returncode}") if done.returncode else None
