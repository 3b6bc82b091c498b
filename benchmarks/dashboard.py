"""What the dashboard's list of many runs costs: the first index, the next start, an open page, the page in a browser.

.venv/bin/python benchmarks/dashboard.py                 # 1,000 runs, about half a minute
.venv/bin/python benchmarks/dashboard.py --runs 200
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from playwright.sync_api import sync_playwright  # noqa: E402

from rig.measure.services.browser import find_browser  # noqa: E402
from tests.synthetic_runs import write_run  # noqa: E402

# As large as the summary of a run of two strategies; most of it is what the list does not need.
BALLAST = [{"ledger": "x" * 80, "figures": [1.0] * 8} for _ in range(280)]
STRATEGIES = ("fixed-timeout", "delete-on-write", "delete-many", "versioned-keys")


def main() -> None:
    """Make the runs, then time them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rig-benchmark-") as folder:
        runs, home = Path(folder) / "runs", Path(folder) / "home"
        size = make(runs, asked.runs)
        print(f"{asked.runs:,} runs of {len(STRATEGIES)} strategies, summary.json of {size / 1000:,.0f} kB each")
        with dashboard(runs, home) as url:
            begun = time.monotonic()
            wait_ready(url)
            print(f"first index, from the answering server on  {time.monotonic() - begun:8.2f} s")
        print(f"index file                                 {index_bytes(home) / 1e6:8.2f} MB")
        with dashboard(runs, home) as url:
            begun = time.monotonic()
            wait_ready(url)
            print(f"next start, from the answering server on   {time.monotonic() - begun:8.2f} s")
            for what, path in (("the list", "api/runs"), ("the history", "api/history?profile=hot-key")):
                # Longer ago than what is not looked at again, so that every folder is.
                time.sleep(1)
                begun = time.monotonic()
                content = ask(url + path)
                took, size = time.monotonic() - begun, len(content) / 1e6
                print(f"{what:<12} by HTTP, everything looked at {took:8.2f} s  {size:.2f} MB")
            in_browser(url)


def make(runs: Path, count: int) -> int:
    """Write the runs; returns the size of one summary in bytes."""
    size = 0
    for number in range(count):
        path = write_run(runs, number, STRATEGIES) / "summary.json"
        summary = {**json.loads(path.read_text()), "ballast": BALLAST}
        path.write_text(json.dumps(summary, indent=2))
        size = path.stat().st_size
    return size


@contextmanager
def dashboard(runs: Path, home: Path) -> Iterator[str]:
    """``rig dashboard`` over these runs, until the block ends."""
    command = [sys.executable, "-m", "rig", "dashboard", str(runs), "--port", "0", "--json"]
    environment = {**os.environ, "RIG_HOME": str(home)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            text = ""
            while not text.endswith("}\n"):
                text += process.stdout.readline()
            yield str(json.loads(text)["url"])
        finally:
            process.terminate()
            process.wait()


def ask(address: str) -> bytes:
    """The content at ``address``."""
    with urllib.request.urlopen(address, timeout=600) as answer:  # noqa: S310 - an address of our own
        return bytes(answer.read())


def wait_ready(url: str) -> None:
    """Until the list is there."""
    while not json.loads(ask(url + "api/runs"))["ready"]:
        time.sleep(0.02)


def index_bytes(home: Path) -> int:
    """The size of the index file."""
    return sum(path.stat().st_size for path in (home / "dashboard").iterdir())


def in_browser(url: str) -> None:
    """From navigation to the first rows on the page, in Chromium."""
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(find_browser().path), args=arguments)
        page = browser.new_page()
        for what in ("first visit", "second visit"):
            begun = time.monotonic()
            page.goto(url)
            page.wait_for_selector("#list tbody tr td")
            shown = time.monotonic() - begun
            page.wait_for_selector(".trend-chart svg")
            print(f"in Chromium, {what}: list {shown:.2f} s, charts {time.monotonic() - begun:.2f} s")
        browser.close()


if __name__ == "__main__":
    main()
