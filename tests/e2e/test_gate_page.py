"""A gate's page in a real browser: it is accessible, it fits, and hostile names do nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from rig.report.gate_html import as_html
from tests.gate_outcomes import FAIL, hostile

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture(scope="module")
def browser(browser_path: str) -> Iterator[Browser]:
    arguments = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=browser_path, args=arguments)
        yield started
        started.close()


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("found", "width", "scheme"), [(FAIL, 1280, "light"), (hostile(), 390, "dark")], ids=["plain", "hostile"]
)
def test_the_page_is_whole_silent_and_accessible(browser, tmp_path, found, width, scheme):
    """No message in the console, no request, nothing sideways, no violation of axe-core's rules, a dot a launch."""
    path = tmp_path / "report.html"
    path.write_text(as_html(found), encoding="utf-8")
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: complaints.append(request.url))
    page.goto(path.as_uri())
    expect(page.locator(".finding")).to_contain_text("fail")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert page.locator(".strip svg").first.locator("circle").count() == 12
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    assert [one["id"] for one in page.evaluate("axe.run()")["violations"]] == []
    assert [one for one in complaints if one not in (path.as_uri(), "data:,")] == []
    page.close()
