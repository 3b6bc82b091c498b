"""From a run directory to summary.json: the contract's keys, pooling, validity, warnings."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest

from rig.analysis.summary import summarise
from rig.journal import RunDir, StreamSink, open_run
from rig.model import RunStatus, TrialId
from rig.plan.environment import told
from rig.report.json import dumps
from rig.samples import REQUESTS
from tests.synthetic import build
from tests.tables import invalidate, recompute, request, visit, write

REQUEST_KEYS = {
    "scheduled", "sent", "dropped", "failed", "failures", "statuses", "rate_rps", "response_ms", "service_ms",
    "slip_ms", "cpu_us_per_request", "hit_ratio", "stale_served_ratio", "waited_ratio", "by_cache",
    "queue_empty_at_end",
}  # fmt: skip
PAGE_KEYS = {
    "scheduled", "measured", "failed", "starved", "wall_s", "cpu_s", "lcp_ms", "ttfb_ms", "visit_slip_ms", "parts_ms",
    "fcp_ms", "cls", "inp_ms", "by_cache", "inside_stampede", "outside_stampede", "dom_nodes", "layouts",
    "style_recalcs",
}  # fmt: skip
ORIGIN_KEYS = {
    "recomputes", "wasted", "stampedes", "stampedes_by_cause", "stampede_peak", "stampede_worst_s", "queries_per_write",
    "cache_commands_per_request",
}  # fmt: skip
STALENESS_KEYS = {
    "reads", "stale", "indeterminate", "age_p99_s", "age_max_s", "versions_behind_max", "time_to_fresh_p50_s",
    "time_to_fresh_p99_s", "time_to_all_fresh_p99_s", "torn_views", "persistent",
}  # fmt: skip
CONDITION_KEYS = {
    "hot_path", "hot_rate_rps", "writes_per_s_hot", "recompute_alone_ms", "recompute_herd_ms", "ttl_s", "safety_ttl_s",
    "dependents", "threads", "cache_round_trip_ms", "database", "lambda_delta", "w_ttl", "w_delta",
    "lambda_delta_per_thread", "ttl_mode", "window_s", "rounds",
}  # fmt: skip

PLAN = {
    "rounds": 2, "window_s": 10.0, "hot_rate_rps": 50.0, "hot_writes": 5, "recompute_ms": 100.0, "ttl_s": 6.0,
    "ttl_mode": "as-used", "hot_path": "/p/", "hot_entry": "p", "dependents": 1, "threads": 16, "database": "SQLite",
    "cache_round_trip_ms": 0.2, "entries": {"/p/": "p"}, "budgets": {},
    "arms": [
        {"label": "fixed-timeout", "url": "http://127.0.0.1", "strategy": "fixed-timeout", "ttl_s": 6.0,
         "max_staleness_s": 6.0, "max_staleness_recomputes": 1},
        {"label": "delete-many", "url": "http://127.0.0.1", "strategy": "delete-many", "ttl_s": 3600.0,
         "max_staleness_s": 3600.0},
    ],
}  # fmt: skip
WARM = recompute(-1.0, -0.9, ttl_s=3.0)
HERD = [recompute(2.0, 3.0, ttl_s=6.0, cpu_ms=500.0, queries=2) for _ in range(3)]
QUIET = [recompute(-1.0, -0.9, ttl_s=3600.0), invalidate("delete", 2.0), recompute(2.0, 2.1, cpu_ms=90.0, queries=2)]
READS = [request(at, took_s=0.01, cache="HIT", content_version="p=1") for at in (1.0, 4.0, 9.0)]
VISITS = [visit(1.0), visit(2.5, 900.0, 500.0), visit(5.0)]


def make(parent, trials: dict[str, dict[str, Any]], unsealed=(), status=RunStatus.COMPLETE, plan=PLAN):
    """A run of ``{"1-fixed-timeout": {"requests", "pages", "origin", **facts}}``; times count from 5,000 s."""
    folder = RunDir.create(parent, "hot-key", {"seed": 1, "plan": plan})
    for name in [*trials, *unsealed]:
        number, _, arm = name.partition("-")
        trial = folder.open_trial(TrialId(round=int(number), arm=arm))
        parts = {"requests": READS, "pages": VISITS, "origin": [], **trials.get(name, {})}
        rows = [{"index": n, **shifted(row)} for n, row in enumerate(parts.pop("requests"))]
        sink = StreamSink(trial.requests_stream, REQUESTS)
        sink.write(pa.RecordBatch.from_pylist(rows, schema=REQUESTS))
        sink.close()
        visits = [{"index": n, **shifted(row)} for n, row in enumerate(parts.pop("pages"))]
        trial.pages_lines.write_text("".join(json.dumps(row) + "\n" for row in visits))
        common = {"pid": 1, "epoch": 1, "strategy": arm}
        events = [{"id": f"{name}-{n}", **common, **shifted(row)} for n, row in enumerate(parts.pop("origin"))]
        if name not in unsealed:
            facts = {"start_s": 5000.0, "end_s": 5010.0, "drained_s": 5010.0, "marks": [], "cache_commands": 12}
            settle = {"checked": 1, "mismatches": []}
            trial.seal(events, {"round": int(number), "arm": arm, "settle": settle, **facts, **parts})
    folder.finish(status)
    return open_run(folder.path)


def shifted(row: dict[str, Any]) -> dict[str, Any]:
    """Seconds and nanoseconds after the trial's start, on the clock."""
    moved = {}
    for key, value in row.items():
        if value is not None and key != "ttl_s" and key.endswith("_ns"):
            value = int(value + 5000 * 1e9)
        elif value is not None and key not in ("ttl_s", "age_s") and key.endswith("_s"):
            value = value + 5000.0
        moved[key] = value
    return moved


