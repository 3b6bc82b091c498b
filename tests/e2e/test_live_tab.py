"""The tab named rig in Locust's web UI, in a real browser: it draws what comes and asks no one else."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).parents[2]
NASTY = "<img src=x onerror=alert(1)>"

# Fewer would be axes alone.
FEWEST_SHAPES = 30


@pytest.fixture(scope="module")
def browser(browser_path) -> Iterator[Browser]:
    # Chromium refuses its sandbox to root.
    arguments = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=browser_path, args=arguments)
        yield started
        started.close()


@contextmanager
def run_of_its_own() -> Iterator[str]:
    """Address of a Locust web UI with the tab and a made-up run (see live_ui.py)."""
    child_environment = {name: value for name, value in os.environ.items() if name != "LOCUST_SKIP_MONKEY_PATCH"}
    child = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("live_ui.py"))],
        env={**child_environment, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    port = child.stdout.readline().strip()
    assert port, "the web UI did not start"
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        child.stdin.close()
        assert child.wait(timeout=20) == 0


@pytest.fixture(scope="module")
def locust() -> Iterator[str]:
    with run_of_its_own() as address:
        yield address


class Watched:
    """An open page, with everything it complained about and asked for."""

    def __init__(self, browser: Browser, url: str, width: int = 1280, **options) -> None:
        self.page: Page = browser.new_page(viewport={"width": width, "height": 800}, **options)
        self.complaints: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("dialog", lambda dialog: self.complaints.append(f"dialog {dialog.message}"))
        self.page.goto(url)


@pytest.fixture(params=["light", "dark"])
def watched(browser, locust, request) -> Iterator[Watched]:
    opened = Watched(browser, f"{locust}/rig/", color_scheme=request.param)
    expect(opened.page.locator("#picture svg")).to_be_visible()
    yield opened
    opened.page.close()


def test_it_draws_the_trial_and_its_markers_and_asks_only_its_own_server(watched, locust):
    page = watched.page
    assert page.locator("#picture svg :is(path, text)").count() > FEWEST_SHAPES
    drawn = page.evaluate(
        """() => {
            const { series } = echarts.getInstanceByDom(document.getElementById('picture')).getOption();
            const marked = (one) => [...(one.markArea?.data ?? []), ...(one.markLine?.data ?? [])];
            const count = (name) => series.filter((one) => one.name === name)
                .flatMap((one) => (one.markArea || one.markLine ? marked(one) : one.data)).length;
            return Object.fromEntries(['stampedes', 'slowest', 'disturbances', 'writes', 'visits'].map(
                (name) => [name, count(name)]));
        }"""
    )
    assert drawn == {"stampedes": 1, "slowest": 1, "disturbances": 2, "writes": 4, "visits": 10}  # 1 expiry on slowest
    page.locator("#marks summary").click()
    expect(page.locator("#marks tbody tr")).to_have_count(8)
    expect(page.locator("#marks tbody")).to_contain_text("cache-outage")
    expect(page.locator("#totals")).to_contain_text("1, peak 16")
    assert watched.complaints == []
    assert [url for url in watched.asked if not url.startswith((f"{locust}/rig/", "data:"))] == []


def test_names_are_text_never_markup(watched):
    page = watched.page
    expect(page.locator("#now-title")).to_contain_text(f"Trial 2 of 2: {NASTY}, round 1")
    expect(page.locator("#profile")).to_contain_text(NASTY)
    page.locator("#visits summary").click()
    expect(page.locator("#visits tbody")).to_contain_text(NASTY)
    page.locator("#picture").hover(position={"x": 400, "y": 80})
    tip = page.locator("#picture .tip")
    expect(tip).to_contain_text("reads")
    assert page.locator("img").count() == 0
    assert watched.complaints == []


def test_earlier_trials_stay_as_rows_with_why_they_will_not_count(watched):
    row = watched.page.locator("#ended tbody tr")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("fixed-timeout")
    expect(row).to_contain_text("will not count: late generator")


def test_both_colours_have_their_ground_and_the_switch_repaints_the_chart(watched):
    page = watched.page
    ground = "getComputedStyle(document.body).backgroundColor"
    label = page.locator("#picture svg text").first
    page.get_by_role("button", name="Light").click()
    light = (page.evaluate(ground), label.get_attribute("fill"))
    page.get_by_role("button", name="Dark").click()
    dark = (page.evaluate(ground), label.get_attribute("fill"))
    assert light[0] == "rgb(255, 255, 255)"
    assert dark[0] == "rgb(18, 20, 23)"
    assert light[1] != dark[1]


def test_every_table_opens_by_keyboard(watched):
    page = watched.page
    for name in ("marks", "visits", "buckets"):
        page.locator(f"#{name} summary").focus()
        page.keyboard.press("Enter")
        expect(page.locator(f"#{name} table")).to_be_visible()


def test_no_width_scrolls_sideways(browser, locust):
    opened = Watched(browser, f"{locust}/rig/")
    expect(opened.page.locator("#picture svg")).to_be_visible()
    for width in (360, 559, 860, 1280, 2560):
        opened.page.set_viewport_size({"width": width, "height": 844})
        # A chart follows the width with the next frame.
        opened.page.wait_for_function("document.documentElement.scrollWidth === document.documentElement.clientWidth")
    opened.page.close()


def test_what_comes_while_the_page_is_open_is_drawn_and_its_end_is_said(browser):
    """A run of its own, for the shared one may be over by now."""
    with run_of_its_own() as address:
        opened = Watched(browser, f"{address}/rig/")
        expect(opened.page.locator("#status")).to_have_text("● measuring")
        reads = opened.page.locator("#totals dd").first
        opened.page.locator("#picture").hover(position={"x": 400, "y": 80})
        expect(reads).not_to_have_text(reads.inner_text(), timeout=20_000)
        # What is read at the pointer stays there when the picture is drawn anew.
        expect(opened.page.locator("#picture .tip")).to_be_visible()
        assert opened.complaints == []
    expect(opened.page.locator("#status")).to_contain_text("✗")
    opened.page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_locusts_own_page_has_the_tab_in_its_own_colours(browser, locust, scheme):
    """The tab is Locust's, the frame in it is ours, and it goes when another tab is chosen."""
    opened = Watched(browser, locust, color_scheme=scheme)
    page = opened.page
    page.get_by_role("tab", name="rig").click()
    inside = page.frame_locator("iframe[title='rig, live']")
    expect(inside.locator("#picture svg")).to_be_visible()
    expect(inside.locator("html")).to_have_attribute("data-theme", scheme)
    expect(inside.locator("#now-title")).to_be_visible()
    assert page.evaluate("document.querySelector('iframe').contentDocument.documentElement.scrollHeight") <= (
        page.locator("iframe").bounding_box()["height"] + 1
    )
    page.get_by_role("tab", name="Statistics").click()
    expect(page.locator("iframe")).to_have_count(0)
    page.get_by_role("tab", name="rig").click()
    expect(inside.locator("#picture svg")).to_be_visible()
    assert opened.complaints == []
    page.close()


def test_locusts_controls_are_refused_while_rig_conducts_and_its_page_goes_on_asking(browser, locust):
    page = browser.new_page()
    for path in ("swarm", "stop", "stats/reset"):
        answer = page.request.post(f"{locust}/{path}", form={"user_count": "1", "spawn_rate": "1"})
        assert answer.status == 409, path
        assert "rig conducts this run" in answer.json()["message"]
    assert page.request.get(f"{locust}/stats/requests").json()["state"] == "running"
    page.close()


def test_only_pages_scripts_and_styles_are_served(browser, locust):
    page = browser.new_page()
    for path in ("assets/report/report.html.j2", "assets/live/..%2f..%2fpyproject.toml", "assets/plan/x.js"):
        assert page.request.get(f"{locust}/rig/{path}").status == 404, path
    policy = page.request.get(f"{locust}/rig/").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    page.close()
