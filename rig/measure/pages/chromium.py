"""How Chromium is started: every flag with its reason, and the script injected into its pages."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from rig.measure.services.browser_place import REMOTE
from rig.model import InfrastructureError

if TYPE_CHECKING:
    from playwright.async_api import Browser, Playwright

FLAGS = {
    "--disable-background-networking": "update checks and metrics uploads would share CPU and network with a visit",
    "--disable-component-update": "the same, for downloads of components",
    "--disable-sync": "the same, for account synchronisation",
    "--no-first-run": "first-run work would fall into the first visits",
    "--disable-background-timer-throttling": "several pages are open; timers of those behind must not be slowed",
    "--disable-renderer-backgrounding": "nor their processes' priority lowered",
    "--disable-backgrounding-occluded-windows": "nor their frames withheld",
    "--disable-back-forward-cache": "a visited page kept alive would go on using CPU and memory",
    "--disable-extensions": "an installed extension would change the page and its timing",
    "--disable-hang-monitor": "a dialog about a hung page would wait for a person",
}
"""Playwright passes several of these itself; named here are those the figures rely on."""

NICENESS = 10
"""Where the generator shares the browser's CPU it must wake on time; it needs little, so pages hardly notice."""

VIEWPORT = {"width": 1280, "height": 720}
LAUNCH_TIMEOUT_S = 30.0


async def reach(playwright: Playwright, place: str) -> tuple[Browser, bool | None]:
    """The browser of a path, started, or of a ``ws://`` address, where `rig browser serve` has one; and whether it runs
    in its sandbox, None where that is not known.

    Raises:
        playwright.async_api.Error: it does not start, or nobody answers.
    """
    if place.startswith(REMOTE):
        return await playwright.chromium.connect(place, timeout=LAUNCH_TIMEOUT_S * 1000), None
    return await launch(playwright, place)


async def launch(playwright: Playwright, path: str) -> tuple[Browser, bool]:
    """Start Chromium headless; returns it, and whether it runs in its sandbox.

    Headless is what the executable offers: ``chrome-headless-shell`` is the old mode, which needs about
    40 % less CPU a visit; any other executable runs the new one. In 300 visits, one at a time, neither starved.

    The sandbox is off for root, whom Chromium refuses otherwise, and where the kernel has no user namespaces
    for it (containers, Ubuntu from 23.10 on for a browser outside its usual place).

    Raises:
        playwright.async_api.Error: it does not start.
    """
    from playwright.async_api import Error

    sandboxed = os.geteuid() != 0
    while True:
        try:
            browser = await playwright.chromium.launch(
                executable_path=path,
                headless=True,
                chromium_sandbox=sandboxed,
                args=list(FLAGS),
                timeout=LAUNCH_TIMEOUT_S * 1000,
                # The process that started us ends us by closing our input; see browser.py.
                handle_sigint=False,
                handle_sigterm=False,
                handle_sighup=False,
            )
        except Error as error:
            if not sandboxed or "No usable sandbox" not in str(error):
                raise
            sandboxed = False
        else:
            return browser, sandboxed


def page_script() -> str:
    """The script for every new document: web-vitals and our collector in one function scope, top frame only.

    Raises:
        InfrastructureError: web-vitals is not installed.
    """
    collector = Path(__file__).with_name("collector.js").read_text(encoding="utf-8")
    vitals = _web_vitals().read_text(encoding="utf-8")
    # Both see the observer by this name of our own, so that the collector can choose what web-vitals' INP sees.
    own = "let PerformanceObserver = globalThis.PerformanceObserver;"
    return f"if (window === window.top) (() => {{\n{own}\n{vitals}\n;{collector}\n}})();"


def _web_vitals() -> Path:
    """The attribution build: npm puts it beside the project, or where the command is run."""
    places = [*Path(__file__).parents, Path.cwd()]
    inside = Path("node_modules/web-vitals/dist/web-vitals.attribution.iife.js")
    for place in places:
        if (place / inside).is_file():
            return place / inside
    raise InfrastructureError("web-vitals: not found in any node_modules; run `make setup` (or `npm install`)")
