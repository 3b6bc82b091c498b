"""How large the report of a long run is, and how soon it can be read.

The made-up half hour of benchmarks/analysis.py (360,000 requests of four arms at 200/s), with a picture at the slowest
visits, opened in the browser rig itself would use: from the order to open it until the page has drawn all its charts
and the browser had time to paint, three times, the fastest counts. Exits with 1 above --megabytes or --seconds.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Browser, sync_playwright  # noqa: E402

from benchmarks.analysis import make  # noqa: E402
from rig.analysis.summary import summarise  # noqa: E402
from rig.journal import Run, open_run  # noqa: E402
from rig.measure.services.browser import find_browser  # noqa: E402
from rig.report.html import write_report  # noqa: E402
from tests import synthetic  # noqa: E402

OPENINGS = 3
PAINTED = """() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(
    [...document.querySelectorAll('.chart:not(.empty)')].filter((place) => !place.querySelector('svg')).length))))"""


def opened_s(browser: Browser, path: Path) -> float:
    """Seconds from the order to open the page until it is drawn.

    Raises:
        SystemExit: a chart is missing, so the time would mean nothing.
    """
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    begun = time.perf_counter()
    page.goto(path.as_uri(), wait_until="load")
    missing = page.evaluate(PAINTED)
    took_s = time.perf_counter() - begun
    page.close()
    if missing:
        raise SystemExit(f"{path}: {missing} charts were not drawn")
    return took_s


def main() -> int:
    """Make the run, or take the one that is given; write its report, and open it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="?", type=Path, help="a run directory, instead of the made-up one")
    parser.add_argument("--minutes", type=float, default=30.0, help="length of the run, all four arms (default 30)")
    parser.add_argument("--rate", type=float, default=200.0, help="requests per second (default 200)")
    parser.add_argument("--megabytes", type=float, default=6.0, help="size allowed (default 6)")
    parser.add_argument("--seconds", type=float, default=2.0, help="time to open allowed (default 2)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        run = open_run(options.run) if options.run else made(Path(folder), options.minutes, options.rate)
        path = Path(folder) / "report.html"
        write_report(run, summarise(run), path)
        size_mb = path.stat().st_size / 1e6
        # Chromium refuses its sandbox to root.
        browser = playwright.chromium.launch(executable_path=find_browser().path, args=["--no-sandbox"])
        times_s = [opened_s(browser, path) for _ in range(OPENINGS)]
        browser.close()
    said = ", ".join(f"{one:.2f}" for one in times_s)
    print(f"report {size_mb:.1f} MB, allowed {options.megabytes:g}")
    print(f"drawn after {said} s, allowed {options.seconds:g}")
    return int(size_mb > options.megabytes or min(times_s) > options.seconds)


def made(folder: Path, minutes: float, rate_rps: float) -> Run:
    """The run of benchmarks/analysis.py."""
    arms = len(synthetic.DEFAULT_ARMS)
    return make(folder, rate_rps=rate_rps, seconds_an_arm=minutes * 60 / arms, write_share=0.0125)


if __name__ == "__main__":
    raise SystemExit(main())
