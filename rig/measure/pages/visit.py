"""One reused browser page, and what a visit to it does."""

from __future__ import annotations

import asyncio
import contextlib
import re
import sys
import time
import traceback
from collections.abc import Coroutine
from typing import Any, TypeVar
from urllib.parse import urlsplit

from playwright.async_api import Browser, Download, Error, Request, Response
from playwright.async_api import Page as BrowserPage

from rig.measure.pages.afterwards import click, take_picture, wants_picture
from rig.measure.pages.judge import began_s, note_figures, note_response
from rig.measure.pages.protocol import Order, Visit
from rig.measure.pages.tab import Setup, Tab, open_tab
from rig.measure.pages.trace import Tracing

CLOSE_TIMEOUT_S = 5.0

PICTURE_TIMEOUT_S = 2.0
INTERACTION_TIMEOUT_S = 2.0
"""Beyond the visit's deadline; together below the grace its client gives (``client.GRACE_S``)."""

# Trusted, and does nothing: a bare modifier neither scrolls, types nor navigates.
FINAL_KEY = {"key": "Shift", "code": "ShiftLeft", "windowsVirtualKeyCode": 16}

# For the process, which knows whether the whole browser is gone; never leaves it.
TAB_GONE = "tab_gone"

# After these, the tab is as it was. After any other it may hang, be no more, or have something of this visit still to
# come (the browser's own error page, word of a download), which would end the next one.
FIT = {None, "status", "no_lcp", "frame_withheld"}

T = TypeVar("T")


class VisitFailedError(Exception):
    """The visit cannot go on: its cause word, and what the log says beside it."""


