"""The seed page's claims: each has a test, and each test has a reason for what it says."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from rig.analysis.claim_case import CONFIRMED, FEW, NOT_TESTED, OPEN, REFUTED, RESULTS, Case
from rig.analysis.claim_freshness import fresh_later
from rig.analysis.claims import TESTS, claims, listed_claims, tally
from rig.analysis.summary import summarise
from rig.analysis.unknown import unmeasured
from rig.analysis.verdict import judge
from tests.synthetic import build

SEED_CELLS = ("[X] Bad", "[!] OK", "[OK] Good", "Fewer cache calls", "consistent invalidation", "minimal overhead")


@pytest.fixture(scope="module")
def measured(tmp_path_factory) -> dict[str, Any]:
    return summarise(build(tmp_path_factory.mktemp("runs"), rounds=3))


@pytest.fixture
def summary(measured) -> dict[str, Any]:
    return deepcopy(measured)


def told(summary: dict[str, Any], name: str) -> dict[str, Any]:
    found = next(claim for claim in claims(summary) if claim["id"] == name)
    return {**found, "figure": found["figure"].replace("\u00a0", " ")}


def result(summary: dict[str, Any], name: str) -> str:
    return str(told(summary, name)["result"])


class TestTheFile:
    def test_every_claim_names_a_test_there_is_and_no_test_is_idle(self):
        assert {claim["test"] for claim in listed_claims()} == set(TESTS)

    def test_ids_are_unique_and_places_are_known(self):
        names = [claim["id"] for claim in listed_claims()]
        assert len(set(names)) == len(names)
        assert {claim["where"] for claim in listed_claims()} == {"text", "code", "table", "tip", "quiz"}

    def test_cells_tips_and_quiz_options_of_the_page_are_all_there(self):
        """Four rows of the table, three tips, four options."""
        everything = " ".join(claim["sentence"] for claim in listed_claims())
        assert all(cell in everything for cell in SEED_CELLS)
        places = [claim["where"] for claim in listed_claims()]
        assert (places.count("tip"), places.count("quiz")) == (3, 4)


class TestResults:
    def test_all_are_told_with_a_result_and_a_sentence(self, summary):
        found = claims(summary)
        assert len(found) == len(listed_claims())
        assert all(claim["result"] in RESULTS and claim["figure"].endswith(".") for claim in found)
        assert sum(tally(found).values()) == len(found)

    def test_an_invalid_run_tests_nothing(self, summary):
        summary["valid"] = False
        assert {claim["result"] for claim in claims(summary)} == {NOT_TESTED}

    def test_a_strategy_that_was_not_measured_is_named(self, summary):
        del summary["arms"]["fixed-timeout"]
        assert told(summary, "quiz-c")["figure"] == "fixed-timeout was not measured in this run."
        assert result(summary, "quiz-c") == NOT_TESTED

    def test_without_pages_nothing_is_said_of_them(self, summary):
        for arm in summary["arms"].values():
            arm["pages"] = dict.fromkeys(arm["pages"])
        places = ("impact", "page-load-speed", "web-vital", "pipeline", "bottleneck", "table-dom", "table-paint")
        assert {result(summary, name) for name in places} == {NOT_TESTED}

    def test_a_target_that_reports_no_events_leaves_stampedes_and_writes_untested(self, summary):
        """Its sections are there, every figure in them null."""
        for arm in summary["arms"].values():
            arm["origin"], arm["staleness"] = unmeasured(arm["origin"]), unmeasured(arm["staleness"])
        places = ("delete-avoids-spikes", "timeout-load-at-expiry", "quiz-b", "quiz-c", "table-many-calls", "quiz-a")
        assert {result(summary, name) for name in places} == {NOT_TESTED}
        assert told(summary, "timeout-load-at-expiry")["figure"] == "Not measured: stampedes and their causes."

    def test_one_round_decides_no_comparison_and_no_grade(self, tmp_path):
        """A proof of one stale read, or a count, needs no second round."""
        alone = summarise(build(tmp_path, rounds=1))
        compared = ("page-load-speed", "delete-reduces-stale", "table-timeout-verdict", "table-delete-load")
        assert {result(alone, name) for name in compared} == {OPEN}
        assert (result(alone, "quiz-b"), result(alone, "quiz-c")) == (REFUTED, CONFIRMED)


class TestFreshness:
    def test_none_stale_among_many_is_confirmed_with_its_bound(self, summary):
        stale = summary["arms"]["versioned-keys"]["staleness"]
        stale |= {"stale": 0, "opportunities": 1200, "tested": True, "age_max_s": 0.0}
        found = told(summary, "table-versions-fresh")
        assert found["result"] == CONFIRMED
        assert found["figure"].startswith("0 of 1,200 (< 0.25 %)")

    def test_too_few_chances_test_nothing(self, summary):
        summary["arms"]["versioned-keys"]["staleness"] |= {"stale": 0, "opportunities": FEW - 1, "tested": False}
        assert result(summary, "table-versions-fresh") == NOT_TESTED

    @pytest.mark.parametrize(("oldest_s", "expected"), [(0.9, CONFIRMED), (1.1, REFUTED)])
    def test_stale_within_the_budget_is_fresh_beyond_it_not(self, summary, oldest_s, expected):
        arm = summary["arms"]["versioned-keys"]
        arm["staleness"] |= {"stale": 3, "opportunities": 1200, "tested": True, "age_max_s": oldest_s}
        assert result(summary, "tip-versioning") == expected

    @pytest.mark.parametrize("grade", ["bad", "ok"])
    def test_what_stayed_stale_after_traffic_refutes_fresh_content(self, summary, grade):
        """Also what a short time to live heals later than is graded good."""
        arm = summary["arms"]["versioned-keys"]
        next(rule for rule in arm["verdict"]["rules"] if rule["name"] == "left_stale_s")["grade"] = grade
        arm["staleness"]["persistent"] = 1
        assert told(summary, "tip-versioning")["figure"] == "1 entry stayed stale after traffic had stopped."

    @pytest.mark.parametrize(("oldest_s", "expected"), [(0.9, NOT_TESTED), (1.1, REFUTED)])
    def test_fresh_content_is_not_confirmed_where_nobody_looked_what_stayed_stale(self, summary, oldest_s, expected):
        """In one trial, say; what was served stale refutes all the same."""
        arm = summary["arms"]["versioned-keys"]
        arm["staleness"] |= {"stale": 3, "opportunities": 1200, "tested": True, "age_max_s": oldest_s}
        arm["staleness"]["persistent"] = None
        arm["verdict"] = judge(arm)
        assert result(summary, "tip-versioning") == expected

    def test_a_real_ttl_is_computed_and_says_so(self, summary):
        arm = summary["arms"]["fixed-timeout"]
        arm["ttl_s"], arm["staleness"]["age_max_s"], arm["staleness"]["beyond_declared"] = 6.0, 3.0, 0
        found = told(summary, "timeout-stale-for-an-hour")
        assert found["result"] == CONFIRMED
        assert "0.5 of its TTL; computed for a TTL of 1 h: 30 min" in found["figure"]
        arm["staleness"]["beyond_declared"] = 2
        assert result(summary, "timeout-stale-for-an-hour") == REFUTED

    def test_that_a_timeout_can_serve_stale_is_not_refuted_by_its_not_having(self, summary):
        summary["arms"]["fixed-timeout"]["staleness"] |= {"stale": 0, "opportunities": 500, "tested": True}
        assert result(summary, "quiz-c") == OPEN

    @pytest.mark.parametrize(
        ("more_s", "expected"),
        [
            ((0.4, 0.5, 0.45), OPEN),
            ((0.1, 0.2, 0.15), REFUTED),
            ((-2.0, -2.1, -2.2), REFUTED),
            ((2, 2, 2.1), CONFIRMED),
        ],
    )
    def test_only_an_interval_wholly_below_the_least_difference_refutes(self, summary, more_s, expected):
        """Longer for certain, by about what is named: neither shown nor refuted; and that least is told."""
        for label, added in (("fixed-timeout", more_s), ("delete-on-write", (0.0, 0.0, 0.0))):
            arm = summary["arms"][label]
            arm["staleness"] |= {"stale": 40, "opportunities": 500, "tested": True, "time_to_fresh_p50_s": 3.0}
            for each, more in zip(arm["by_round"], added, strict=True):
                each["time_to_fresh_p50_s"] = 3.0 + more
        outcome = fresh_later(Case(summary), "fixed-timeout", "delete-on-write")
        assert outcome.result == expected
        assert "less than 0.5 s between" in outcome.figure.replace("\u00a0", " ")

    def test_torn_views_refute_consistency_and_few_writes_test_nothing(self, summary):
        stale = summary["arms"]["delete-many"]["staleness"]
        for torn, writes, expected in ((0, 29, NOT_TESTED), (0, 30, CONFIRMED), (1, 4, REFUTED)):
            stale |= {"torn_opportunities": writes, "torn_writes": torn, "torn_views": 2 * torn}
            assert result(summary, "table-many-consistent") == expected

    def test_a_timeout_does_nothing_at_a_write(self, summary):
        """Options A and D of the quiz."""
        assert summary["arms"]["fixed-timeout"]["origin"]["invalidations_per_write"] == 0
        assert (result(summary, "quiz-a"), result(summary, "quiz-d")) == (REFUTED, REFUTED)


class TestLoad:
    @pytest.mark.parametrize(("one", "many", "expected"), [(3.0, 1.0, CONFIRMED), (1.0, 1.0, REFUTED)])
    def test_calls_a_write_are_counted_and_priced(self, summary, one, many, expected):
        for label, calls in (("delete-on-write", one), ("delete-many", many)):
            summary["arms"][label]["origin"]["invalidations_per_write"] = calls
        assert result(summary, "table-many-calls") == expected
        if expected == CONFIRMED:
            assert "saves 0.1 ms / 1 ms / 2 ms a write" in told(summary, "tip-delete-many")["figure"]

    def test_more_calls_are_more_load_only_where_they_show_in_all_requests(self, summary):
        """Three deletes instead of one, in a thousand requests: nobody's load has grown."""
        for commands, expected in ((1.061, REFUTED), (1.4, CONFIRMED)):
            for each in summary["arms"]["delete-on-write"]["by_round"]:
                each["cache_commands_per_request"] = commands + each["round"] / 1e5
            for each in summary["arms"]["delete-many"]["by_round"]:
                each["cache_commands_per_request"] = 1.06
            summary["arms"]["delete-many"]["origin"]["cache_commands_per_request"] = 1.06
            assert result(summary, "table-delete-load") == expected

    def test_two_gets_instead_of_one_are_no_minimal_overhead(self, summary):
        for each in summary["arms"]["versioned-keys"]["by_round"]:
            each["cache_commands_per_request"] = 2.1 + each["round"] / 1e5
        assert result(summary, "table-versions-overhead") == REFUTED

    @pytest.mark.parametrize(
        ("more", "expected"), [((0.0, 0.001), CONFIRMED), ((0.08, 0.1), OPEN), ((0.5, 0.51), REFUTED)]
    )
    def test_minimal_overhead_is_confirmed_only_where_a_tenth_more_is_ruled_out(self, summary, more, expected):
        arms = [summary["arms"][label] for label in ("versioned-keys", "delete-many")]
        for arm in arms:
            arm["origin"] |= {"cache_commands_per_request": 1.0, "recomputes": 100}
            for each in arm["by_round"]:
                each |= {"cache_commands_per_request": 1.0, "recomputes": 100}
        for each, added in zip(arms[0]["by_round"], (*more, sum(more) / 2), strict=True):
            each["cache_commands_per_request"] = 1.0 + added
        assert result(summary, "table-versions-overhead") == expected

    def test_nothing_written_tests_no_write(self, summary):
        summary["arms"]["fixed-timeout"]["writes"]["count"] = 0
        assert told(summary, "quiz-a")["figure"] == "Nothing was written in this run."

    @pytest.mark.parametrize(("grades", "expected"), [("bbb", CONFIRMED), ("bbo", OPEN), ("ooo", REFUTED)])
    def test_a_verdict_needs_all_rounds_to_agree(self, summary, grades, expected):
        arm, words = summary["arms"]["fixed-timeout"], {"b": "bad", "o": "ok"}
        for each, letter in zip(arm["by_round"], grades, strict=True):
            each["grade"] = words[letter]
        arm["verdict"]["grade"] = words[grades[0]]
        assert result(summary, "table-timeout-verdict") == expected

    def test_data_that_seldom_change_do_not_test_the_tip(self, summary):
        summary["conditions"]["w_ttl"] = 0.4
        assert told(summary, "tip-avoid-timeout")["figure"] == (
            "The data do not change frequently here: 0.4 writes in one TTL."
        )

    def test_an_empty_value_that_is_never_hit_refutes_the_pages_code(self, summary):
        arm = {
            **summary["arms"]["fixed-timeout"],
            "strategy": "bad-falsy-miss",
            "known_bad": "an empty value is a miss",
        }
        arm["symptoms"] = {
            "never_hit": [{"path": "/c/", "entry": "c", "reads": 121, "stored": 122}],
            "never_stored": [],
        }
        summary["arms"]["bad-falsy-miss"] = arm
        found = told(summary, "code-if-not-data")
        assert found["result"] == REFUTED
        assert "at each of 121 reads" in found["figure"]

    def test_hits_are_faster_than_misses_or_the_page_is_wrong(self, summary):
        for arm in summary["arms"].values():
            arm["requests"]["by_cache"] = {"HIT": {"count": 500, "p50": 2.0, "p95": 3.0}}
            arm["requests"]["by_cache"]["MISS"] = {"count": 40, "p50": 100.0, "p95": 200.0}
        assert result(summary, "devtools-hits-are-fast") == CONFIRMED
        summary["arms"]["delete-many"]["requests"]["by_cache"]["MISS"]["p50"] = 1.0
        assert result(summary, "devtools-hits-are-fast") == REFUTED


