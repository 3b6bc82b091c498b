"""What stands between a launch and the judgement: which visits are planned, which count, and how gates are added up."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from rig.gate.family import rule, unjudged
from rig.gate.harrell_davis import CYCLE, lcp_effects
from rig.gate.live import calibrate as calibration
from rig.gate.live.calibrate import as_text, key, tally
from rig.gate.live.checks import checks
from rig.gate.live.course import stampede_reason
from rig.gate.live.plan import BLOCK_S, GateOptions, GatePlan, head_s
from rig.gate.live.taken import as_launch, visits_of
from rig.gate.live.visits import cycles_that_fit, planned_visits
from rig.gate.metrics import STAMPEDE_PEAK, lcp_metric
from rig.gate.outcome import LaunchFacts, MetStampede, Side
from rig.gate.settings import Settings
from rig.gate.supply import Ruling, Standing
from rig.gate.verdict import MetricVerdict, Verdict
from rig.measure.gate.arms import Urls
from rig.measure.gate.launch import Launched, Traffic
from rig.measure.gate.machine import Use
from rig.model import CacheStatus
from rig.samples import REQUESTS
from tests.tables import request, requests

TRAFFIC = Traffic(seed=1, rate_rps=100.0, paths={"/": 1.0}, block_s=5.0, head_s=5.0)
EMPTY = REQUESTS.empty_table().to_pandas()


def visit(
    cycle: int, side: int, lcp_ms: float | None = 100.0, page: str = "/", cause: str | None = None
) -> dict[str, Any]:
    outcome = "failed" if lcp_ms is None else "measured"
    known = {"cycle": cycle, "side": side, "path": page, "took_s": 0.2, "cause": cause}
    return {**known, "outcome": outcome, "lcp_ms": lcp_ms}


def launched(*visits: dict, window_s: float = 15.5) -> Launched:
    return Launched(
        number=3,
        start_s=100.0,
        window_s=window_s,
        requests=(EMPTY, EMPTY),
        peaks=(1, 1),
        stampedes=((), ()),
        visits=visits,
        use=Use(steal=0.0, foreign=0.0, instrument=0.0),
    )


def test_pages_and_arms_take_turns():
    """Each cycle is ABBA or BAAB of one page; over two launches each page has as many of both."""
    both = [planned_visits(("/", "/p/"), 4, launch) for launch in (1, 2)]
    for planned in both:
        cycles = [planned[k : k + len(CYCLE)] for k in range(0, len(planned), len(CYCLE))]
        assert [len({one.path for one in cycle}) for cycle in cycles] == [1] * 4
        assert all([one.side for one in cycle] in ([0, 1, 1, 0], [1, 0, 0, 1]) for cycle in cycles)
        assert Counter(cycle[0].path for cycle in cycles) == {"/": 2, "/p/": 2}
        assert [one.cycle for one in planned] == [k for k in range(4) for _ in CYCLE]
    first = Counter((one.path, one.side) for planned in both for one in planned[:: len(CYCLE)])
    assert set(first.values()) == {2}


def test_no_page_no_visit():
    """An API has none."""
    assert planned_visits((), 4, 1) == [] and cycles_that_fit([], 5.0) == 0


def test_as_many_cycles_as_the_calm_part_holds():
    """Of visits of 0.2 s, 5 cycles fit into 4.5 s; of one arm's slow ones fewer."""
    visits = [visit(0, 0), visit(0, 1), visit(0, 1), visit(0, 0)]
    assert cycles_that_fit(visits, 5.0) == 5
    slow = [{**one, "took_s": 0.2 if one["side"] == 0 else 3.0} for one in visits]
    assert cycles_that_fit(slow, 5.0, side=0) == 5
    assert cycles_that_fit(slow, 5.0, side=1) == 0


def test_a_cycle_that_failed_counts_as_lost():
    """A failure says something about the page: it must not vanish."""
    rows = [visit(0, side) for side in (0, 1, 1, 0)] + [visit(1, 0), visit(1, 1, lcp_ms=None)]
    found = visits_of(launched(*rows))
    assert [one.lcp_ms for one in found if one.cycle == 1] == [100.0, None]
    assert lcp_effects(lcp_metric("/"), found, 3).unused == 1


@pytest.mark.parametrize(
    ("causes", "standing"),
    [
        (("no_lcp", "no_lcp"), Standing.NOT_APPLICABLE),
        (("timeout", "timeout"), Standing.INVALID),
        (("no_lcp", "timeout"), Standing.INVALID),
        ((), Standing.NOT_APPLICABLE),
    ],
)
def test_visits_that_all_failed_are_no_page_without_lcp(causes, standing):
    """An API paints nothing in either arm, and a page may not be visited; what failed in both can't be passed over."""
    rows = [visit(0, side, lcp_ms=None, cause=cause) for side, cause in enumerate(causes)]
    ruled = rule(Settings(), ("/",), as_launch(launched(), TRAFFIC), visits_of(launched(*rows)))
    ruling = ruled[lcp_metric("/")]
    assert ruling.standing is standing
    assert ("failed or starved" in ruling.reason) is (standing is Standing.INVALID)


