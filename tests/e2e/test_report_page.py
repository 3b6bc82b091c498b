"""The report page in a real browser: it draws, it asks the network for nothing, and it fits."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from rig.analysis.summary import summarise
from rig.report.html import write_report
from tests.synthetic import build

NASTY = "<img src=x onerror=alert(1)>"
CHARTS = ".timeline-chart, #lcp-dots, #lcp-shares, #lcp-parts, #tradeoff"

# Fewer would be axes alone.
FEWEST_SHAPES = 15


@pytest.fixture(scope="module")
def browser_path() -> str | None:
    """``RIG_BROWSER``, else the system's Chromium, else None: Playwright's own."""
    candidates = [os.environ.get("RIG_BROWSER"), "/usr/bin/chromium"]
    return next((path for path in candidates if path and Path(path).exists()), None)


@pytest.fixture(scope="module")
def browser(browser_path) -> Iterator[Browser]:
    # Chromium refuses its sandbox to root.
    arguments = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=browser_path, args=arguments)
        yield started
        started.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    run = build(folder)
    write_report(run, summarise(run), folder / "report.html")
    return folder / "report.html"


@pytest.fixture(scope="module")
def nasty_report(tmp_path_factory) -> Path:
    """An interrupted run whose names, paths and errors hold markup."""
    folder = tmp_path_factory.mktemp("nasty")
    run = build(
        folder,
        arms={NASTY: "fixed-timeout", "{b|brace}": "versioned-keys", "single-flight": "single-flight"},
        unsealed=("2-single-flight",),
        marks={f"1-{NASTY}": ["late generator"]},
        manifest={"error": NASTY, "reproduce": f"rig run --strategies '{NASTY}'"},
    )
    write_report(run, summarise(run), folder / "report.html")
    return folder / "report.html"


class Watched:
    """An open page, with everything it complained about and asked for."""

    def __init__(self, browser: Browser, path: Path, width: int = 1280, height: int = 800, **options) -> None:
        self.page: Page = browser.new_page(viewport={"width": width, "height": height}, **options)
        self.complaints: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("dialog", lambda dialog: self.complaints.append(f"dialog {dialog.message}"))
        self.page.goto(path.as_uri())
        expect(self.page.locator("#tradeoff svg")).to_be_visible()

    def sideways(self) -> int:
        return self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


@pytest.fixture
def watched(browser, report) -> Iterator[Watched]:
    opened = Watched(browser, report)
    yield opened
    opened.page.close()


def test_it_draws_every_chart_and_complains_about_nothing(watched):
    charts = watched.page.locator(CHARTS)
    assert charts.count() == 8
    for number in range(charts.count()):
        shapes = charts.nth(number).locator("svg :is(path, text)").count()
        assert shapes > FEWEST_SHAPES, charts.nth(number).get_attribute("aria-label")
    assert watched.complaints == []
    assert [url for url in watched.asked if not url.startswith(("file:", "data:"))] == []


def test_disturbances_are_named_on_every_timeline(browser, tmp_path):
    """In text, as area or line; what cannot be clicked does not choose a stampede."""
    twice = (("cache-outage", 5.0, 8.0), ("flush", 12.0, None))
    run = build(tmp_path, ("fixed-timeout", "delete-many"), disturbances=twice)
    write_report(run, summarise(run), tmp_path / "report.html")
    opened = Watched(browser, tmp_path / "report.html")
    for row in opened.page.locator(".timeline-chart").all():
        said = row.locator("svg text").all_text_contents()
        assert "cache-outage" in said and "flush" in said
    assert "disturbance, named" in opened.page.locator("#timeline-legend").inner_text()
    assert opened.page.locator(".disturbance").count() == 2
    assert opened.complaints == []
    opened.page.close()


def test_the_answer_fits_one_screen(watched):
    """Four strategies, 1280 x 800: the verdicts are read without scrolling."""
    assert watched.page.evaluate("document.querySelector('.verdicts').getBoundingClientRect().bottom") <= 800


def test_no_width_scrolls_sideways(browser, report, nasty_report):
    for path in (report, nasty_report):
        opened = Watched(browser, path)
        for width in (360, 390, 720, 860, 1080, 1280, 2560):
            opened.page.set_viewport_size({"width": width, "height": 844})
            assert opened.sideways() == 0, f"{path} at {width} px"
        assert opened.complaints == []
        opened.page.close()


def test_markup_from_the_run_is_shown_as_text(browser, nasty_report):
    opened = Watched(browser, nasty_report)
    page = opened.page
    assert page.locator("img").count() == 0
    expect(page.locator(".verdicts tbody th").first).to_contain_text(NASTY)
    expect(page.locator(".notice").first).to_contain_text("This run was interrupted: 5 trials of 6 finished")
    expect(page.locator(".notice").first).to_contain_text(NASTY)
    page.locator("#ledger summary").click()
    expect(page.locator("#ledger td").first).to_have_text(NASTY)
    page.locator("#tradeoff").scroll_into_view_if_needed()
    expect(page.locator("#tradeoff svg")).to_contain_text(NASTY)
    page.get_by_role("button", name="Round 2").click()
    expect(page.locator(".timeline-chart.empty")).to_have_text("Not measured in this round.")
    page.get_by_role("button", name="Round 1").click()
    expect(page.locator(".timeline-note").first).to_contain_text("kept out of the figures: late generator")
    assert page.locator(".timeline-chart svg").count() == 3
    assert page.locator("img").count() == 0
    assert opened.complaints == []
    page.close()


def test_hover_shows_the_same_instant_in_every_row(watched):
    page = watched.page
    chart = page.locator(".timeline-chart").nth(1)
    chart.scroll_into_view_if_needed()
    chart.hover(position={"x": 400, "y": 60})
    instants = page.locator(".timeline-instant span:first-child")
    expect(instants).to_have_count(4)
    assert len(set(instants.all_inner_texts())) == 1


def test_zooming_one_row_zooms_all_and_a_change_of_colours_keeps_it(watched):
    page = watched.page
    spans = """() => [...document.querySelectorAll('.timeline-chart')].map((place) => {
        const { start, end } = echarts.getInstanceByDom(place).getOption().dataZoom[0];
        return `${start} to ${end}`;
    })"""
    page.get_by_role("button", name="Zoom in").click()
    assert page.evaluate(spans) == ["25 to 75"] * 4
    page.get_by_role("button", name="Dark").click()
    assert page.evaluate(spans) == ["25 to 75"] * 4
    page.get_by_role("button", name="Whole window").click()
    assert page.evaluate(spans) == ["0 to 100"] * 4


def test_a_chosen_stampede_filters_the_visits_below_until_cleared(watched):
    page = watched.page
    dots = """() => echarts.getInstanceByDom(document.getElementById('lcp-dots')).getOption().series
        .reduce((sum, one) => sum + (one.data?.filter((dot) => dot.seen).length ?? 0), 0)"""
    everything = page.evaluate(dots)
    page.locator("#ledger summary").click()
    page.get_by_role("button", name="Show stampede 1 of fixed-timeout").click()
    expect(page.locator(".selection")).to_contain_text("Only visits that met stampede 1 of fixed-timeout, round 1.")
    expect(page.locator("#ledger tr[aria-current]")).to_have_count(1)
    met = int(page.locator("#ledger tr[aria-current] td").nth(8).inner_text())
    assert 0 < page.evaluate(dots) <= met < everything
    page.get_by_role("button", name="Show all visits").click()
    assert page.evaluate(dots) == everything
    expect(page.locator(".selection")).to_be_hidden()


def test_a_slow_visit_and_its_stampede_lead_to_each_other(watched):
    """From the visit to the line of its stampede, also in another round, and from there back to the visit."""
    page = watched.page
    link = page.locator("a[data-stampede][data-round='2']").first
    visit = link.evaluate("link => link.closest('article').id")
    number = int(link.get_attribute("data-stampede")) + 1
    link.click()
    current = page.locator("#ledger tr[aria-current]")
    expect(current.locator("td").nth(1)).to_have_text(f"no. {number}")
    expect(page.get_by_role("button", name="Round 2")).to_have_attribute("aria-pressed", "true")
    expect(current).to_be_in_viewport()
    current.locator(f"a[href='#{visit}']").click()
    expect(page.locator(f"#{visit}")).to_be_in_viewport()
    assert watched.complaints == []


def test_every_slow_visit_has_its_sentence_bars_and_waterfall(watched):
    page = watched.page
    assert page.locator("article.slow").count() == 12
    for article in page.locator("article.slow").all():
        expect(article.locator(".said")).to_contain_text("LCP")
        assert article.locator(".stack span").count() >= 3
        assert article.locator(".waterfall svg").count() == 3
    opened = page.locator("article.slow details[open]")
    assert opened.count() == 4
    bar = opened.first.locator("rect.wf-part-origin, rect.wf-part-queue").first
    assert bar.evaluate("bar => bar.getBoundingClientRect().width") > 20


def test_numbers_of_stampedes_never_lie_over_each_other(browser, tmp_path):
    """At 390 px as at 1280: what has no room has no number; the ledger names it."""
    run = build(tmp_path, ("delete-on-write", "versioned-keys"), rounds=1, seed=3)
    write_report(run, summarise(run), tmp_path / "report.html")
    for width in (390, 1280):
        opened = Watched(browser, tmp_path / "report.html", width)
        for chart in opened.page.locator(".timeline-chart").all():
            numbers = chart.evaluate("""(chart) => [...chart.querySelectorAll('svg text')]
                .map((text) => [text.textContent, text.getBoundingClientRect()])
                .filter(([text, box]) => /^\\d+$/.test(text) && box.top < chart.getBoundingClientRect().top + 15)
                .map(([, box]) => [box.left, box.right]).sort((a, b) => a[0] - b[0])""")
            assert numbers, "no stampede is numbered"
            assert all(left >= before[1] for before, (left, _) in pairwise(numbers))
        opened.page.close()


def test_a_click_on_a_stampede_opens_its_line_in_the_ledger(watched):
    page = watched.page
    chart = page.locator(".timeline-chart").first
    chart.scroll_into_view_if_needed()
    at = page.evaluate("""() => {
        const place = document.querySelector('.timeline-chart');
        const { begin_s, end_s } = JSON.parse(document.getElementById('data').textContent)
            .trials.find((trial) => trial.arm === 0).stampedes[0];
        return echarts.getInstanceByDom(place).convertToPixel({ xAxisIndex: 0 }, (begin_s + end_s) / 2);
    }""")
    chart.click(position={"x": at, "y": 30})
    expect(page.locator("#ledger tr[aria-current]")).to_contain_text("expiry")


def test_the_switch_of_colours_works_and_is_remembered(browser, report):
    """Also the charts change: ECharts resolves no custom properties by itself."""
    opened = Watched(browser, report, color_scheme="light")
    page = opened.page
    label = page.locator("#lcp-dots svg text").first
    before = label.get_attribute("fill")
    page.get_by_role("button", name="Dark").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(18, 20, 23)"
    assert label.get_attribute("fill") != before
    page.reload()
    expect(page.get_by_role("button", name="Dark")).to_have_attribute("aria-pressed", "true")
    page.close()


def test_every_chart_has_its_figures_in_a_table(watched):
    page = watched.page
    page.locator("#timeline-data summary").click()
    expect(page.locator("#timeline-data tbody tr")).to_have_count(4 * 240)
    assert page.locator("section details table.data").count() >= 5


def test_it_reads_without_scripts(browser, report):
    page = browser.new_page(java_script_enabled=False)
    page.goto(report.as_uri())
    expect(page.locator(".finding")).to_contain_text(re.compile("choose|No difference|least bad|recommend"))
    expect(page.locator(".verdicts tbody tr")).to_have_count(4)
    expect(page.locator(".no-script")).to_contain_text("Charts need JavaScript")
    page.close()


def test_on_paper_it_is_light_and_keeps_to_the_page(browser, report):
    opened = Watched(browser, report, 720, 1000, color_scheme="dark")
    opened.page.emulate_media(media="print")
    opened.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert opened.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert opened.page.locator(".theme").is_hidden()
    assert opened.page.locator("details[data-print]:not([open])").count() == 0
    assert opened.sideways() == 0
    opened.page.close()
