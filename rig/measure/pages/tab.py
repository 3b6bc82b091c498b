"""Opens a tab as the options want it: context, page, DevTools session, and what is slowed down."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Browser, BrowserContext, CDPSession, Dialog, Page

from rig.measure.pages.chromium import VIEWPORT
from rig.measure.pages.network import NETWORKS
from rig.measure.pages.protocol import VisitOptions
from rig.model import UsageError

OPEN_TIMEOUT_S = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """How tabs are made: the script injected into each document, Playwright's context options, and ours."""

    script: str
    context: Mapping[str, Any]
    options: VisitOptions


@dataclass(frozen=True, slots=True)
class Tab:
    """A page in a context of its own.

    A context has its own window, so that no page is in another's background, and its own cache and cookies.
    """

    context: BrowserContext
    page: Page
    cdp: CDPSession


def context_options(options: VisitOptions, devices: Mapping[str, Any]) -> dict[str, Any]:
    """Playwright's options of a context; ``devices`` is Playwright's registry.

    Raises:
        UsageError: the device is not in it.
    """
    found: dict[str, Any] = {"viewport": VIEWPORT, "accept_downloads": False}
    if options.device is not None:
        if options.device not in devices:
            near = difflib.get_close_matches(options.device, devices, n=3, cutoff=0.4)
            hint = f"; near it: {', '.join(near)}" if near else ""
            raise UsageError(f"device {options.device!r}: Playwright has no such device{hint}")
        found |= {name: value for name, value in devices[options.device].items() if name != "default_browser_type"}
    if options.viewport is not None:
        found["viewport"] = dict(zip(("width", "height"), options.viewport, strict=True))
    if options.ignore_certificate_errors:
        found["ignore_https_errors"] = True
    return found


async def open_tab(browser: Browser, setup: Setup) -> Tab:
    """Make context, page and DevTools session.

    Raises:
        playwright.async_api.Error, TimeoutError: the browser does not answer.
    """
    async with asyncio.timeout(OPEN_TIMEOUT_S):
        context = await browser.new_context(**setup.context)
        await context.add_init_script(setup.script)
        page = await context.new_page()
        cdp = await context.new_cdp_session(page)
        await asyncio.gather(cdp.send("Performance.enable"), cdp.send("Page.enable"))
        await _slow_down(cdp, setup.options)
    page.on("dialog", _dismiss)
    page.on("popup", lambda popup: _in_background(popup.close()))
    return Tab(context, page, cdp)


async def _slow_down(cdp: CDPSession, options: VisitOptions) -> None:
    if options.cpu_slowdown is not None:
        await cdp.send("Emulation.setCPUThrottlingRate", {"rate": options.cpu_slowdown})
    if options.network is not None:
        network = NETWORKS[options.network]
        await cdp.send("Network.enable")
        await cdp.send(
            "Network.emulateNetworkConditions",
            {
                "offline": False,
                "latency": network.latency_ms,
                "downloadThroughput": network.down_kbps * 1000 / 8,
                "uploadThroughput": network.up_kbps * 1000 / 8,
            },
        )


def _dismiss(dialog: Dialog) -> None:
    # To dismiss 'beforeunload' is to stay on the page.
    _in_background(dialog.accept() if dialog.type == "beforeunload" else dialog.dismiss())


def _in_background(work: Awaitable[None]) -> None:
    task = asyncio.ensure_future(work)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