class Page:
    """A tab, visit after visit.

    ``usable`` turns false when it hung or crashed, or was good for one visit only: whoever owns it then opens another.
    """

    def __init__(self, tab: Tab, setup: Setup) -> None:
        self.usable = True
        self._tab = tab
        self._options = setup.options
        self._headers: dict[str, str] = {}
        self._documents: list[str] = []
        self._arrived = asyncio.Event()
        self._leaving = False
        self._failed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        tab.page.on("crash", self._on_crash)
        tab.page.on("download", self._on_download)
        tab.page.on("requestfailed", self._on_request_failed)
        tab.cdp.on("Page.frameNavigated", self._on_document)
        tab.cdp.on("Page.frameRequestedNavigation", self._on_leaving)

    @classmethod
    async def open(cls, browser: Browser, setup: Setup) -> Page:
        """Open a tab.

        Raises:
            playwright.async_api.Error, TimeoutError: the browser does not answer.
        """
        return cls(await open_tab(browser, setup), setup)

    async def close(self) -> None:
        """Close the context; one that does not answer is left to the browser's end."""
        with contextlib.suppress(Error, TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._tab.context.close()

    async def visit(self, order: Order) -> Visit:
        """Visit a page; never raises for anything the page or its server does.

        ``done_s``, when its figures were read back, is within ``order.deadline_s``. A picture and the click for INP
        come after it, bounded each by two seconds; what happens then changes nothing that was measured.
        """
        visit = Visit(url=order.url, started_s=time.monotonic())
        self._failed = asyncio.get_running_loop().create_future()
        work = asyncio.ensure_future(self._measure(order, visit))
        ends: list[asyncio.Future[Any]] = [work, self._failed]
        await asyncio.wait(ends, timeout=order.deadline_s, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            visit.cause = self._failed.result() if self._failed.done() else "timeout"
        elif error := work.exception():
            visit.cause = self._failed.result() if self._failed.done() else _cause(error)
            if visit.cause == "navigation":
                # The word covers much, and the run's log is the only place that can say what it was.
                print(f"browser process: {order.url}: navigation: {' '.join(map(str, error.args))}", file=sys.stderr)
            if not isinstance(error, Error | VisitFailedError):
                traceback.print_exception(error)  # Not the page's fault but ours.
        # A trace that was not ended, because the visit failed, ends with its tab.
        if visit.cause not in FIT or self._options.fresh_context or order.trace:
            self.usable = False
        _abandon(work)
        visit.done_s = time.monotonic()
        if visit.lcp_ms is not None:
            await self._afterwards(order, visit)
        return visit

    async def _afterwards(self, order: Order, visit: Visit) -> None:
        if order.screenshot is not None and wants_picture(order, visit):
            visit.screenshot = await self._bounded(take_picture(self._tab, order.screenshot), PICTURE_TIMEOUT_S)
        if self._options.interact and not order.trace:
            visit.inp_ms = await self._bounded(self._interact(), INTERACTION_TIMEOUT_S)

    async def _interact(self) -> float | None:
        """Click where the page has something to click; the click's INP, None where there is nothing."""
        point = await self._call("clickable")
        if point is None:
            return None
        self._leaving = False
        await click(self._tab, point)
        inp_ms = await self._call("inp")
        if self._leaving:
            # Where the click leads to may arrive in the middle of the next visit.
            self.usable = False
        return None if inp_ms is None else float(inp_ms)

    async def _bounded(self, work: Coroutine[Any, Any, T], timeout_s: float) -> T | None:
        """The result; None where it failed or did not come in time: then the tab is fit for no further visit."""
        task = asyncio.ensure_future(work)
        await asyncio.wait([task], timeout=timeout_s)
        try:
            return task.result()
        except (asyncio.InvalidStateError, Error, VisitFailedError):
            self.usable = False
        except OSError as error:
            print(f"browser process: {error}", file=sys.stderr)
        finally:
            _abandon(task)
        return None

    async def _measure(self, order: Order, visit: Visit) -> None:
        await self._prepare(order)
        tracing = Tracing(self._tab.cdp) if order.trace else None
        if tracing is not None:
            await tracing.start()
        visit.started_s = time.monotonic()
        response = await self._go(order.url)
        if response is None:
            raise VisitFailedError("navigation", "no response")
        note_response(visit, response.status, response.headers)
        if response.status >= 400:
            raise VisitFailedError("status")
        await self._call("loaded")
        if tracing is not None:
            visit.paint = await tracing.stop()
        # Sent together: one session keeps their order, and the fence must not count as the page's layout.
        work, _ = await asyncio.gather(self._metrics(), self._call("fenced"))
        asked_s = time.monotonic()
        *_, figures = await asyncio.gather(self._key("rawKeyDown"), self._key("keyUp"), self._call("figures"))
        told_s = time.monotonic()
        if len(self._documents) != 1:
            # It went elsewhere by itself: response and figures are not of one document.
            raise VisitFailedError("navigation", f"{len(self._documents)} documents", *self._documents)
        note_figures(visit, figures, work, began_s(figures, told_s - time.time(), asked_s, told_s))

    async def _go(self, url: str) -> Response | None:
        """Navigate, and wait until the document is there.

        Not for the load event: from here on status and headers are known, even if the page never loads. Our session
        may hear of the document later than Playwright's own; left for the next visit, it would count as one of its.
        """
        self._documents = []
        self._arrived.clear()
        response = await self._tab.page.goto(url, wait_until="commit", timeout=0)
        await self._arrived.wait()
        return response

    async def _prepare(self, order: Order) -> None:
        if urlsplit(order.url).fragment:
            # From the same page, this would be a jump within it and no navigation.
            await self._go("about:blank")
        if order.headers != self._headers:
            await self._tab.context.set_extra_http_headers(order.headers)
            self._headers = order.headers
        await asyncio.gather(
            self._tab.cdp.send("Network.clearBrowserCache"),
            self._tab.cdp.send("Network.clearBrowserCookies"),
            # Of every origin in this context: a redirect or a frame may have led to others than the one ordered.
            self._tab.cdp.send("Storage.clearDataForOrigin", {"origin": "*", "storageTypes": "all"}),
        )

    async def _call(self, step: str) -> Any:
        """Run one step of the collector in the page."""
        reply = await self._tab.cdp.send(
            "Runtime.evaluate",
            {
                "expression": f"window[Symbol.for('rig')].{step}()",
                "awaitPromise": True,
                "returnByValue": True,
            },
        )
        if thrown := reply.get("exceptionDetails"):
            raise VisitFailedError("navigation", step, thrown)
        return reply["result"].get("value")

    async def _key(self, kind: str) -> None:
        await self._tab.cdp.send("Input.dispatchKeyEvent", {"type": kind, **FINAL_KEY})

    async def _metrics(self) -> dict[str, float]:
        reply = await self._tab.cdp.send("Performance.getMetrics")
        return {metric["name"]: metric["value"] for metric in reply["metrics"]}

    def _fail(self, cause: str) -> None:
        if not self._failed.done():
            self._failed.set_result(cause)

    def _on_crash(self, _: BrowserPage) -> None:
        self._fail("page_crashed")

    def _on_download(self, _: Download) -> None:
        self._fail("download")

    def _on_document(self, event: dict[str, Any]) -> None:
        if "parentId" not in event["frame"]:
            self._documents.append(event["frame"]["url"])
            self._arrived.set()

    def _on_leaving(self, _: dict[str, Any]) -> None:
        self._leaving = True

    def _on_request_failed(self, request: Request) -> None:
        # A document cut off half-way was committed before, so that goto knows nothing of it.
        # Aborted is what a download is, too; goto tells them apart.
        aborted = request.failure == "net::ERR_ABORTED"
        if not aborted and request.is_navigation_request() and request.frame == self._tab.page.main_frame:
            self._fail(request.failure or "navigation")


def _cause(error: BaseException) -> str:
    if isinstance(error, VisitFailedError):
        return str(error.args[0])
    text = str(error)
    if "Download is starting" in text:
        return "download"
    if named := re.search(r"net::ERR_\w+", text):
        return named.group()
    return TAB_GONE if re.search(r"has been closed|Target closed|crashed", text) else "navigation"


def _abandon(work: asyncio.Future[Any]) -> None:
    """Let go of a visit's work; what it still raises is of no interest to anyone."""
    work.cancel()
    work.add_done_callback(lambda done: done.cancelled() or done.exception())