class TestPages:
    def test_the_dearest_stampede_is_told_with_its_rounds(self, summary):
        found = told(summary, "page-load-speed")
        assert found["result"] == CONFIRMED
        assert "in a stampede of fixed-timeout" in found["figure"] and "3 rounds" in found["conditions"]

    def test_a_page_of_another_weight_refutes_that_the_pattern_does_not_matter(self, summary):
        assert result(summary, "table-dom") == CONFIRMED
        path = next(iter(summary["arms"]["delete-many"]["pages"]["by_path"]))
        summary["arms"]["delete-many"]["pages"]["by_path"][path] |= {"dom_nodes": 999, "count": 50}
        assert result(summary, "table-dom") == REFUTED

    def test_one_traced_visit_each_leaves_paint_undecided(self, summary):
        for number, arm in enumerate(summary["arms"].values()):
            arm["pages"]["traced"]["paint_ms"] = 4.0 + number / 10
        assert told(summary, "table-paint")["figure"].startswith("Painting took 4 ms to 4.3 ms of processor time")
        assert result(summary, "table-paint") == OPEN

    def test_a_delay_after_the_first_byte_is_not_the_servers(self, summary):
        means = summary["arms"]["fixed-timeout"]["pages"]["pipeline_ms"]["mean_inside_stampede"]
        calm = summary["arms"]["fixed-timeout"]["pages"]["pipeline_ms"]["mean_outside_stampede"]
        means |= {part: calm[part] for part in ("queue", "cache", "lock", "origin", "render", "server")}
        means["paint"] = means["lcp"]
        assert (result(summary, "pipeline"), result(summary, "bottleneck")) == (REFUTED, REFUTED)

    @pytest.mark.parametrize(("visits", "rounds"), [(4, 3), (50, 1)])
    def test_a_mean_over_few_visits_or_one_round_names_no_bottleneck(self, summary, visits, rounds):
        assert result(summary, "bottleneck") in (CONFIRMED, REFUTED)
        arm = summary["arms"]["fixed-timeout"]
        arm["pages"]["pipeline_ms"]["mean_inside_stampede"]["count"] = visits
        for each in arm["by_round"][rounds:]:
            each["lcp_inside_p50"] = None
        found = told(summary, "bottleneck")
        assert found["result"] == NOT_TESTED
        assert found["figure"].endswith("met a stampede of fixed-timeout; 5 in 2 are needed.")