def test_what_comes_behind_the_last_block_is_in_none():
    """The write's half second."""
    assert as_launch(launched(), TRAFFIC).blocks == 2
    assert as_launch(launched(window_s=15.0), TRAFFIC).blocks == 2


def test_a_launch_is_calm_for_longer_where_pages_are_visited():
    """No part of the longer head is in a block, and the blocks are as long as ever."""
    assert head_s(("/",)) > head_s(()) == BLOCK_S
    longer = replace(TRAFFIC, head_s=head_s(("/",)))
    assert longer.spec(1, 2).window_s == longer.head_s + 10.0
    assert as_launch(launched(window_s=longer.head_s + 10.5), longer).blocks == 2
    assert as_launch(launched(window_s=longer.head_s + 9.5), longer).blocks == 1


def test_what_a_miss_costs_is_named_where_nothing_is_missed():
    """Once, among what is not compared; a target without statuses has no misses to speak of."""
    for cache, named in (("HIT", ["miss_p50"]), (None, [])):
        rows = requests(*(request(105.0 + n / 100, cache=cache) for n in range(900)))
        warm_up = as_launch(replace(launched(), requests=(rows, rows)), TRAFFIC)
        ruled = rule(Settings(), (), warm_up, [])
        misses = {one.name: ruling for one, ruling in ruled.items() if one.cache is CacheStatus.MISS}
        assert list(misses) == named
        assert all("what one costs is not compared" in ruling.reason for ruling in misses.values())
        assert all(ruling.standing is Standing.NOT_APPLICABLE for ruling in misses.values())


@pytest.mark.parametrize(
    ("peaks", "standing"),
    [
        ((0, 0), Standing.NOT_APPLICABLE),
        ((0, 1), Standing.IN_FAMILY),
        ((1, 1), Standing.IN_FAMILY),
        ((None, None), Standing.NOT_APPLICABLE),
        ((None, 1), Standing.INVALID),
    ],
)
def test_peaks_are_compared_where_something_was_recomputed(peaks, standing):
    """Where nothing was under load, that neither arm had a stampede says nothing of either."""
    warm_up = as_launch(replace(launched(), peaks=peaks), TRAFFIC)
    ruling = rule(Settings(), (), warm_up, [])[STAMPEDE_PEAK]
    assert ruling.standing is standing
    assert ("a write would" in ruling.reason) is (peaks == (0, 0))


@pytest.mark.parametrize(
    ("standing", "faults", "verdict"),
    [
        (Standing.IN_FAMILY, (), Verdict.INCONCLUSIVE),
        (Standing.IN_FAMILY, ("another page",), Verdict.INVALID),
        (Standing.INVALID, (), Verdict.INVALID),
        (Standing.NOT_APPLICABLE, (), Verdict.INVALID),
    ],
)
def test_after_the_warm_up(standing, faults, verdict):
    """A fault, a metric that one arm lacks, or nothing to compare end the gate before a launch is spent on it."""
    found = unjudged({lcp_metric("/"): Ruling(standing=standing, reason="why")}, faults, seconds=1.0)
    assert found.verdict is verdict
    assert bool(found.reasons) is (verdict is Verdict.INVALID)


def test_gates_of_a_build_against_itself_are_added_up():
    """False alarms are red builds, whatever the cause; bounds are Clopper and Pearson's."""
    gates = [
        {
            "verdict": verdict,
            "seconds": 200.0 + k,
            "metrics": {"hit_p50": {"verdict": verdict, "mde": 1.1}},
        }
        for k, verdict in enumerate(["pass"] * 18 + ["inconclusive", "invalid"])
    ]
    found = tally(gates)
    assert found["verdicts"]["pass"]["count"] == 18 and found["false_alarms"]["count"] == 1
    # Published: 1 of 20 has 0.13 % to 24.87 %.
    bounds = (found["false_alarms"]["lower"], found["false_alarms"]["upper"])
    assert bounds == pytest.approx((0.001265, 0.2487), rel=1e-3)
    assert found["undecided"] == {"hit_p50": 1} and found["seconds_max"] == 219.0
    assert "1 of 20" in as_text(found)


