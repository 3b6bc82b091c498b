"""The dashboard in a real browser, served by the real command: what it shows, what it asks for, how it ends."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from rig.journal import RunDir
from rig.model import TrialId
from tests import synthetic
from tests.synthetic_runs import MARKUP, STRATEGIES, write, write_gate, write_run

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
DEADLINE_S = 60
# Fewer would be axes alone.
FEWEST_SHAPES = 20

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    """Runs that became slower, two with samples, gates, and what a hostile or broken run can put there."""
    folder = tmp_path_factory.mktemp("dashboard") / "runs"
    for number in range(12):
        write_run(folder, number, factor=1.6 if number >= 8 else 1.0)
    # Its factor differs, its conditions do not.
    odd = write_run(folder, 12, strategies=[MARKUP, *STRATEGIES], factor=1.6)
    manifest = json.loads((odd / "manifest.json").read_text())
    write(odd / "manifest.json", {**manifest, "error": MARKUP})
    write(folder / write_run(folder, 13, manifest={"profile": MARKUP}).name / "summary.json", [MARKUP])
    (odd / "report.html").write_text(
        "<script>fetch('/api/runs').then(() => {document.title = 'read'}, () => {document.title = 'refused'})</script>"
    )
    own = {"name": "lcp_ms", "verdict": "constructor"}  # A word that every object of JavaScript answers to.
    write_gate(folder, 5, baseline=MARKUP, reasons=[MARKUP], metrics=[own])
    write_gate(folder, 6, "pass", reasons=[])
    for seed in (1, 2):
        synthetic.build(folder, ("fixed-timeout",), seed=seed, manifest={"profile": "sampled"})
    (folder / "loop").symlink_to("loop")
    (folder / "20251102T000000Z-half-1").mkdir()
    (folder / "20251102T000000Z-half-1" / "manifest.json").write_text('{"schema": "rig.r')
    return folder


@pytest.fixture(scope="module")
def board(runs, tmp_path_factory) -> Iterator[tuple[subprocess.Popen[str], str]]:
    environment = {**os.environ, "RIG_HOME": str(tmp_path_factory.mktemp("home"))}
    command = [sys.executable, "-m", "rig", "dashboard", str(runs), "--port", "0", "--json"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        lines = []
        while not lines or lines[-1] != "}\n":
            lines.append(process.stdout.readline())
            assert lines[-1], process.stderr.read() if process.stderr else ""
        yield process, json.loads("".join(lines))["url"]
        process.kill()


class Watched:
    """An open page, with everything it complained about and asked for."""

    def __init__(self, page: Page) -> None:
        self.page, self.complaints, self.asked = page, [], []
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("dialog", lambda dialog: self.complaints.append(f"dialog {dialog.message}"))

    complaints: list[str]
    asked: list[str]


@pytest.fixture(scope="module")
def browser(browser_path):
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=browser_path, args=arguments)
        yield started
        started.close()


@pytest.fixture
def watched(browser, board) -> Iterator[Watched]:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    found = Watched(page)
    page.goto(board[1])
    expect(page.locator("#status")).to_have_text("● up to date", timeout=DEADLINE_S * 1000)
    yield found
    page.close()


def violations(page: Page) -> list[str]:
    """Serious and critical findings of axe-core."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [
        f"{one['id']}: {node['html'][:200]}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


