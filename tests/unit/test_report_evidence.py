"""The slowest visits as the report explains them: in a sentence, as bars, with a waterfall and a picture."""

from __future__ import annotations

import json
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rig.analysis.stampede import Stampede
from rig.analysis.summary import summarise
from rig.analysis.visits import Asked, Visit, resource_wait_ms, waterfall_of
from rig.report.chart_data import pictures
from rig.report.evidence import links, picture_of, slowest, title
from rig.report.html import render
from rig.report.lcp_tables import causes_table, controls_said, pipeline_table
from rig.report.sentences import sentence, stampede_name
from rig.report.waterfall import waterfall
from rig.words import milliseconds
from tests.synthetic import build
from tests.unit.test_report_html import text_of

NBSP = "\u00a0"
JPEG = b"\xff\xd8\xff\xe0 and then some"
HERD = Stampede(entry="product:moon-jar", cause="expiry", begin_s=12.3, end_s=14.0, peak=14, recomputes=20)
PARTS = {"queue": 0.0, "cache": 0.0, "lock": 0.0, "origin": 0.0, "render": 0.0, "server": 0.0}


def seen(lcp_ms=1840.0, db_ms=590.0, waterfall=(), resource_url=None, **parts):
    return Visit(
        at_s=12.4, path="/p/moon-jar/", outcome="measured", cause=None, cache="MISS", lcp_ms=lcp_ms, ttfb_ms=1700.0,
        parts_ms={**PARTS, "resource": 0.0, "paint": 0.0, **parts} if parts else None, db_ms=db_ms, element="img",
        resource_url=resource_url, stampede=0, waterfall=tuple(waterfall), screenshot=None,
    )  # fmt: skip


def asked(url="/a.js", start_ms=0.0, ttfb_ms=5.0, end_ms=10.0, blocking=False, kind="script"):
    return Asked(url=url, kind=kind, start_ms=start_ms, ttfb_ms=ttfb_ms, end_ms=end_ms, blocking=blocking)


class TestSentence:
    def test_it_says_how_long_where_and_in_which_stampede(self):
        said = sentence(seen(queue=1120.0, origin=610.0, paint=110.0), HERD).replace(NBSP, " ")
        assert said == (
            "LCP 1,840 ms: 1,120 ms waiting for a server thread, 610 ms recomputing at the origin (590 ms of it in the"
            " database) and 110 ms for the rest, during the stampede on product:moon-jar that began at 12.3 s."
        )

    def test_a_resource_that_queued_for_a_thread_says_so(self):
        """Without a waterfall nobody knows, and nothing is said."""
        image = asked("/hero.png", start_ms=100.0, ttfb_ms=1600.0, end_ms=1700.0)
        visit = seen(queue=100.0, resource=1700.0, waterfall=[asked(), image], resource_url="/hero.png")
        assert resource_wait_ms(visit) == 1500
        assert "1,500 ms of it until its first byte" in sentence(visit, None).replace(NBSP, " ")
        assert "first byte" not in sentence(seen(queue=100.0, resource=1700.0), None)

    def test_a_silent_server_is_not_said_to_have_queued(self):
        """No Server-Timing: the whole wait is the server's, and what it did is not known."""
        said = sentence(seen(db_ms=None, server=1700.0, paint=140.0), None)
        assert "waiting for a server that does not say what it did" in said
        assert said.endswith("with no stampede open.")

    def test_a_visit_without_parts_and_a_stampede_from_the_warm_up(self):
        before = Stampede(entry="home", cause="unknown", begin_s=-0.4, end_s=1.0, peak=2, recomputes=2)
        said = sentence(seen(), before).replace(NBSP, " ")
        assert said == (
            "LCP 1,840 ms: where it went is not known, during the stampede on home that began 0.4 s before the window."
        )

    def test_less_than_the_step_of_lcp_is_no_rest(self):
        assert "rest" not in sentence(seen(lcp_ms=103.0, queue=100.0), None)
        assert "4 ms for the rest" in sentence(seen(lcp_ms=104.0, queue=100.0), None).replace(NBSP, " ")

    def test_a_stampede_is_named_by_number_entry_start_and_cause(self):
        named = stampede_name(2, HERD).replace(NBSP, " ")
        assert named == "stampede 2: product:moon-jar, from 12.3 s, after expiry, 14 recomputes at once"


