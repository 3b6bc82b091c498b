"""The report page as text: what it says, what it never says, and that it needs nothing from outside."""

from __future__ import annotations

import copy
import json
import re
from html import unescape

import pytest

from rig import words
from rig.analysis.pareto import pareto as places
from rig.analysis.summary import summarise
from rig.model import InfrastructureError
from rig.report import html, pareto
from rig.report.chart_data import bucket_for, chart_data, pictures, style_of
from rig.report.conditions import conditions
from rig.report.headlines import cost, freshness, lcp, ledger, timelines
from rig.report.html import embedded_json, render, write_report
from rig.report.stamp import stamp
from rig.report.view import brief
from rig.report.worst import worst
from tests.synthetic import build

NASTY = "<img src=x onerror=alert(1)>"
NBSP = "\u00a0"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return build(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def summary(run):
    return summarise(run)


@pytest.fixture(scope="module")
def page(run, summary):
    return render(run, summary)


def text_of(page: str) -> str:
    """What a reader sees without scripts, in one line."""
    body = re.sub(r"<(script|style)\b.*?</\1>", " ", page[page.index("<body") :], flags=re.DOTALL)
    return re.sub(r"[ \n]+", " ", re.sub(r"<[^>]+>", " ", body))


def blank(value):
    """The same summary with every figure unknown."""
    if isinstance(value, dict):
        return {key: blank(item) for key, item in value.items()}
    return [] if isinstance(value, list) else None


class TestWords:
    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (0, "0"),
            (1912.4, "1,910"),
            (0.04871, "0.0487"),
            (999.6, "1,000"),
            (61.0, "61"),
            (1.5, "1.5"),
            (-2.345, "-2.35"),
        ],
    )
    def test_three_significant_digits_and_thousands(self, value, text):
        assert words.significant(value) == text

    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (0.0004, "0.4 ms"),
            (0.0999, "99.9 ms"),
            (0.1, "0.1 s"),
            (119, "119 s"),
            (120, "2 min"),
            (3600, "1 h"),
            (0, "0 s"),
        ],
    )
    def test_seconds_in_the_unit_people_say(self, value, text):
        assert words.seconds(value).replace(NBSP, " ") == text

    @pytest.mark.parametrize("nothing", [None, float("nan"), float("inf"), True, "12"])
    @pytest.mark.parametrize("write", [words.milliseconds, words.seconds, words.percent, words.count, words.figure])
    def test_what_is_no_figure_is_not_measured(self, write, nothing):
        """Never 0, never a dash."""
        assert write(nothing) == "not measured"

    def test_counts_are_exact(self):
        assert words.count(12345) == "12,345"
        assert words.count(212.0) == "212"

    def test_lists_and_plurals(self):
        assert words.listed(["a", "b", "c"]) == "a, b and c"
        assert words.plural(1, "entry", "entries") == "1 entry"
        assert words.plural(1200, "visit") == "1,200 visits"
        assert words.interval(1640, 2230, "ms").replace(NBSP, " ") == "1,640 to 2,230 ms"


