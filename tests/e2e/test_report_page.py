"""The report page in a real browser: it draws, it asks the network for nothing, and it fits."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from rig.analysis.summary import summarise
from rig.journal import Run
from rig.report.html import write_report
from tests.synthetic import build

NASTY = "<img src=x onerror=alert(1)>"
FORMULA = '=b{b|brace},"'
CHARTS = ".timeline-row .chart, #lcp-dots, #lcp-shares, #lcp-parts, #tradeoff"
AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"

# Fewer would be axes alone.
FEWEST_SHAPES = 15


@pytest.fixture(scope="module")
def browser(browser_path) -> Iterator[Browser]:
    # Chromium refuses its sandbox to root.
    arguments = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=browser_path, args=arguments)
        yield started
        started.close()


@pytest.fixture(scope="module")
def measured(tmp_path_factory) -> Run:
    return build(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def report(measured) -> Path:
    path = measured.path / "report.html"
    write_report(measured, summarise(measured), path)
    return path


@pytest.fixture(scope="module")
def nasty_report(tmp_path_factory) -> Path:
    """An interrupted run whose names, pages, addresses, causes and errors hold markup."""
    folder = tmp_path_factory.mktemp("nasty")
    run = build(
        folder,
        arms={NASTY: "fixed-timeout", FORMULA: "versioned-keys", "single-flight": "single-flight"},
        unsealed=("2-single-flight",),
        marks={f"1-{NASTY}": ["late generator"]},
        manifest={"error": NASTY, "reproduce": f"rig run --strategies '{NASTY}'"},
    )
    for trial in run.trials:
        spoil(trial.path / "pages.parquet", ("path", "url", "element", "resource_url"))
        spoil(trial.path / "origin.parquet", ("entry",))
    write_report(run, summarise(run), folder / "report.html")
    return folder / "report.html"


def spoil(path: Path, columns: tuple[str, ...]) -> None:
    """Put markup behind every text of ``columns``, and into the addresses of every waterfall."""
    table = pq.read_table(path)
    rows = table.to_pylist()
    for row in rows:
        row.update({name: f"{row[name]}{NASTY}" for name in columns if row[name]})
        if row.get("cause"):
            row["cause"] = NASTY
        if row.get("waterfall"):
            asked = [{**one, "url": f"{one['url']}{NASTY}"} for one in json.loads(row["waterfall"])]
            row["waterfall"] = json.dumps(asked)
    pq.write_table(type(table).from_pylist(rows, schema=table.schema), path)


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
    assert charts.count() == 12
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
    """Four strategies, 1280 x 800: finding, conditions, verdicts, trade-off and claims are read without scrolling."""
    for part in (".finding", ".conditions", ".verdicts", "figure.tradeoff", ".claims"):
        box = watched.page.locator(part).bounding_box()
        assert box["y"] + box["height"] <= 800, part


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_it_is_accessible(browser, report, colours):
    """No serious or critical finding of axe, with every fold open and one stampede chosen."""
    opened = Watched(browser, report, color_scheme=colours)
    page = opened.page
    page.locator(".worst a").click()
    page.evaluate(
        "for (const fold of document.querySelectorAll('details:not(#timeline-data, #ages-data)')) fold.open = true"
    )
    expect(page.locator("#ledger tr[aria-current]")).to_have_count(1)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run({ preload: false, resultTypes: ['violations'] })")["violations"]
    grave = [
        (one["id"], one["nodes"][0]["target"], one["nodes"][0]["failureSummary"])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
    assert grave == []
    page.close()


def test_the_worst_stampede_is_one_click_from_the_first_screen(watched):
    """And everything below is then about it alone: dots, parts, slowest visits."""
    page = watched.page
    page.locator(".worst a").click()
    current = page.locator("#ledger tr[aria-current]")
    expect(current).to_be_in_viewport()
    expect(current.locator("td").nth(6)).to_contain_text("16")
    page.locator("#lcp-title").scroll_into_view_if_needed()
    expect(page.locator(".selection")).to_be_in_viewport()
    link = page.locator(".worst a")
    chosen = "".join(f"[data-{name}='{link.get_attribute(f'data-{name}')}']" for name in ("arm", "round", "stampede"))
    shown, mine = page.locator("article.slow:visible"), page.locator(f"article.slow{chosen}")
    assert shown.count() == mine.count() < 12
    assert page.locator("#slow-none").is_visible() == (not mine.count())


def taken(page: Page, name: str) -> list[dict[str, str]]:
    """The rows of a download."""
    with page.expect_download() as download:
        page.locator(f"[data-csv='{name}']").first.click()
    assert download.value.suggested_filename.endswith(f"-{name}.csv")
    return list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text(encoding="utf-8"))))


def test_what_is_taken_away_as_csv_is_what_was_measured(watched, measured):
    """Against the Parquet files: every visit's LCP, the reads of each trial and their slowest."""
    visits, buckets = taken(watched.page, "visits"), taken(watched.page, "timelines")
    ages, stampedes = taken(watched.page, "freshness"), taken(watched.page, "stampedes")
    for trial in measured.trials:
        mine = {"strategy": trial.id.arm, "round": str(trial.id.round)}
        pages, requests = (pq.read_table(trial.path / f"{name}.parquet").to_pandas() for name in ("pages", "requests"))
        lcp_ms = sorted(pages.loc[pages["control"].ne(True), "lcp_ms"].dropna())
        got = [row for row in visits if mine.items() <= row.items()]
        assert sorted(float(row["lcp_ms"]) for row in got if row["lcp_ms"]) == pytest.approx(lcp_ms, abs=0.006)
        assert [row for row in got if row["outcome"] != "measured"], "failed and starved visits are there, without LCP"
        parts = [
            sum(float(row[name]) for name in row if name.endswith("_ms") and name != "lcp_ms")
            for row in got
            if row["lcp_ms"]
        ]
        assert sorted(parts) == pytest.approx(lcp_ms, abs=0.05)
        reads = requests[requests["kind"] == "read"]
        spans = [row for row in buckets if mine.items() <= row.items()]
        assert sum(int(row["reads"]) for row in spans) == len(reads)
        slowest_ms = ((reads["done_s"] - reads["intended_s"]) * 1000).max()
        assert max(float(row["slowest_ms"] or 0) for row in spans) == pytest.approx(slowest_ms, abs=0.006)
        assert len([row for row in ages if mine.items() <= row.items()]) == len(spans)
    assert {row["cause"] for row in stampedes} >= {"expiry", "delete", "bump"}
    assert taken(watched.page, "tradeoff")[0]["strategy"] == "fixed-timeout"
    assert watched.complaints == []