def whole(parent, **changes):
    trials = {
        f"{number}-{arm}": {"origin": events}
        for number in (1, 2)
        for arm, events in (("fixed-timeout", [WARM, *HERD, write(2, 6.0, 6.1)]), ("delete-many", QUIET))
    }
    return make(parent, trials, **changes)


def test_the_summary_has_the_contracts_keys(tmp_path):
    """Keys may be added, none may be missing; and it is JSON without NaN."""
    summary = summarise(whole(tmp_path))
    assert {"schema", "valid", "warnings", "conditions", "arms", "finding"} <= set(summary)
    assert summary["schema"] == "rig.summary/1"
    assert set(summary["conditions"]) >= CONDITION_KEYS
    for arm in summary["arms"].values():
        assert set(arm["requests"]) >= REQUEST_KEYS
        assert set(arm["pages"]) >= PAGE_KEYS
        assert set(arm["origin"]) >= ORIGIN_KEYS
        assert set(arm["staleness"]) >= STALENESS_KEYS
        assert set(arm["writes"]) == {"count", "failed", "p50_ms", "p99_ms"}
        assert set(arm["verdict"]) >= {"grade", "reasons"}
        assert set(arm) >= {"ttl_s", "max_staleness_s", "strategy", "trials", "by_round"}
    assert json.loads(dumps(summary)) == summary


def test_declared_staleness_has_the_longest_recompute_on_top_where_the_strategy_says_so(tmp_path):
    """A fixed timeout declares TTL + 1 recompute: 6 s and the herd's 1 s; who names none gets none."""
    arms = summarise(whole(tmp_path))["arms"]
    assert arms["fixed-timeout"]["max_staleness_s"] == pytest.approx(7.0)
    assert arms["delete-many"]["max_staleness_s"] == 3600.0


def test_the_load_on_a_database_server_is_not_made_up(tmp_path):
    """The asking thread's processor time is not the server's: null, said in words, and not part of the grade."""
    summary = summarise(whole(tmp_path, plan={**PLAN, "database": "postgresql"}))
    arm = summary["arms"]["fixed-timeout"]
    assert arm["origin"]["cpu_share"] is None
    assert "origin_cpu_share" not in {rule["name"] for rule in arm["verdict"]["rules"]}
    assert any("origin load is not measured" in text for text in summary["warnings"])


