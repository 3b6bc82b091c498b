"""A browser that others reach over the network: Playwright's own server around the Chromium rig would use."""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from playwright.async_api import async_playwright

from rig.measure.pages.chromium import FLAGS, NICENESS, launch
from rig.measure.services.process import Service
from rig.model import UsageError
from rig.plan.environment import beside_target

_READY_S = 60.0
_PATH = re.compile(r"[A-Za-z0-9_-]+")


def address_path(environment: Mapping[str, str] = os.environ) -> str:
    """What stands behind host and port in the browser's address: ``RIG_BROWSER_PATH``, else a new random one.

    Raises:
        UsageError: the variable has characters that would stand otherwise in a URL.
    """
    given = environment.get("RIG_BROWSER_PATH")
    if not given:
        return secrets.token_urlsafe(24)
    if not _PATH.fullmatch(given):
        raise UsageError("RIG_BROWSER_PATH: letters, digits, - and _ only; unset it for a random one")
    return given


@contextmanager
def served_browser(path: Path, host: str, port: int, secret: str) -> Iterator[Service]:
    """Playwright's server on ``host:port`` with the browser at ``path``, for as long as the block lasts.

    Who does not know ``secret``, the path of its address, is refused. That keeps out pages of other sites, which a
    browser lets connect to any port. It is no password: Playwright tells the path to whoever asks the port itself for
    ``/json``.

    Raises:
        playwright.async_api.Error, InfrastructureError: the browser or the server does not start.
    """
    with tempfile.TemporaryDirectory(prefix="rig-browser-") as folder:
        options = {
            "executablePath": str(path),
            "headless": True,
            "chromiumSandbox": asyncio.run(_sandboxed(str(path))),
            "args": list(FLAGS),
            "host": host,
            "port": port,
            "wsPath": f"/{secret}",
        }
        config = Path(folder) / "server.json"
        config.write_text(json.dumps(options))
        os.nice(NICENESS)
        command = [
            sys.executable,
            "-m",
            "playwright",
            "launch-server",
            "--browser",
            "chromium",
            "--config",
            str(config),
        ]
        log = Path(folder) / "server.log"
        with Service("browser server", command, log=log, cpus=beside_target()) as service:
            service.wait_ready(lambda: _answers(host, port), _READY_S)
            yield service


def _answers(host: str, port: int) -> bool:
    with suppress(OSError), socket.create_connection((host, port), timeout=1):
        return True
    return False


async def _sandboxed(path: str) -> bool:
    """Whether it starts in its sandbox here."""
    async with async_playwright() as playwright:
        browser, sandboxed = await launch(playwright, path)
        await browser.close()
    return sandboxed
