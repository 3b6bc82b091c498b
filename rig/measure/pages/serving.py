"""A browser that others reach over the network: Playwright's own server around the Chromium rig would use."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

from playwright.async_api import async_playwright

from rig.measure.pages.chromium import FLAGS, NICENESS, launch


def serve_browser(path: Path, host: str, port: int) -> NoReturn:
    """Become Playwright's server on ``host:port`` with the browser at ``path``; ends with SIGTERM, Chromium too.

    Whoever reaches the port can order the browser anywhere: Playwright's server asks for no password.

    Raises:
        playwright.async_api.Error: the browser does not start.
    """
    options = {
        "executablePath": str(path),
        "headless": True,
        "chromiumSandbox": asyncio.run(_sandboxed(str(path))),
        "args": list(FLAGS),
        "host": host,
        "port": port,
        "wsPath": "/",
    }
    # Read at start; the folder for temporary files goes with the container or the boot.
    handle, config = tempfile.mkstemp(prefix="rig-browser-", suffix=".json")
    with os.fdopen(handle, "w") as stream:
        json.dump(options, stream)
    os.nice(NICENESS)
    command = [sys.executable, "-m", "playwright", "launch-server", "--browser", "chromium", "--config", config]
    os.execv(sys.executable, command)  # noqa: S606 - nothing here that a shell could read otherwise


async def _sandboxed(path: str) -> bool:
    """Whether it starts in its sandbox here."""
    async with async_playwright() as playwright:
        browser, sandboxed = await launch(playwright, path)
        await browser.close()
    return bool(sandboxed)