def test_it_answers_first_draws_charts_filters_and_keeps_to_itself(watched, board):
    """Sentence, charts, list and gates; filters; keyboard; both themes; narrow. Markup from a run stays text."""
    page = watched.page
    page.locator("#profile").select_option("hot-key")
    expect(page.locator("#finding")).to_contain_text("LCP p75 changed on")
    charts = page.locator(".trend-chart")
    expect(charts.first.locator("svg")).to_be_visible()
    expect(charts.first.locator("svg :is(path, text)").nth(FEWEST_SHAPES)).to_be_attached()
    expect(page.locator("#left-out")).not_to_contain_text("changed")

    rows = page.locator("#list tbody tr")
    expect(rows).to_have_count(18)
    page.locator("#filters [name=state]").select_option("damaged")
    expect(rows).to_have_count(3)
    expect(rows.nth(1)).to_contain_text("half-written")
    page.locator("#filters button").press("Enter")
    expect(rows).to_have_count(18)
    page.locator("#filters [name=strategy]").select_option(MARKUP)
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text(MARKUP)
    page.locator("#filters [name=text]").fill("nothing has this")
    expect(rows.first).to_contain_text("No run fits")
    page.locator("#filters button").press("Enter")

    expect(page.locator(".gate")).to_have_count(2)
    expect(page.locator(".gate").nth(1)).to_contain_text(MARKUP)
    page.locator("#history-table summary").press("Enter")
    for summary in page.locator(".gate details summary").all():
        summary.press("Enter")
    expect(page.locator(".gate").nth(1)).to_contain_text("constructor")
    # The rows are made when the details open, which the browser says a moment later.
    expect(page.locator("#history-table tbody tr").nth(35)).to_be_attached()
    assert page.locator("img").count() == 0
    for choice in ("light", "dark"):
        page.locator(f"[data-theme-choice={choice}]").click()
        assert violations(page) == []
    page.set_viewport_size({"width": 390, "height": 844})
    # A chart follows the width with the next frame.
    page.wait_for_function("document.documentElement.scrollWidth === document.documentElement.clientWidth")
    assert watched.complaints == []
    assert [url for url in watched.asked if not url.startswith((board[1], "data:"))] == []


def test_two_ticked_runs_are_compared(watched):
    """By a process of its own; the older is A."""
    page = watched.page
    boxes = page.locator("#list input[type=checkbox]")
    for number in (2, 0, 1):  # A third one takes the place of the first.
        boxes.nth(number).check()
    expect(page.locator("#pick a")).to_have_attribute("href", re.compile("^compare.a=.*00000b&b=.*00000c$"))
    page.locator("#filters [name=profile]").select_option("sampled")
    expect(boxes).to_have_count(0)  # Not analysed: there is no summary yet.
    expect(page.locator("#list .when small")).to_have_count(2)
    b, a = page.locator("#list .when small").all_inner_texts()
    page.goto(page.url + f"compare?a={a}&b={b}")
    expect(page.locator(".compared").first).to_be_visible(timeout=DEADLINE_S * 1000)
    expect(page.locator(".differences svg").first).to_be_attached()
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert watched.complaints == []
    page.get_by_role("link", name="All runs").click()
    expect(page.locator("#list")).to_be_visible()


def test_a_report_is_nobody_to_this_server(watched, board, runs):
    """A script in it runs, and reaches neither the server nor its pages."""
    name = next(path.name for path in runs.iterdir() if path.name.endswith("00000c"))
    page = watched.page
    page.goto(f"{board[1]}runs/{name}/report")
    expect(page).to_have_title("refused")
    assert page.evaluate("origin") == "null"


def test_the_run_under_way_is_shown_as_it_goes_without_being_asked_for(watched, runs):
    """Trial, visits and end come by one stream; nobody asks again and again."""
    page = watched.page
    run = RunDir.create(runs, "hot-key", {"plan": {"order": [["a", MARKUP]], "window_s": 24.0, "visits": 12}})
    live = page.locator("#live")
    expect(live).to_contain_text("trials finished0 of 2", timeout=DEADLINE_S * 1000)
    trial = run.open_trial(TrialId(round=1, arm=MARKUP.replace("/", "")))
    trial.pages_lines.write_text('{"outcome": "measured", "lcp_ms": 321}\n' * 3)
    expect(live).to_contain_text("3 of 12", timeout=DEADLINE_S * 1000)
    expect(live).to_contain_text("321 ms")
    asked = [url for url in watched.asked if "/api/" in url or "/stream" in url]
    assert len([url for url in asked if "/stream" in url]) == 1
    assert len(asked) < 10
    run._lock.close()
    expect(live).to_be_hidden(timeout=DEADLINE_S * 1000)
    assert watched.complaints == []


def test_ctrl_c_ends_it_with_130_and_nothing_is_left(watched, board):
    """Also while a page holds its stream open. Last: the other tests need it."""
    process, _ = board
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=DEADLINE_S) == 130
    expect(watched.page.locator("#status")).to_contain_text("connection lost", timeout=DEADLINE_S * 1000)
    assert [path for path in Path("/proc").glob("[0-9]*/status") if f"PPid:\t{process.pid}\n" in _read(path)] == []


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
