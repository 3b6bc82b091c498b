"""Pictures of a run's report for the README, made in the browser rig itself would use.

    .venv/bin/rig report runs/RUN && .venv/bin/python script/screenshots.py runs/RUN

Replaces the files in docs/images. Fails where one becomes larger than a README should carry.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Browser, expect, sync_playwright  # noqa: E402

from rig.measure.services.browser import find_browser  # noqa: E402

IMAGES = ROOT / "docs" / "images"
MOST_BYTES = 300_000


@dataclass(frozen=True, kw_only=True)
class Shot:
    """One picture: a part of the page, or the first screen where ``part`` is None."""

    part: str | None = None
    colours: Literal["light", "dark"] = "light"
    width: int = 1280
    height: int = 800


SHOTS: Mapping[str, Shot] = {
    "answer": Shot(),
    "answer-dark": Shot(colours="dark"),
    "timelines": Shot(part="#timelines-frame"),
    "lcp": Shot(part="#lcp .pair"),
    "freshness": Shot(part="#age-rows"),
}


def take(browser: Browser, report: Path, name: str, shot: Shot) -> int:
    """Make one picture; returns its size in bytes."""
    page = browser.new_page(viewport={"width": shot.width, "height": shot.height}, color_scheme=shot.colours)
    page.goto(report.resolve().as_uri())
    expect(page.locator("#tradeoff svg")).to_be_visible()
    path = IMAGES / f"{name}.png"
    if shot.part is None:
        page.screenshot(path=path)
    else:
        page.locator(shot.part).screenshot(path=path)
    page.close()
    return path.stat().st_size


def main() -> int:
    """Make all of :data:`SHOTS`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="a run directory with its report.html")
    report = parser.parse_args().run / "report.html"
    if not report.is_file():
        parser.error(f"{report} does not exist; make it with: rig report {report.parent}")
    IMAGES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        # Chromium refuses its sandbox to root.
        browser = playwright.chromium.launch(executable_path=find_browser().path, args=["--no-sandbox"])
        sizes = {name: take(browser, report, name, shot) for name, shot in SHOTS.items()}
        browser.close()
    for name, size in sizes.items():
        print(f"docs/images/{name}.png  {size / 1000:.0f} kB")
    return int(max(sizes.values()) > MOST_BYTES)


if __name__ == "__main__":
    raise SystemExit(main())