class TestWaterfall:
    def test_the_servers_parts_lie_within_the_documents_first_byte(self):
        document = asked("http://h/p/", 0.0, 100.0, 120.0)
        found = waterfall(seen(lcp_ms=200.0, queue=60.0, origin=40.0, waterfall=[document, asked(start_ms=120.0)]))
        bars = found["rows"][0]["bars"]
        assert [(bar["kind"], bar["begin"], bar["width"]) for bar in bars] == [
            ("part-queue", 0, 300), ("part-origin", 300, 200), ("receive", 500, 100),
        ]  # fmt: skip
        assert (found["lcp"], found["left_out"], found["rows"][0]["name"]) == (1000, 0, "/p/")

    def test_of_many_resources_the_blocking_ones_are_kept(self):
        many = [asked(f"/{n}.png", float(n)) for n in range(30)]
        found = waterfall(seen(waterfall=[asked("/"), *many, asked("/late.css", 99.0, blocking=True)]))
        names = [row["name"] for row in found["rows"]]
        assert len(names) == 16 and names[0] == "/" and "/late.css" in names
        assert found["left_out"] == 16

    def test_nothing_leaves_the_picture(self):
        """Times out of order, or unknown: bars of no width rather than negative ones."""
        odd = [asked(ttfb_ms=None), asked(start_ms=50.0, ttfb_ms=2.0, end_ms=40.0), asked(start_ms=-5.0)]
        for row in waterfall(seen(lcp_ms=30.0, waterfall=odd))["rows"]:
            assert all(bar["width"] >= 0 and 0 <= bar["begin"] <= 1000 - bar["width"] for bar in row["bars"])

    @pytest.mark.parametrize("text", [None, float("nan"), "", "{", "[1]", '[{"url": "/"}]', '"no"'])
    def test_damaged_text_is_as_good_as_none(self, text):
        assert waterfall_of(text) == ()
        assert waterfall(seen(waterfall=waterfall_of(text))) is None


class TestPicture:
    def test_a_jpeg_of_the_run_is_embedded(self, tmp_path):
        (tmp_path / "a.jpg").write_bytes(JPEG)
        assert picture_of(tmp_path, "a.jpg").startswith("data:image/jpeg;base64,/9j/")

    def test_nothing_else_is(self, tmp_path):
        """Missing, no JPEG, too large, or outside the run directory by path or by link."""
        run = tmp_path / "run"
        run.mkdir()
        (tmp_path / "secret.jpg").write_bytes(JPEG)
        (run / "page.jpg").write_bytes(b"<svg onload=alert(1)>")
        (run / "large.jpg").write_bytes(JPEG + bytes(200_000))
        (run / "link.jpg").symlink_to(tmp_path / "secret.jpg")
        for name in (None, "none.jpg", "page.jpg", "large.jpg", "../secret.jpg", "link.jpg", ".", "a\0b"):
            assert picture_of(run, name) is None, name