def test_no_width_scrolls_sideways(browser, report, nasty_report):
    for path, widths in ((report, (360, 390, 720, 860, 1080, 1280, 2560)), (nasty_report, (360, 1080))):
        opened = Watched(browser, path)
        for width in widths:
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
    expect(page.locator("#tradeoff svg")).to_contain_text(NASTY)
    expect(page.locator("article.slow").first).to_contain_text(f"/product/7/{NASTY}")
    expect(page.locator(".timeline-chart")).to_have_count(3)
    page.locator(".timeline-chart").first.hover(position={"x": 400, "y": 60})
    rows = taken(page, "visits")
    assert {row["strategy"] for row in rows} == {NASTY, f"'{FORMULA}", "single-flight"}
    assert NASTY in {row["cause"] for row in rows}
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
    pointers = """() => [...document.querySelectorAll('.timeline-row .chart')].map((place) => {
        const { status, value } = echarts.getInstanceByDom(place).getModel().getComponent('xAxis', 0)
            .axis.model.getModel('axisPointer').option;
        return `${status} ${value.toFixed(3)}`;
    })"""
    seen = page.evaluate(pointers)
    assert len(seen) == 8 and len(set(seen)) == 1 and seen[0].startswith("show")
    instants = page.locator(".timeline-instant span:first-child")
    expect(instants).to_have_count(4)
    assert len(set(instants.all_inner_texts())) == 1


def test_zooming_one_row_zooms_all_and_a_change_of_colours_keeps_it(watched):
    page = watched.page
    spans = """() => [...document.querySelectorAll('.timeline-row .chart')].map((place) => {
        const { start, end } = echarts.getInstanceByDom(place).getOption().dataZoom[0];
        return `${start} to ${end}`;
    })"""
    page.get_by_role("button", name="Zoom in").click()
    assert page.evaluate(spans) == ["25 to 75"] * 8
    page.get_by_role("button", name="Dark").click()
    assert page.evaluate(spans) == ["25 to 75"] * 8
    page.get_by_role("button", name="Whole window").click()
    assert page.evaluate(spans) == ["0 to 100"] * 8


def test_a_chosen_stampede_filters_the_visits_below_until_cleared(watched):
    page = watched.page
    dots = """() => echarts.getInstanceByDom(document.getElementById('lcp-dots')).getOption().series
        .reduce((sum, one) => sum + (one.data?.filter((dot) => dot.symbolOffset).length ?? 0), 0)"""
    everything = page.evaluate(dots)
    page.locator("#ledger summary").click()
    page.get_by_role("button", name="Show stampede 1 of fixed-timeout").click()
    expect(page.locator(".selection")).to_contain_text("only what met stampede 1 of fixed-timeout, round 1")
    expect(page.locator("#ledger tr[aria-current]")).to_have_count(1)
    met = int(page.locator("#ledger tr[aria-current] td").nth(9).inner_text())
    assert 0 < page.evaluate(dots) <= met < everything
    page.get_by_role("button", name="Show all visits").click()
    assert page.evaluate(dots) == everything
    expect(page.locator(".selection")).to_be_hidden()


def test_a_slow_visit_and_its_stampede_lead_to_each_other(watched):
    """From the visit to the line of its stampede, also in another round, and from there back to the visit."""
    page = watched.page
    link = page.locator("article a[data-stampede][data-round='2']:visible").first
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
