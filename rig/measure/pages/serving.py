"""A browser that others reach over the network: Playwright's own server around the Chromium rig would use."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from playwright.async_api import async_playwright

from rig.measure.pages.chromium import FLAGS, NICENESS, launch
from rig.measure.services.process import Service
from rig.plan.environment import beside_target

_READY_S = 60.0


@contextmanager
def served_browser(path: Path, host: str, port: int) -> Iterator[Service]:
    """Playwright's server on ``host:port`` with the browser at ``path``, for as long as the block lasts.

    Whoever reaches the port can order the browser anywhere: Playwright's server asks for no password.

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
            "wsPath": "/",
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