class TestReport:
    @pytest.fixture
    def run(self, tmp_path):
        return build(tmp_path, ("fixed-timeout", "delete-many"), rounds=1)

    def test_three_of_each_strategy_slowest_first_with_their_stampedes(self, run):
        summary = summarise(run)
        page = render(run, summary)
        data = json.loads(re.search(r'id="data">(.*?)</script>', page)[1])
        assert page.count('<article class="slow"') == 6
        assert page.count("No picture kept.") == 6
        assert len(data["slowest"]) == 6
        for one in data["slowest"]:
            assert f'id="{one["id"]}"' in page
            assert f'data-stampede="{one["stampede"]}"' in page
        text = text_of(page).replace(NBSP, " ")
        assert re.search(r"during the stampede on product:7 that began at [\d.]+ s\.", text)
        assert re.search(r"stampede \d: product:7, from [\d.]+ s, after expiry, \d+ recomputes at once", text)

    def test_the_time_of_the_slowest_went_to_origin_lock_or_queue(self, run):
        """What was planted: a herd holds the threads, so the slowest visits recompute or queue."""
        summary = summarise(run)
        evidence = slowest(summary["arms"], pictures(run), run.path)
        worst_ms = max(visit["lcp_ms"] for _, visits in evidence for visit in visits)
        assert milliseconds(worst_ms) in title(evidence)
        assert title([]) == "No visit was measured"
        assert [label for label, _ in evidence] == ["fixed-timeout", "delete-many"]
        for _, visits in evidence:
            assert [one["lcp_ms"] for one in visits] == sorted((one["lcp_ms"] for one in visits), reverse=True)
            for one in visits:
                most = max(one["parts"], key=lambda part: part["share"])
                assert most["name"] in ("queue", "lock", "origin")
                assert one["cause"].startswith(("MISS", "HIT, queued"))
        assert len(links(evidence)) == 6

    def test_pictures_of_the_run_are_shown(self, run):
        (run.path / "screenshots").mkdir()
        for trial in run.trials:
            table = pq.read_table(trial.path / "pages.parquet")
            names = [f"screenshots/{number}.jpg" for number in range(len(table))]
            for name in names:
                (run.path / name).write_bytes(JPEG)
            table = table.set_column(table.schema.get_field_index("screenshot"), "screenshot", pa.array(names))
            pq.write_table(table, trial.path / "pages.parquet")
        assert render(run, summarise(run)).count('<img src="data:image/jpeg;base64,') == 6

    def test_what_a_page_calls_itself_stays_text(self, run):
        """Addresses of resources and the LCP element come from the page."""
        nasty = "<img src=x onerror=alert(1)>"
        path = run.trials[0].path / "pages.parquet"
        table = pq.read_table(path)
        row = {"url": f"/{nasty}", "kind": nasty, "start_ms": 1, "ttfb_ms": 2, "end_ms": 3, "blocking": True}
        for name, value in (("waterfall", json.dumps([row, row])), ("element", nasty), ("path", f"/{nasty}")):
            table = table.set_column(table.schema.get_field_index(name), name, pa.array([value] * len(table)))
        pq.write_table(table, path)
        page = render(run, summarise(run))
        assert "&lt;img src=x" in page
        assert nasty not in page

    def test_a_summary_of_before_has_no_causes_and_renders(self, run):
        """Keys that an older summary lacks are 'not measured', not an error."""
        summary = summarise(run)
        for arm in summary["arms"].values():
            for key in ("by_cause", "pipeline_ms", "control", "queued_above_ms", "by_path", "traced"):
                del arm["pages"][key]
        del summary["starvation"]
        text = text_of(render(run, summary))
        assert "not measured" in text and "Too few strategies were measured to compare their pages." in text

    def test_tables_say_causes_and_steps(self, run):
        summary = summarise(run)
        causes = causes_table(summary["arms"])
        assert {row[1] for row in causes.rows} >= {"HIT", "HIT, queued", "MISS"}
        assert all(row[-1].endswith("(lab)") for row in causes.rows)
        assert [row[1] for row in pipeline_table(summary["arms"]).rows[:3]] == [
            "calm, mean", "in stampede, mean", "all, median",
        ]  # fmt: skip
        said = controls_said(summary["arms"], summary["starvation"])[0]
        assert "alike under every strategy" in said and "/product/7/" in said
        for arm in summary["arms"].values():
            for path in arm["pages"]["by_path"].values():
                path["count"] = 4
        assert "Too few visits" in controls_said(summary["arms"], summary["starvation"])[0]