class TestPage:
    def test_the_answer_reads_without_scripts(self, page, summary):
        text = text_of(page)
        for sentence in summary["finding"]["sentences"]:
            assert sentence in text.replace("&#39;", "'")
        assert "Does this apply to you?" in text
        for label, arm in summary["arms"].items():
            assert label in text
            assert words.milliseconds(arm["pages"]["inside_stampede"]["lcp_ms"]["p50"]) in text
            assert words.milliseconds(arm["requests"]["response_ms"]["p95"]) in text
        assert "✗ bad" in re.sub(r"\s+", " ", text)

    def test_the_questions_come_in_their_order(self, page):
        order = [
            page.index(f'id="{name}"') for name in ("answer", "timelines", "lcp", "freshness", "cost", "reproduce")
        ]
        assert order == sorted(order)
        assert "rig run --profile hot-key --rounds 2 --seed 1" in page

    def test_nothing_is_fetched(self, page):
        """One file, no network: the policy forbids it, and nothing in the page asks for it."""
        assert "default-src 'none'" in page
        own = page.replace(html.echarts(), "")
        assert not re.search(r"""(src|href|action)\s*=\s*["']?(https?:)?//""", own)
        assert "@import" not in own
        assert "url(" not in own

    def test_a_demo_run_is_below_three_megabytes(self, page):
        assert len(page.encode()) < 3_000_000

    def test_the_worst_stampede_is_named_with_its_place_in_the_charts(self, run, summary):
        """The one with most recomputes at once."""
        found = pictures(run)
        named = worst(summary["arms"], found)
        label = list(summary["arms"])[named["arm"]]
        trial = next(one for one in found if (one.trial.id.arm, one.trial.id.round) == (label, named["round"]))
        most = max(stampede.peak for one in found for stampede in one.timeline.stampedes)
        assert trial.timeline.stampedes[named["stampede"]].peak == most
        assert f"{most} recomputes" in named["text"]

    def test_the_same_run_gives_the_same_page(self, page, run, summary):
        assert render(run, summary) == page

    def test_the_page_is_written_and_a_bad_path_is_named(self, run, summary, page, tmp_path):
        write_report(run, summary, tmp_path / "report.html")
        assert (tmp_path / "report.html").read_text() == page
        with pytest.raises(InfrastructureError, match=r"missing/report\.html"):
            write_report(run, summary, tmp_path / "missing" / "report.html")

    def test_a_link_in_the_pages_place_is_replaced_and_what_it_leads_to_stays(self, run, summary, page, tmp_path):
        """A run directory may be somebody else's; everybody who might read the page before still may."""
        (tmp_path / "mine").write_text("mine")
        (tmp_path / "report.html").symlink_to(tmp_path / "mine")
        write_report(run, summary, tmp_path / "report.html")
        assert (tmp_path / "mine").read_text() == "mine"
        assert (tmp_path / "report.html").read_text() == page
        assert (tmp_path / "report.html").lstat().st_mode == (tmp_path / "mine").lstat().st_mode
        assert {path.name for path in tmp_path.iterdir()} == {"mine", "report.html"}

    def test_missing_echarts_names_the_next_step(self, run, summary, monkeypatch, tmp_path):
        monkeypatch.setattr(html, "ECHARTS", tmp_path / "echarts.min.js")
        with pytest.raises(InfrastructureError, match=r"ECharts is missing .*run make setup"):
            render(run, summary)

    def test_modules_are_joined_without_imports(self):
        script = html.script()
        assert not re.search(r"^(import|export) ", script, flags=re.MULTILINE)
        names = re.findall(r"^(?:async )?(?:function|const|let) (\w+)", script, flags=re.MULTILINE)
        assert len(names) == len(set(names)), "two modules declare one name"


class TestUnknowns:
    def test_figures_that_were_not_measured_say_so(self, run, summary):
        empty = {**summary, "arms": blank(summary["arms"]), "conditions": blank(summary["conditions"]), "finding": None}
        text = text_of(render(run, empty))
        assert "not measured" in text
        assert "No finding" in text
        assert not re.search(r"\b(None|nan|null|undefined|inf)\b", text)

    @pytest.mark.parametrize("section", ["requests", "pages", "origin", "staleness", "writes", "verdict"])
    def test_a_missing_section_of_one_arm_is_no_error(self, run, summary, section):
        holed = copy.deepcopy(summary)
        holed["arms"]["delete-many"][section] = None
        assert "not measured" in text_of(render(run, holed))

    def test_a_summary_without_conditions_or_claims_renders(self, run, summary):
        assert render(run, {key: summary[key] for key in ("schema", "valid", "arms")})

    def test_claims_are_listed_when_there_are_any(self, run, summary):
        claim = {"sentence": f"{NASTY} is fast", "where": "quiz", "result": "refuted", "figure": "p95 is 2 s"}
        page = render(run, {**summary, "claims": [claim]})
        text = unescape(text_of(page))
        assert "The seed's claims: 0 confirmed, 1 refuted, 0 undecided, 0 not tested" in text
        assert "Its quiz: 1 refuted" in text
        assert "p95 is 2 s" in text
        assert NASTY not in page

    def test_each_claim_of_the_seed_stands_in_the_report_with_its_result(self, run, summary):
        """A sign beside the word, because colour alone says nothing to many people."""
        text = unescape(text_of(render(run, summary)))
        for claim in summary["claims"]:
            assert claim["sentence"] in text, claim["id"]
        assert "✓ confirmed" in text and "– not tested" in text

    def test_an_interrupted_run_says_so_first(self, tmp_path):
        run = build(tmp_path, rounds=2, unsealed=("2-delete-many", "1-fixed-timeout", "2-fixed-timeout"))
        text = text_of(render(run, summarise(run)))
        notice = text.index("This run was interrupted: 5 trials of 8 finished")
        assert notice < text.index("Does this apply to you?")
        assert "2-delete-many" in text
        assert "Not measured: fixed-timeout." in text

    def test_a_run_without_any_finished_trial_renders(self, tmp_path):
        run = build(tmp_path, arms=("fixed-timeout",), rounds=1, unsealed=("1-fixed-timeout",))
        assert "0 trials of 1 finished" in text_of(render(run, summarise(run)))

    def test_a_trial_kept_out_is_named_with_its_reason(self, tmp_path):
        run = build(tmp_path, rounds=2, marks={"1-delete-many": ["late generator"]})
        text = text_of(render(run, summarise(run)))
        assert "Not part of the figures: 1-delete-many (late generator)." in text
        assert "1 of 2" in text


