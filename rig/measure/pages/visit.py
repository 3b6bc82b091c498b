"""One reused browser page, and what a visit to it does."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
import traceback
from collections.abc import Awaitable
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, CDPSession, Dialog, Download, Error, Request
from playwright.async_api import Page as Tab

from rig.measure.pages.chromium import VIEWPORT
from rig.measure.pages.judge import note_figures, note_response
from rig.measure.pages.protocol import Order, Visit

CLOSE_TIMEOUT_S = 5.0
OPEN_TIMEOUT_S = 15.0

# Trusted, and does nothing: a bare modifier neither scrolls, types nor navigates.
FINAL_KEY = {"key": "Shift", "code": "ShiftLeft", "windowsVirtualKeyCode": 16}

# For the process, which knows whether the whole browser is gone; never leaves it.
TAB_GONE = "tab_gone"

# After these, the page may still hang, or be no more.
UNFIT = {"timeout", "page_crashed", TAB_GONE}


class VisitFailedError(Exception):
    """The visit cannot go on; the message is its cause word."""


class Page:
    """A page in a context of its own.

    A context has its own window, so that no page is in another's background, and its own cache and cookies.
    ``usable`` turns false when the page hung or crashed: whoever owns it then opens another one.
    """

    def __init__(self, context: BrowserContext, tab: Tab, cdp: CDPSession) -> None:
        self.usable = True
        self._context = context
        self._tab = tab
        self._cdp = cdp
        self._headers: dict[str, str] = {}
        self._documents = 0
        self._failed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        tab.on("crash", self._on_crash)
        tab.on("dialog", _dismiss)
        tab.on("download", self._on_download)
        tab.on("requestfailed", self._on_request_failed)
        tab.on("popup", _close_popup)
        cdp.on("Page.frameNavigated", self._on_document)

    @classmethod
    async def open(cls, browser: Browser, script: str) -> Page:
        """Make context, page and DevTools session.

        Raises:
            playwright.async_api.Error, TimeoutError: the browser does not answer.
        """
        async with asyncio.timeout(OPEN_TIMEOUT_S):
            context = await browser.new_context(viewport=VIEWPORT, accept_downloads=False)  # type: ignore[arg-type]
            await context.add_init_script(script)
            tab = await context.new_page()
            cdp = await context.new_cdp_session(tab)
            await asyncio.gather(cdp.send("Performance.enable"), cdp.send("Page.enable"))
        return cls(context, tab, cdp)

    async def close(self) -> None:
        """Close the context; one that does not answer is left to the browser's end."""
        with contextlib.suppress(Error, TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._context.close()

    async def visit(self, order: Order) -> Visit:
        """Visit a page; ends by ``order.deadline_s``, and never raises for anything the page or its server does."""
        visit = Visit(url=order.url, started_s=time.monotonic())
        self._failed = asyncio.get_running_loop().create_future()
        work = asyncio.ensure_future(self._measure(order, visit))
        ends: list[asyncio.Future[Any]] = [work, self._failed]
        await asyncio.wait(ends, timeout=order.deadline_s, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            visit.cause = self._failed.result() if self._failed.done() else "timeout"
        elif error := work.exception():
            visit.cause = self._failed.result() if self._failed.done() else _cause(error)
            if not isinstance(error, Error | VisitFailedError):
                traceback.print_exception(error)  # Not the page's fault but ours.
        if visit.cause in UNFIT:
            self.usable = False
        _abandon(work)
        visit.done_s = time.monotonic()
        return visit

    async def _measure(self, order: Order, visit: Visit) -> None:
        await self._prepare(order)
        self._documents = 0
        visit.started_s = time.monotonic()
        # Not the load event: from here on status and headers are known, even if the page never loads.
        response = await self._tab.goto(order.url, wait_until="commit", timeout=0)
        if response is None:
            raise VisitFailedError("navigation")
        note_response(visit, response.status, response.headers)
        if response.status >= 400:
            raise VisitFailedError("status")
        await self._call("loaded")
        # Sent together: one session keeps their order, and the fence must not count as the page's layout.
        work, _ = await asyncio.gather(self._metrics(), self._call("fenced"))
        *_, figures = await asyncio.gather(self._key("rawKeyDown"), self._key("keyUp"), self._call("figures"))
        if self._documents != 1:
            # It went elsewhere by itself: response and figures are not of one document.
            raise VisitFailedError("navigation")
        note_figures(visit, figures, work, time.monotonic() - time.time())

    async def _prepare(self, order: Order) -> None:
        parts = urlsplit(order.url)
        if parts.fragment:
            # From the same page, this would be a jump within it and no navigation.
            await self._tab.goto("about:blank")
        if order.headers != self._headers:
            await self._context.set_extra_http_headers(order.headers)
            self._headers = order.headers
        origin = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        await asyncio.gather(
            self._cdp.send("Network.clearBrowserCache"),
            self._cdp.send("Network.clearBrowserCookies"),
            self._cdp.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "all"}),
        )

    async def _call(self, step: str) -> Any:
        """Run one step of the collector in the page."""
        reply = await self._cdp.send(
            "Runtime.evaluate",
            {
                "expression": f"window[Symbol.for('rig')].{step}()",
                "awaitPromise": True,
                "returnByValue": True,
            },
        )
        if "exceptionDetails" in reply:
            raise VisitFailedError("navigation")
        return reply["result"].get("value")

    async def _key(self, kind: str) -> None:
        await self._cdp.send("Input.dispatchKeyEvent", {"type": kind, **FINAL_KEY})

    async def _metrics(self) -> dict[str, float]:
        reply = await self._cdp.send("Performance.getMetrics")
        return {metric["name"]: metric["value"] for metric in reply["metrics"]}

    def _fail(self, cause: str) -> None:
        if not self._failed.done():
            self._failed.set_result(cause)

    def _on_crash(self, _: Tab) -> None:
        self._fail("page_crashed")

    def _on_download(self, _: Download) -> None:
        self._fail("download")

    def _on_document(self, event: dict[str, Any]) -> None:
        if "parentId" not in event["frame"]:
            self._documents += 1

    def _on_request_failed(self, request: Request) -> None:
        # A document cut off half-way was committed before, so that goto knows nothing of it.
        # Aborted is what a download is, too; goto tells them apart.
        aborted = request.failure == "net::ERR_ABORTED"
        if not aborted and request.is_navigation_request() and request.frame == self._tab.main_frame:
            self._fail(request.failure or "navigation")


def _cause(error: BaseException) -> str:
    text = str(error)
    if isinstance(error, VisitFailedError):
        return text
    if "Download is starting" in text:
        return "download"
    if named := re.search(r"net::ERR_\w+", text):
        return named.group()
    return TAB_GONE if re.search(r"has been closed|Target closed|crashed", text) else "navigation"


def _abandon(work: asyncio.Future[None]) -> None:
    """Let go of a visit's work; what it still raises is of no interest to anyone."""
    work.cancel()
    work.add_done_callback(lambda done: done.cancelled() or done.exception())


def _in_background(work: Awaitable[None]) -> None:
    task = asyncio.ensure_future(work)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())


def _dismiss(dialog: Dialog) -> None:
    # To dismiss 'beforeunload' is to stay on the page.
    _in_background(dialog.accept() if dialog.type == "beforeunload" else dialog.dismiss())


def _close_popup(popup: Tab) -> None:
    _in_background(popup.close())
