"""What one LCP costs: rig's reused page against Lighthouse, the same page and the same Chromium, in one run.

A trivial server on one core, one browser at a time on another: alone, beside a moderate open-model load on that
server, and beside a loop that is never idle on the browser's core.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.request import urlopen

import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

EXAMPLES = """\
examples:
  .venv/bin/python benchmarks/pages.py                  about five minutes; longer on a shared machine
  .venv/bin/python benchmarks/pages.py --quick          about one and a half, to see that it works
  .venv/bin/python benchmarks/pages.py --only calm --audits 15      for Lighthouse's own scatter

A sample is valid when it has an LCP that no withheld frame made late; others cost their time and count as none.
s/sample: wall time from the first order to the last figure, less what the server took to answer, by valid samples;
rig's browser serves all visits of a run, so its start stands apart; Lighthouse's lies within its time. CPU s: user and
system time of all processes of the tool, by valid samples. Lighthouse gets a browser context for each audit. LCP: as
the browser showed it.
"""
PRESET = "desktop"
LOAD_RATE = 100
DEADLINE_S = 30.0
WARM_UP_VISITS = 5
POLL_S = 0.1
PAGE = b"<!doctype html><title>bench</title><h1>A page of one line</h1>"
LOOP = "while True: pass"


@dataclass(frozen=True, slots=True)
class Cost:
    """What the samples of one tool took, all together; ``start_s`` is not part of ``wall_s``."""

    name: str
    wall_s: float
    cpu_s: float
    tried: int
    lcp_ms: Sequence[float]
    start_s: float | None = None

    def each(self, seconds: float) -> float:
        """Seconds by valid samples; infinite where there is none."""
        return seconds / len(self.lcp_ms) if self.lcp_ms else float("inf")


@dataclass(frozen=True, slots=True)
class Bench:
    """What both tools share."""

    url: str
    browser: Path
    cpus: list[int]

    @property
    def tool_cpu(self) -> int | None:
        """The core of the browsers, where there are two and processes can be pinned."""
        return self.cpus[1] if len(self.cpus) > 1 else None

    def served_s(self) -> float:
        """Seconds the server has spent on the page until now."""
        with urlopen(f"{self.url}/served") as response:  # noqa: S310  our own loopback server
            return float(response.read())

    def pin(self, process: subprocess.Popen[str] | subprocess.Popen[bytes]) -> None:
        """Put a process and what it will start on the browsers' core."""
        if self.tool_cpu is not None:
            os.sched_setaffinity(process.pid, {self.tool_cpu})