class TestEscaping:
    def test_markup_from_the_run_stays_text(self, tmp_path):
        run = build(
            tmp_path,
            arms={NASTY: "fixed-timeout", '"><b>': "delete-many"},
            rounds=1,
            manifest={"reproduce": f"rig run {NASTY}", "environment": {NASTY: NASTY}, "error": NASTY},
        )
        summary = {**summarise(run), "warnings": [NASTY], "finding": {"sentences": [NASTY]}}
        page = render(run, summary)
        assert "&lt;img src=x" in page
        assert NASTY not in page
        assert "<b>" not in page

    def test_json_cannot_end_its_element(self):
        text = embedded_json({"label": "</script><!--<script>"})
        assert "<" not in text
        assert json.loads(text) == {"label": "</script><!--<script>"}


class TestChartData:
    def test_what_is_drawn_is_what_was_measured(self, run, summary):
        labels = list(summary["arms"])
        data = chart_data(labels, pictures(run), summary)
        assert data["rounds"] == [1, 2]
        assert len(data["trials"]) == 8
        for trial in data["trials"]:
            assert len(trial["max_ms"]) == len(trial["recomputes"]) == 240
        json.dumps(data, allow_nan=False)

    def test_stampedes_drawn_are_those_the_summary_counts(self, run, summary):
        drawn = dict.fromkeys(summary["arms"], 0)
        for picture in pictures(run):
            drawn[picture.trial.id.arm] += len(picture.timeline.stampedes)
        assert drawn == {label: arm["origin"]["stampedes"] for label, arm in summary["arms"].items()}

    @pytest.mark.parametrize(
        ("windows", "bucket_s"), [([24.0] * 8, 0.1), ([300.0] * 10, 0.1), ([300.0] * 11, 0.2), ([], 0.1)]
    )
    def test_buckets_widen_only_where_the_page_would_grow_too_large(self, windows, bucket_s):
        assert bucket_for(windows) == bucket_s

    def test_every_strategy_looks_different(self):
        assert len({style_of(position) for position in range(36)}) == 36