def test_a_calibration_goes_on_where_it_was(tmp_path, monkeypatch):
    """Each gate is appended as it ends, and has a seed of its own; three were asked for, two were there."""
    seeds = []

    def gate(options, folder, parent, say):
        if len(seeds) == 2 and not interrupted:
            interrupted.append(True)
            raise KeyboardInterrupt
        seeds.append(options.seed)
        known = {"created": "now", "launches": 8, "seconds": 200.0, "reasons": [], "run_dir": "x"}
        return SimpleNamespace(to_json=lambda: {**known, "verdict": "pass", "metrics": []})

    interrupted: list[bool] = []
    side = Side(revision="1a2b3c4d5e6f")
    plan = GatePlan(
        arms=lambda _folder, _say: Urls("a", "b"),
        traffic=TRAFFIC,
        pages=(),
        settings=Settings(),
        baseline=side,
        candidate=side,
        relaunched=True,
    )
    monkeypatch.setattr(calibration, "gate", gate)
    monkeypatch.setattr(calibration, "plan_gate", lambda *_: plan)
    monkeypatch.setattr(calibration, "fingerprint", lambda: {"commit": "0a0b0c"})
    with pytest.raises(KeyboardInterrupt):
        calibration.calibrate(GateOptions(), 3, tmp_path, tmp_path / "runs", lambda _: None)
    found = calibration.calibrate(GateOptions(), 3, tmp_path, tmp_path / "runs", lambda _: None)
    assert len(seeds) == len(set(seeds)) == 3
    assert found["verdicts"]["pass"]["count"] == 3
    assert len((tmp_path / "runs" / calibration.FILE).read_text().splitlines()) == 3


def test_gates_of_another_build_or_design_are_not_added_up():
    """The project's revision, rate, paths, pages and margins are in the key; the seed, which each gate has, is not."""
    side = Side(revision="1a2b3c4d5e6f")
    plan = GatePlan(
        arms=lambda _folder, _say: Urls("a", "b"),
        traffic=TRAFFIC,
        pages=("/",),
        settings=Settings(),
        baseline=side,
        candidate=side,
        relaunched=True,
    )
    clean = {"commit": "0a0b0c", "machine": "x86_64"}
    first = key(plan, GateOptions(), clean)
    assert first["begun"] is None
    assert key(replace(plan, traffic=replace(TRAFFIC, seed=2)), GateOptions(), clean) == first
    for other in (
        replace(plan, candidate=Side(revision="7a8b9c0d1e2f")),
        replace(plan, traffic=replace(TRAFFIC, rate_rps=50.0)),
        replace(plan, traffic=replace(TRAFFIC, paths={"/": 0.5, "/p/": 0.5})),
        replace(plan, pages=()),
        replace(plan, settings=Settings(max_regression="5%")),
    ):
        assert key(other, GateOptions(), clean) != first
    edited = replace(plan, candidate=Side(revision="1a2b3c4d5e6f-dirty"))
    assert key(edited, GateOptions(), clean) != key(edited, GateOptions(), clean)
    assert key(plan, GateOptions(), {**clean, "commit": "0a0b0c-dirty"})["begun"]


def test_spoiled_launches_fail_no_check():
    """They were measured again; what counts must have been calm."""
    facts = [
        LaunchFacts(number=1, steal=None, foreign=0.9, instrument=0.1, spoiled=("busy",)),
        LaunchFacts(number=1, steal=None, foreign=0.1, instrument=0.1),
    ]
    found = {one.name: one.ok for one in checks(unjudged({}, ("gone",), seconds=0.0), facts, ("gone",))}
    assert found["other processes"] is True and found["steal time"] is None and found["arms comparable"] is False


def test_a_gate_that_gave_up_on_late_launches_has_no_tick():
    """The fourth late launch ended it: that is no generator on time, whatever the warm-up was; three were repeated."""
    warm_up = LaunchFacts(number=0, steal=0.5, foreign=0.9, instrument=0.1)
    late = LaunchFacts(number=2, steal=0.0, foreign=0.1, instrument=0.1, spoiled=("late generator",))
    first = replace(late, number=1, spoiled=())
    found = {one.name: one for one in checks(unjudged({}, (), seconds=0.0), [warm_up, first] + [late] * 4, ())}
    told = found["load generator on time"]
    assert (told.ok, told.detail) == (
        False,
        "late in 4 of the launches that ended the gate; 3 launches measured again",
    )
    assert found["other processes"].ok is found["steal time"].ok is True
    calm = {one.name: one.ok for one in checks(unjudged({}, (), seconds=0.0), [warm_up], ())}
    assert calm["load generator on time"] is calm["other processes"] is None


def test_no_reads_are_no_blocks():
    """An empty launch stays countable."""
    assert isinstance(as_launch(launched(), TRAFFIC).baseline.response_ms.sum(), float)
    assert pd.DataFrame(EMPTY).empty


def test_the_worst_stampede_is_a_reason_where_the_peaks_failed():
    """A slow hit is not explained by a stampede that was within its margin."""
    met = [
        MetStampede(
            arm="candidate", launch=1, entry="p", cause="delete", begin_s=1.0, duration_s=1.0, peak=9, recomputes=9
        )
    ]
    ruled = unjudged({}, (), seconds=0.0)
    for metric, told in ((STAMPEDE_PEAK, 1), (lcp_metric("/"), 0)):
        failed = MetricVerdict(metric=metric, verdict=Verdict.FAIL)
        assert len(stampede_reason(replace(ruled, metrics=(failed,)), met)) == told