def test_trials_of_an_arm_are_pooled_and_kept_by_round(tmp_path):
    """Two rounds of three reads are six; each round is there apart, in order."""
    arm = summarise(whole(tmp_path))["arms"]["fixed-timeout"]
    assert (arm["trials"], arm["requests"]["sent"], arm["pages"]["measured"]) == (2, 6, 6)
    assert arm["requests"]["rate_rps"] == pytest.approx(0.3)
    assert arm["origin"]["recomputes"] == 6
    assert arm["origin"]["cpu_share"] == pytest.approx(0.15)
    assert arm["origin"]["cache_commands_per_request"] == pytest.approx(24 / 12)
    assert [one["round"] for one in arm["by_round"]] == [1, 2]
    assert arm["by_round"][0]["lcp_inside_p50"] == pytest.approx(900)
    assert arm["by_round"][0]["lcp_outside_p50"] == pytest.approx(60)


def test_stampedes_staleness_and_lcp_meet_in_one_arm(tmp_path):
    """The herd at 2 s is an expiry, the visit at 2.5 s met it, the read at 9 s was stale by the write at 6 s."""
    arm = summarise(whole(tmp_path))["arms"]["fixed-timeout"]
    assert (arm["origin"]["stampedes"], arm["origin"]["stampede_peak"]) == (2, 3)
    assert arm["origin"]["stampedes_by_cause"]["expiry"] == 2
    assert arm["pages"]["inside_stampede"]["lcp_ms"]["p50"] == pytest.approx(900)
    assert (arm["staleness"]["stale"], arm["staleness"]["opportunities"]) == (2, 2)
    assert arm["staleness"]["age_max_s"] == pytest.approx(2.9)


def test_conditions_are_the_products_that_govern_the_result(tmp_path):
    """λ 50/s, Δ 0.1 s, w 0.5/s, TTL 6 s, 16 threads."""
    conditions = summarise(whole(tmp_path))["conditions"]
    assert conditions["lambda_delta"] == pytest.approx(5)
    assert conditions["w_ttl"] == pytest.approx(3)
    assert conditions["w_delta"] == pytest.approx(0.05)
    assert conditions["lambda_delta_per_thread"] == pytest.approx(5 / 16)
    assert conditions["safety_ttl_s"] == 3600
    assert conditions["recompute_herd_ms"] == pytest.approx(1000)


def test_conditions_the_plan_does_not_know_are_null(tmp_path):
    """A plan for any URL has no hot entry: nothing is made up."""
    conditions = summarise(whole(tmp_path, plan={"arms": PLAN["arms"]}))["conditions"]
    assert conditions["lambda_delta"] is None
    assert conditions["safety_ttl_s"] is None


def test_an_arm_without_sound_trial_makes_the_run_invalid(tmp_path):
    """Every figure of it is null, its keys are there, and the reason is among the warnings."""
    run = make(
        tmp_path,
        {"1-fixed-timeout": {"origin": [WARM, *HERD]}, "1-delete-many": {"marks": ["late generator"]}},
        unsealed=["2-delete-many"],
        status=RunStatus.INTERRUPTED,
    )
    summary = summarise(run)
    arm = summary["arms"]["delete-many"]
    assert summary["valid"] is False
    assert (arm["trials"], arm["requests"]["sent"], arm["origin"]["stampedes"]) == (0, None, None)
    assert (arm["pages"]["lcp_ms"]["p50"], arm["verdict"]["grade"], arm["by_round"]) == (None, None, [])
    assert set(arm["requests"]) >= REQUEST_KEYS
    assert "the run was interrupted before all trials were measured" in summary["warnings"]
    assert "not analysed, because not measured to the end: 2-delete-many" in summary["warnings"]
    assert "trial 1-delete-many is kept out of the figures: late generator" in summary["warnings"]
    assert "delete-many: no sound trial, so nothing was measured" in summary["warnings"]
    assert "fixed-timeout: figures from 1 of 2 planned rounds" in summary["warnings"]


def test_a_run_without_trials_is_invalid(tmp_path):
    """Killed before the first trial ended: a summary can still be made."""
    summary = summarise(make(tmp_path, {}, status=RunStatus.FAILED))
    assert summary["valid"] is False
    assert summary["arms"]["delete-many"]["requests"]["response_ms"]["p95"] is None


