"""What a visit says beside its LCP: the waterfall, the click for INP, pictures, the trace; none changes the rest."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from rig.measure.pages.client import BrowserClient
from rig.measure.pages.pictures import SLOWEST, Pictures
from rig.measure.pages.protocol import Order
from tests.misbehaving import DEADLINE_S, SERVER_TIMING, Site, answered
from tests.processes import poll

pytestmark = pytest.mark.e2e


def test_a_redirect_is_measured_and_its_end_is_known(shared: BrowserClient, site: Site) -> None:
    """The browser follows it; the time it takes is part of TTFB, and the waterfall begins with the final address."""
    visit = shared.visit(site.url("/redirect?delay_ms=200"), {}, DEADLINE_S)
    assert answered(visit)
    assert (visit["url"], visit["status"]) == (site.url("/redirect?delay_ms=200"), 200)
    assert json.loads(visit["waterfall"])[0]["url"] == site.url("/plain")
    assert visit["ttfb_ms"] >= 199  # The server sleeps at least so long, less one clock tick.


def test_the_waterfall_of_a_page(shared: BrowserClient, site: Site) -> None:
    """The document, then what it asked for: kinds, sizes, times in order, and what blocks."""
    document, style, *_ = json.loads(shared.visit(site.url("/slow-style"), {}, DEADLINE_S)["waterfall"])
    assert [(one["kind"], one["blocking"]) for one in (document, style)] == [("document", True), ("link", True)]
    assert style["url"] == site.url("/style?delay_ms=600")
    assert document["start_ms"] == 0
    for one in (document, style):
        assert set(one) == {"url", "kind", "start_ms", "ttfb_ms", "end_ms", "bytes", "blocking"}
        assert one["start_ms"] <= one["ttfb_ms"] <= one["end_ms"]
        assert one["bytes"] > 0
    assert style["ttfb_ms"] - style["start_ms"] >= 599


def test_the_waterfall_is_bounded(shared: BrowserClient, site: Site) -> None:
    """A page of sixty pictures has the first fifty; a script the parser waits for blocks, a picture does not."""
    document, *resources = json.loads(shared.visit(site.url("/many?" + "x" * 500), {}, DEADLINE_S)["waterfall"])
    assert len(resources) == 50
    assert len(document["url"]) == 300
    kinds = {(one["kind"], one["blocking"]) for one in resources}
    assert kinds == {("script", True), ("img", False)}


def test_server_timing_joins_every_visit(shared: BrowserClient, site: Site) -> None:
    """Names, descriptions and durations of all visits are those sent, digit by digit."""
    sent = [("cache", "hit", 0.25), ("db", "3 queries", 1.5), ("total", "", 12.75)]
    assert [part.split(";")[0] for part in SERVER_TIMING.split(", ")] == [name for name, _, _ in sent]
    for _ in range(8):
        visit = shared.visit(site.url("/plain"), {}, DEADLINE_S)
        found = [tuple(entry.values()) for entry in json.loads(visit["server_timing"])]
        assert found == sent


def test_inp_of_a_click(shared: BrowserClient, site: Site) -> None:
    """A handler that works for 150 ms makes an INP of that, not of our key press; LCP and CLS are from before."""
    visit = shared.visit(site.url("/slow-click"), {}, DEADLINE_S)
    assert answered(visit)
    # Event Timing rounds to 8 ms; a busy machine may take longer to paint, not shorter.
    assert 144 <= visit["inp_ms"] < 2000
    assert visit["cls"] == 0
    assert not site.paths["/sent"]


def test_a_quick_click_has_an_inp(shared: BrowserClient, site: Site) -> None:
    """Below the 16 ms Event Timing reports it is 8, by web-vitals' rule, and never unknown."""
    visits = [shared.visit(site.url("/click"), {}, DEADLINE_S) for _ in range(4)]
    assert all(visit["inp_ms"] >= 8 and visit["inp_ms"] % 8 == 0 for visit in visits)


def test_a_page_names_what_is_clicked(shared: BrowserClient, site: Site) -> None:
    """The marked element is clicked, wherever it is, and no other."""
    assert shared.visit(site.url("/named"), {}, DEADLINE_S)["inp_ms"] is not None
    assert poll(lambda: site.paths["/clicked"] == 1, DEADLINE_S)
    assert not site.paths["/first"]


def test_nothing_that_sends_or_leaves_is_clicked(shared: BrowserClient, site: Site) -> None:
    """Forms, links, what is off, hidden or out of view stay alone: INP is unknown, not 0."""
    visit = shared.visit(site.url("/no-click"), {}, DEADLINE_S)
    assert answered(visit)
    assert visit["inp_ms"] is None
    assert not site.paths["/sent"] + site.paths["/left"]


@pytest.mark.parametrize("path", ["/click-away", "/click-alert", "/click-file", "/click-hangs"])
def test_a_click_changes_no_outcome(shared: BrowserClient, site: Site, path: str) -> None:
    """What a click sets off, to hang included, comes after everything was read; the next visit is good."""
    visit = shared.visit(site.url(path), {}, DEADLINE_S)
    assert answered(visit)
    assert json.loads(visit["waterfall"])[0]["url"] == site.url(path)
    for _ in range(2):  # Pages take turns.
        assert answered(shared.visit(site.url("/plain"), {}, DEADLINE_S))


def test_only_the_slowest_are_pictured(shared: BrowserClient, site: Site, tmp_path: Path) -> None:
    """Three pictures stay, those of the slowest; failed visits have none; the figures were read before."""
    pictures = Pictures(tmp_path / "pictures")
    slow: dict[Path, float] = {}
    paths = ["/plain", "/failing", "/hero", "/lazy", "/plain", "/hero?delay_ms=300", "/lazy"]
    for number, path in enumerate(paths):
        visit = shared.visit(site.url(path), {}, DEADLINE_S, pictures=pictures)
        kept = pictures.keep(visit, number)
        if visit["outcome"] == "measured":
            slow[tmp_path / "pictures" / f"{number}.jpg"] = visit["lcp_ms"]
        assert kept is None or visit["outcome"] == "measured"
    files = sorted((tmp_path / "pictures").iterdir())
    assert files == sorted(sorted(slow, key=slow.__getitem__)[-SLOWEST:])
    assert all(file.read_bytes().startswith(b"\xff\xd8\xff") for file in files)


def test_a_picture_that_cannot_be_written_costs_nothing(shared: BrowserClient, site: Site, tmp_path: Path) -> None:
    """The visit is measured; it has no picture."""

    class Elsewhere(Pictures):
        def asked_of(self, order: Order) -> Order:
            return replace(order, screenshot=str(tmp_path / "nowhere" / "1.jpg"))

    visit = shared.visit(site.url("/plain"), {}, DEADLINE_S, pictures=Elsewhere(tmp_path))
    assert answered(visit)
    assert visit["screenshot"] is None


def test_a_traced_visit_says_what_painting_costs(shared: BrowserClient, site: Site) -> None:
    """Style, layout and paint are counted and timed; the visits around it are not traced."""
    assert shared.visit(site.url("/hero"), {}, DEADLINE_S)["paint"] is None
    paint = shared.visit(site.url("/hero"), {}, DEADLINE_S, trace=True)["paint"]
    assert set(paint) == {"paint_ms", "layout_ms", "style_ms", "layouts", "style_recalcs", "paints"}
    assert all(value > 0 for value in paint.values())
    assert shared.visit(site.url("/failing"), {}, DEADLINE_S, trace=True)["paint"] is None
    after = shared.visit(site.url("/hero"), {}, DEADLINE_S)
    assert answered(after)
    assert after["paint"] is None