class TestSentences:
    def arm(self, inside=None, outside=None, stampedes=0, peak=1, age=None, p95=None):
        return {
            "pages": {
                "inside_stampede": {"lcp_ms": {"p50": inside}},
                "outside_stampede": {"lcp_ms": {"p50": outside}},
                "lcp_ms": {"p95": p95},
            },
            "origin": {"stampedes": stampedes, "stampede_peak": peak},
            "staleness": {"age_max_s": age},
        }

    def test_stampedes(self):
        arms = {"a": self.arm(stampedes=6, peak=16), "b": self.arm(stampedes=9, peak=4)}
        assert timelines(arms) == "a stampeded 6 times, with up to 16 recomputes at once; b kept to 4"
        arms["c"] = self.arm()
        assert timelines(arms) == "a stampeded 6 times, with up to 16 recomputes at once; c never did"
        assert timelines({"c": self.arm()}) == "No strategy stampeded"
        assert timelines({"d": {"origin": None}}) == "Stampedes were not measured"

    def test_lcp(self):
        assert (
            lcp({"a": self.arm(900, 60)}).replace(NBSP, " ")
            == "In a stampede the median LCP of a rises from 60 ms to 900 ms"
        )
        assert lcp({"a": self.arm(None, 60)}) == "No measured visit met a stampede"
        assert lcp({"a": self.arm(59, 60)}) == "No strategy's visitors waited longer for LCP in a stampede"

    def test_freshness(self):
        assert (
            freshness({"a": self.arm(age=6.3)}).replace(NBSP, " ") == "The oldest page served was 6.3 s out of date (a)"
        )
        assert freshness({"a": self.arm(age=0)}) == "No strategy served an outdated page"
        assert freshness({"a": self.arm()}) == "Freshness was not measured"

    def test_tradeoff(self):
        """Also controls, which are drawn but beat nobody, and what was not measured."""

        def said(**arms):
            measured = {name: {**arm, "trials": 1} for name, arm in arms.items()}
            return pareto.title(pareto.points({"pareto": places(measured)}))

        fast, fresh, worse = self.arm(age=5, p95=100), self.arm(age=1, p95=900), self.arm(age=6, p95=950)
        control = {**self.arm(age=0, p95=10), "known_bad": "on purpose"}
        odd = self.arm(age=5.5, p95=90)
        assert said(fast=fast, fresh=fresh, worse=worse).endswith("the choice is between fast and fresh")
        assert said(fresh=fresh, worse=worse, control=control) == "fresh is best on speed and freshness"
        assert said(fast=fast, odd=odd) == "Every strategy is best on something: speed or freshness"
        assert "too few" in said(fast=fast, unknown=self.arm())

    def test_the_summarys_comparison_is_what_is_drawn(self):
        rows = [
            {"arm": "a", "lcp_worst_ms": 900.0, "oldest_s": 2.0, "origin_share": 0.1, "dominated_by": ["b"]},
            {"arm": "b", "lcp_worst_ms": 800.0, "oldest_s": 1.0, "origin_share": None, "dominated_by": []},
        ]
        found = pareto.points({"pareto": rows})
        assert [(one.label, one.dominated_by) for one in found] == [("a", ("b",)), ("b", ())]
        assert pareto.table(found).rows[1][3:] == ["not measured", "not compared"]

    def test_the_ledger(self):
        line = {"wasted": 14, "recomputes": 15, "lasted_s": 1.81}
        assert ledger({"a": {"origin": {"ledger": [line, {**line, "lasted_s": 0.5}]}}}).replace(NBSP, " ") == (
            "2 stampedes, the longest 1.81 s: 28 of 30 recomputes were wasted on what another was making already"
        )
        assert ledger({"a": {"origin": None}}) == "No stampede to account for"

    def test_cost(self):
        arms = {name: {"economics": {"app_cpu_s_per_1000": used}} for name, used in (("a", 4.0), ("b", 3.0))}
        assert cost(arms).replace(NBSP, " ").startswith("a costs 4 s of the application's processor time")
        assert cost(arms).replace(NBSP, " ").endswith("b 3 s")
        assert cost({"a": {}}) == "What it costs, and how far to trust it"

    def test_the_selftest_is_said_with_its_date_and_what_it_left_out(self):
        part = {"ok": True, "missed": [], "at": "2026-11-23T14:02:00+00:00", "rig_version": "1"}
        known = {"of": ["pages", "load"], "parts": {"load": part, "pages": {**part, "at": "2026-11-22T14:02:00+00:00"}}}
        assert stamp({"selftest": known})["text"] == "selftest 22 Nov 2026"
        assert stamp({"selftest": {**known, "parts": {"load": part}}})["text"] == "selftest (load only) 23 Nov 2026"
        missed = stamp({"selftest": {**known, "parts": {"load": {**part, "ok": False, "missed": ["p99"]}}}})
        assert (missed["ok"], missed["more"]) == (False, "Missed: p99.")
        assert stamp({"selftest": None})["text"] == "selftest not run on this machine"
        assert stamp({})["ok"] is None

    def test_a_reason_is_shown_without_grade_and_limits(self):
        assert brief("bad: LCP is 849 ms (good up to 100 ms more)") == "LCP is 849 ms"
        assert brief("not graded: no page was read") == "no page was read"
        assert brief("stampedes: every expiry") == "stampedes: every expiry"

    def test_conditions_name_every_figure(self):
        found = dict(
            conditions({"recompute_alone_ms": 98, "recompute_herd_ms": 1600, "ttl_s": 6, "safety_ttl_s": 3600})
        )
        assert found["recompute"].replace(NBSP, " ") == "98 ms (1.6 s in the herd)"
        assert found["TTL"].replace(NBSP, " ") == "6 s (safety 1 h)"
        assert found["server threads"] == "not measured"
