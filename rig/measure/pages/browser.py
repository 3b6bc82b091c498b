"""The browser process: ``python -m rig.measure.pages.browser --pages N [--cpus 0,1] [--options JSON]``.

RIG_BROWSER_PLACE is a path, or the address of a browser that runs elsewhere (`rig browser serve`). One asyncio
Playwright, one Chromium, N reused pages. Orders come in on stdin as JSON lines, in any number; each is taken up by the
next free page, and answered by one line on stdout. It has a process of its own because Playwright's asyncio and
Locust's gevent do not go together.

It ends, and Chromium with it, when its input closes or its parent is gone. When Chromium dies it closes its output
at once and ends, too: whoever started it starts another one, so there is one way to recover and not two.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Coroutine, Iterable
from typing import IO, Any

from playwright.async_api import Browser, Error, async_playwright

from rig.measure.pages.chromium import NICENESS, page_script, reach
from rig.measure.pages.protocol import Order, VisitOptions, encode, encode_visit, options_from, parse_order
from rig.measure.pages.tab import Setup, context_options
from rig.measure.pages.visit import TAB_GONE, Page
from rig.measure.services.browser_place import PLACE
from rig.model import ExitCode, RigError, UsageError

LINE_LIMIT = 1 << 20
PARENT_POLL_S = 1.0
STOP_TIMEOUT_S = 3.0
GONE_TIMEOUT_S = 1.0


class Server:
    """Orders in, visits out, as long as Chromium lives and somebody listens.

    Free pages take turns, so that all are equally warm: one used only when visits pile up would be slow just then.
    The control page has a page of its own, opened when it is first asked for, and so has each numbered tab: another
    site's document in between would cost the next visit a change of renderer.
    """

    def __init__(self, browser: Browser, setup: Setup, out: IO[bytes]) -> None:
        self._browser = browser
        self._setup = setup
        self._out = out
        self.orders: asyncio.Queue[Order] = asyncio.Queue()
        self.control: asyncio.Queue[Order] = asyncio.Queue()
        self.tasks: list[asyncio.Future[None]] = []
        self._tabs: dict[int, asyncio.Queue[Order]] = {}
        self.ended: asyncio.Future[ExitCode] = asyncio.get_running_loop().create_future()
        browser.on("disconnected", lambda _: self.end(ExitCode.INVALID))

    def end(self, code: ExitCode) -> None:
        """Decide how the process ends; the first to say so wins."""
        if not self.ended.done():
            self.ended.set_result(code)

    def say(self, line: bytes) -> None:
        """Write one line; a reader that is gone ends the process."""
        try:
            self._out.write(line)
            self._out.flush()
        except OSError:
            self.end(ExitCode.OK)

    async def read_orders(self, lines: asyncio.StreamReader) -> None:
        """Queue orders until the input closes."""
        async for line in lines:
            try:
                order = parse_order(line)
            except ValueError as error:
                print(f"browser process: {error}", file=sys.stderr)
                continue
            self._queue_of(order).put_nowait(order)
        self.end(ExitCode.OK)

    def _queue_of(self, order: Order) -> asyncio.Queue[Order]:
        if order.control or order.tab is None:
            return self.control if order.control else self.orders
        if order.tab not in self._tabs:
            self._tabs[order.tab] = asyncio.Queue()
            self.start(self.work(self._tabs[order.tab]))
        return self._tabs[order.tab]

    def start(self, job: Coroutine[Any, Any, None]) -> None:
        """Do ``job`` beside the others until the process ends."""
        task = asyncio.ensure_future(job)
        task.add_done_callback(self.note_broken)
        self.tasks.append(task)

    async def work(self, orders: asyncio.Queue[Order], page: Page | None = None) -> None:
        """Serve orders with one page; a page that is no longer usable is replaced between two orders."""
        try:
            while True:
                order = await orders.get()
                page = page or await Page.open(self._browser, self._setup)
                visit = await page.visit(order)
                if visit.cause == TAB_GONE:
                    # Either the browser is gone with it, which takes a moment to show, or the tab alone.
                    await asyncio.wait([self.ended], timeout=GONE_TIMEOUT_S)
                    visit.cause = "page_crashed"
                if self.ended.done():
                    return
                self.say(encode_visit(order.id, visit))
                if not page.usable:
                    await page.close()
                    page = await Page.open(self._browser, self._setup)
        except (Error, TimeoutError) as error:
            print(f"browser process: no new page: {error}", file=sys.stderr)
            self.end(ExitCode.INVALID)

    def note_broken(self, task: asyncio.Future[None]) -> None:
        """End when a task broke, rather than leave its orders without an answer."""
        if not task.cancelled() and task.exception():
            self.end(ExitCode.INVALID)

    async def watch_parent(self) -> None:
        """End when the parent is gone, also where somebody else still holds the other end of our input."""
        parent = os.getppid()
        while os.getppid() == parent:
            await asyncio.sleep(PARENT_POLL_S)
        self.end(ExitCode.OK)


async def serve(path: str, pages: int, cpus: set[int] | None, options: VisitOptions, out: IO[bytes]) -> ExitCode:
    """Run until the input closes, the parent is gone, or Chromium dies.

    Raises:
        UsageError: an option names what there is not.
        playwright.async_api.Error, InfrastructureError, TimeoutError: it does not come up.
    """
    lines = asyncio.StreamReader(limit=LINE_LIMIT)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    script = page_script()
    async with async_playwright() as playwright:
        setup = Setup(script=script, context=context_options(options, playwright.devices), options=options)
        browser, sandboxed = await reach(playwright, path)
        server = Server(browser, setup, out)
        loop.add_signal_handler(signal.SIGTERM, server.end, ExitCode.OK)
        opened = await asyncio.gather(*(Page.open(browser, setup) for _ in range(pages)))
        server.say(
            encode(
                {
                    "ready": True,
                    "version": browser.version,
                    "pid": os.getpid(),
                    "pages": pages,
                    "cpus": sorted(cpus) if cpus else None,
                    "sandbox": sandboxed,
                }
            )
        )
        jobs = [server.work(server.control), *(server.work(server.orders, page) for page in opened)]
        for job in (server.read_orders(lines), server.watch_parent(), *jobs):
            server.start(job)
        code = await server.ended
        # Nobody must take an order for a browser that is gone as begun.
        out.close()
        _stop(server.tasks, code)
        with contextlib.suppress(Error, TimeoutError):
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await browser.close()
    return code


def _stop(tasks: Iterable[asyncio.Future[None]], code: ExitCode) -> None:
    """Stop all work, and see to it that the process ends even if Chromium or its driver does not answer.

    Both end by themselves when the pipe from their parent closes.
    """
    for task in tasks:
        task.cancel()
    signal.signal(signal.SIGALRM, lambda *_: os._exit(code))
    signal.alarm(int(STOP_TIMEOUT_S) + 1)


def _pin(cpus: set[int]) -> set[int] | None:
    """Keep this process, and all it starts, to some CPUs; None where the system has no such thing."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    os.sched_setaffinity(0, cpus)
    return cpus


def main() -> None:
    """Parse the arguments, keep stdout for the protocol alone, and serve."""
    parser = argparse.ArgumentParser(prog="python -m rig.measure.pages.browser")
    parser.add_argument("--pages", type=int, default=1)
    parser.add_argument("--cpus", type=lambda text: {int(cpu) for cpu in text.split(",")})
    parser.add_argument("--options", type=lambda text: options_from(json.loads(text)), default=VisitOptions())
    arguments = parser.parse_args()
    # The terminal's Ctrl-C is for our parent, which ends us in its own time.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        cpus = _pin(arguments.cpus) if arguments.cpus else None
        os.nice(NICENESS)
        code = asyncio.run(serve(os.environ[PLACE], arguments.pages, cpus, arguments.options, out))
    except (Error, RigError, TimeoutError, OSError) as error:
        out.write(encode({"ready": False, "error": str(error).strip(), "usage": isinstance(error, UsageError)}))
        out.flush()
        code = ExitCode.INVALID
    sys.exit(code)


if __name__ == "__main__":
    main()