def test_a_failing_target_does_not_make_a_run_invalid(tmp_path):
    """`valid` judges the instrument: all requests failed, and that is the measurement."""
    down = [request(1.0, took_s=None, status=None, cause="refused")]
    trials = {f"1-{arm}": {"requests": down, "origin": QUIET} for arm in ("fixed-timeout", "delete-many")}
    summary = summarise(make(tmp_path, trials))
    assert summary["valid"] is True
    assert summary["arms"]["delete-many"]["verdict"]["grade"] == "bad"
    assert "delete-many: 1 of 1 request failed (1 × refused)" in summary["warnings"]


def test_a_target_that_reports_no_events_has_unknown_stampedes(tmp_path):
    """Without origin events neither stampedes nor commits are known: null, not none. The settle check stands."""
    arm = summarise(make(tmp_path, {"1-fixed-timeout": {}, "1-delete-many": {}}))["arms"]["delete-many"]
    assert arm["origin"]["recomputes"] is None
    assert arm["pages"]["inside_stampede"]["count"] is None
    assert arm["pages"]["outside_stampede"]["lcp_ms"]["p50"] is None
    assert (arm["staleness"]["stale"], arm["staleness"]["persistent"]) == (None, 0)
    assert arm["pages"]["lcp_ms"]["p50"] == pytest.approx(60)
    assert arm["verdict"]["grade"] is None


def test_warnings_name_what_weakens_the_figures(tmp_path):
    """Starved and failed visits, a stampede at the limit of threads, a queue at the end, unlike schedules."""
    bad = {
        "requests": [request(9.0, took_s=3.0), request(9.0, sent_s=None, took_s=None, status=None, cause="dropped")],
        "pages": [visit(2.5), visit(4.0, outcome="starved"), visit(5.0, outcome="failed", cause="status")],
        "origin": [WARM, *HERD * 5],
        "schedule_digest": "a",
    }
    other = {"origin": QUIET, "schedule_digest": "b"}
    warnings = summarise(make(tmp_path, {"1-fixed-timeout": bad, "1-delete-many": other}))["warnings"]
    for text in (
        "round 1: the arms did not meet the same schedule",
        "fixed-timeout: 1 request dropped before being sent",
        "fixed-timeout: the target had not caught up when the window ended; times depend on how long the window was",
        "fixed-timeout: 1 of 3 page visits starved (the browser withheld frames)",
        "fixed-timeout: 1 of 3 page visits failed (1 × error status)",
        "fixed-timeout: only 1 page visit met a stampede",
        "fixed-timeout: the greatest stampede (15 recomputes at once) was capped by threads",
    ):
        assert text in warnings


def test_a_sound_run_has_no_warnings(tmp_path):
    """Twenty visits, five of them in the stampede, nothing failed: nothing to warn of."""
    visits = [visit(2.0 + number / 10, 100.0, 50.0) for number in range(20)]
    sound = {"pages": visits, "origin": [WARM, *HERD]}
    trials = {f"{n}-{arm}": sound for n in (1, 2) for arm in ("fixed-timeout", "delete-many")}
    assert summarise(make(tmp_path, trials))["warnings"] == []


@pytest.mark.parametrize(
    ("identity", "said"),
    [
        ({"observed_by": []}, None),
        (
            {"observed_by": ["RIG_METRICS"]},
            "the target was watched too (RIG_METRICS): its times contain what that costs",
        ),
        ({}, "the target does not tell whether it was watched too (RIG_METRICS, RIG_OTEL), which costs time"),
    ],
)
def test_a_run_whose_target_was_watched_says_what_its_times_contain(tmp_path, identity, said):
    """RIG_METRICS and RIG_OTEL cost time in every request; a run without them says nothing of it."""
    run = make(tmp_path, {"1-fixed-timeout": {"origin": QUIET}})
    run.manifest["environment"] = told(identity, {"packages": {}})
    assert [text for text in summarise(run)["warnings"] if "watched" in text] == ([said] if said else [])


def test_the_same_run_gives_the_same_summary(tmp_path):
    """Analysis is pure: made again years later, it says the same."""
    run = build(tmp_path, rounds=2)
    assert dumps(summarise(run)) == dumps(summarise(open_run(run.path)))


def test_nan_is_refused_rather_than_written():
    """JSON has no NaN; a figure that is one is a fault to be found here."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        dumps({"value": float("nan")})