def main() -> None:
    """Measure both tools under each load, and print the ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="20 visits, one audit")
    parser.add_argument("--visits", type=int, default=100, help="rig's visits (default 100)")
    parser.add_argument("--audits", type=int, default=5, help="Lighthouse's audits (default 5)")
    parser.add_argument("--only", choices=LOADS, help="only under one of the loads")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve()
        return
    visits, audits = (20, 1) if options.quick else (options.visits, options.audits)
    from rig.measure.services.browser import find_browser

    browser = find_browser()
    cpus = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    print(f"{platform.system()} {platform.release()}, Python {platform.python_version()}, {os.cpu_count()} CPUs")
    print(f"{browser.path}, {browser.version}")
    print(f"server on CPU {cpus[0]}, browsers on CPU {cpus[1]}" if len(cpus) > 1 else "not pinned: one CPU for all")
    with server(cpus) as url:
        bench = Bench(url, browser.path, cpus)
        for name in [options.only] if options.only else LOADS:
            title, load = LOADS[name]
            with load(bench):
                show(title, rig_cost(bench, visits), lighthouse_cost(bench, audits))


def show(title: str, rig: Cost, lighthouse: Cost) -> None:
    """One table."""
    print(f"\n{title:<36}{'s/sample':>9}{'CPU s':>8}{'valid':>12}{'LCP p50':>9}{'IQR, ms':>9}")
    for cost in (rig, lighthouse):
        valid = f"{len(cost.lcp_ms)} of {cost.tried}"
        p50, iqr = spread(cost.lcp_ms)
        print(
            f"  {cost.name:<34}{cost.each(cost.wall_s):>9.3f}{cost.each(cost.cpu_s):>8.3f}{valid:>12}{p50:>9}{iqr:>9}"
        )
    if rig.lcp_ms and lighthouse.lcp_ms:
        wall = lighthouse.each(lighthouse.wall_s) / rig.each(rig.wall_s)
        cpu = lighthouse.each(lighthouse.cpu_s) / rig.each(rig.cpu_s)
        print(f"  {'ratio':<34}{wall:>9.1f}{cpu:>8.1f}")
    if rig.start_s is not None:
        print(f"  rig's browser started in {rig.start_s:.1f} s, once", flush=True)


def spread(values: Sequence[float]) -> tuple[str, str]:
    """Median and interquartile range in whole milliseconds; "-" where there are too few values."""
    if not values:
        return "-", "-"
    if len(values) < 4:
        return f"{statistics.median(values):.0f}", "-"
    low, middle, high = statistics.quantiles(values, n=4)
    return f"{middle:.0f}", f"{high - low:.0f}"


def rig_cost(bench: Bench, visits: int) -> Cost:
    """Visits one after the other, on one page that is reused."""
    from rig.measure.pages.client import BrowserClient

    cpus = None if bench.tool_cpu is None else {bench.tool_cpu}
    with tempfile.TemporaryDirectory(prefix="rig-bench-") as folder:
        began_s = time.monotonic()
        with BrowserClient(bench.browser, cpus=cpus, log_path=Path(folder) / "browser.log") as client:
            start_s = time.monotonic() - began_s
            for _ in range(WARM_UP_VISITS):
                client.visit(f"{bench.url}/", {}, DEADLINE_S)
            cpu_s, served_s, began_s = client.cpu_s() or 0.0, bench.served_s(), time.monotonic()
            ends = [client.visit(f"{bench.url}/", {}, DEADLINE_S) for _ in range(visits)]
            wall_s = time.monotonic() - began_s - (bench.served_s() - served_s)
            spent_s = (client.cpu_s() or float("inf")) - cpu_s
    lcps_ms = [end["lcp_ms"] for end in ends if end["outcome"] == "measured"]
    return Cost("rig, one page reused", wall_s, spent_s, visits, lcps_ms, start_s)


def lighthouse_cost(bench: Bench, audits: int) -> Cost:
    """Audits by one Node process in one browser, each in a context of its own; both start within the time."""
    node = Path(sys.executable).with_name("node")
    command = [str(node), "audit.mjs", "--url", f"{bench.url}/", "--runs", str(audits), "--preset", PRESET]
    environment = {**os.environ, "RIG_BROWSER": str(bench.browser)}
    served_s, began_s = bench.served_s(), time.monotonic()
    # Its lines wait in a file: a pipe would have to be read meanwhile.
    with (
        tempfile.TemporaryFile("w+") as lines,
        subprocess.Popen(command, cwd=ROOT / "lighthouse_scripts", env=environment, stdout=lines) as process,
    ):
        bench.pin(process)
        spent_s = family_cpu_s(process)
        wall_s = time.monotonic() - began_s - (bench.served_s() - served_s)
        lines.seek(0)
        told = [json.loads(line) for line in lines]
    found = [line["observed_lcp_ms"] for line in told if line["type"] == "audit"]
    lcps_ms = [lcp_ms for lcp_ms in found if lcp_ms is not None]
    return Cost(f"Lighthouse, {PRESET}", wall_s, spent_s, audits, lcps_ms)


def family_cpu_s(process: subprocess.Popen[bytes]) -> float:
    """CPU seconds of a process and all below it, until it ends.

    A browser killed with its helpers takes their account with it, so each is read as long as it lives. What it spent
    after it was last read, a tenth of a second at most, is lost.
    """
    root = psutil.Process(process.pid)
    spent_s: dict[psutil.Process, float] = {}
    while process.poll() is None:
        with contextlib.suppress(psutil.Error):
            for one in (root, *root.children(recursive=True)):
                with contextlib.suppress(psutil.Error):
                    times = one.cpu_times()
                    spent_s[one] = times.user + times.system
        time.sleep(POLL_S)
    return sum(spent_s.values())


@contextmanager
def server(cpus: list[int]) -> Iterator[str]:
    """The URL of the server, a process of its own on the first CPU."""
    command = [sys.executable, __file__, "--serve"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        if len(cpus) > 1:
            os.sched_setaffinity(process.pid, {cpus[0]})
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.stdin.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that are killed in the middle are what happens here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    served_s = 0.0

    def do_GET(self) -> None:
        began_s = time.monotonic()
        body = str(_Handler.served_s).encode() if self.path == "/served" else PAGE
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()
        if self.path == "/":  # The page alone; /load is for others.
            _Handler.served_s += time.monotonic() - began_s

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def serve() -> None:
    """The body of that process: print the port, serve until standard input ends."""
    with _Server(("127.0.0.1", 0), _Handler) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        print(listening.server_port, flush=True)
        sys.stdin.read()


@contextmanager
def alone(_: Bench) -> Iterator[None]:
    """No load at all."""
    yield


def offered(bench: Bench) -> contextlib.AbstractContextManager[None]:
    """An open-model load by rig itself, offered to the same server, from the browsers' core."""
    flags = ["--rate", str(LOAD_RATE), "--duration", "1h"]
    return _beside(bench, [sys.executable, "-m", "rig", "load", f"{bench.url}/load", *flags])


def looped(bench: Bench) -> contextlib.AbstractContextManager[None]:
    """A loop that is never idle."""
    return _beside(bench, [sys.executable, "-c", LOOP])


@contextmanager
def _beside(bench: Bench, command: list[str]) -> Iterator[None]:
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        bench.pin(process)
        try:
            yield
            assert process.poll() is None, f"the load ended by itself: {command}"
        finally:
            process.terminate()


LOADS: dict[str, tuple[str, Callable[[Bench], contextlib.AbstractContextManager[None]]]] = {
    "calm": ("calm", alone),
    "requests": (f"beside {LOAD_RATE} requests/s", offered),
    "loop": ("beside a loop that is never idle", looped),
}


if __name__ == "__main__":
    main()
