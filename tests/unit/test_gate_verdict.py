"""What is compared, what each metric's verdict is, and what they add up to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rig.gate.blocks import Effects, Launch, Reads
from rig.gate.family import asked_for, measure, rule, unjudged
from rig.gate.metrics import MISS_RATIO, STAMPEDE_PEAK, GateMetric, lcp_metric, response_metrics
from rig.gate.sequential import Looks
from rig.gate.settings import Settings, parse
from rig.gate.supply import Ruling, Standing, Supply, after_launches, after_warm_up
from rig.gate.verdict import GateVerdict, Verdict, exit_code, goes_on, judge
from rig.model import CacheStatus, ExitCode

P50, P95, P99 = response_metrics(CacheStatus.HIT)
LOOKS = Looks(first=4, last=8)
# Eight launches of two blocks, mean 0, a standard error of 0.003.
SCATTER = [
    (-0.01, 0.0),
    (0.0, 0.01),
    (0.01, 0.02),
    (-0.02, -0.01),
    (0.015, 0.0),
    (-0.01, -0.005),
    (0.0, 0.005),
    (0.0, -0.005),
]


def reads(count: int = 900, cache: str = "HIT", failed: int = 0, seed: int = 1, factor: float = 1.0) -> Reads:
    """``count`` reads spread over two kept blocks, around 10 ms."""
    times = 10 * factor * np.exp(np.random.default_rng(seed).normal(0, 0.1, count))
    block = np.arange(count) * 2 // max(1, count)
    return Reads(block=block, response_ms=times, cache=np.full(count, cache, "<U8"), sent=1000, failed=failed)


def launches(count: int = 8, **candidate: Any) -> list[Launch]:
    return [
        Launch(number=n, blocks=2, baseline=reads(seed=n), candidate=reads(**{"seed": 100 + n, **candidate}))
        for n in range(1, count + 1)
    ]


def effects(metric: GateMetric, shift: float, count: int = 8, scale: float = 1.0) -> Effects:
    """Effects about ``shift``."""
    supplied = tuple(Supply(baseline=500, candidate=500) for _ in range(count))
    blocks = tuple(tuple(shift + scale * one for one in pair) for pair in SCATTER[:count])
    return Effects(metric=metric, launches=blocks, counts=supplied)


def gate(found: Sequence[Effects], count: int = 8, **known: Any) -> GateVerdict:
    measured = known.pop("measured", None) or launches(count)
    return judge(found, measured, looks=LOOKS, rulings=known.pop("rulings", {}), seconds=90.0, **known)


def test_nothing_changed_is_a_pass_and_exits_0():
    """All below their margins: pass, no reason, every figure there, a smallest detectable effect above the margin."""
    found = gate([effects(P50, 0.0), effects(P95, 0.0)])
    assert (found.verdict, found.reasons) == (Verdict.PASS, ())
    printed = found.to_json()
    assert (printed["blocks"], printed["launches"], printed["seconds"]) == (16, 8, 90.0)
    first = printed["metrics"][0]
    assert first["value"] == pytest.approx(1.0, abs=0.001)
    assert first["lower"] < first["value"] < first["upper"] < first["margin"] < first["mde"]
    assert printed["metrics"][-1]["name"] == "error_ratio"
    assert exit_code(found.verdict) is ExitCode.OK


def test_one_slow_metric_fails_the_gate():
    """p95 a third slower, p50 as before: fail, and the reason names figures and margin."""
    found = gate([effects(P50, 0.0), effects(P95, math.log(1.33))])
    assert found.verdict is Verdict.FAIL
    assert "hit_p95: 1.33 times the baseline" in found.reasons[0]
    assert "margin 1.1" in found.reasons[0]
    assert exit_code(found.verdict) is ExitCode.REGRESSION


def test_at_the_margin_it_is_not_known():
    """An effect of the margin itself is neither; the option changes the exit code, not the verdict."""
    found = gate([effects(P50, math.log(1.05))])
    assert found.verdict is Verdict.INCONCLUSIVE
    assert exit_code(found.verdict) is ExitCode.INCONCLUSIVE
    assert exit_code(found.verdict, "pass") is ExitCode.OK
    assert exit_code(found.verdict, "fail") is ExitCode.REGRESSION
    assert exit_code(Verdict.INVALID, "pass") is ExitCode.INVALID


def test_it_goes_on_while_another_launch_could_tell():
    """After four launches yes, after the last no, and not once it is decided."""
    assert goes_on(gate([effects(P50, math.log(1.05), 4)], 4), LOOKS)
    assert not goes_on(gate([effects(P50, math.log(1.05))]), LOOKS)
    assert not goes_on(gate([effects(P50, math.log(9), 5)], 5), LOOKS)


def test_three_launches_are_inconclusive_however_clear():
    """The first look is after the fourth; the value is told, no interval."""
    found = gate([effects(P50, math.log(9), 3)], 3)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert (found.metrics[0].value, found.metrics[0].lower) == (pytest.approx(9, rel=0.01), None)


def test_where_t_and_sign_flip_disagree_it_is_inconclusive():
    """Five launches are all of a gate's: t may be as large as it likes, 1 of 32 signs is 3 %, so nothing is failed."""
    found = judge([effects(P50, math.log(3), 5)], launches(5), looks=Looks(first=4, last=5), rulings={}, seconds=1.0)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.reasons == ("hit_p50: t says fail, the sign-flip test over launches does not",)


def test_a_rise_of_errors_is_invalid_never_fail():
    """1 point more is reported, more than that is invalid; fewer errors than the baseline are fine."""
    assert gate([effects(P50, 0.0)], measured=launches(failed=10)).verdict is Verdict.PASS
    found = gate([effects(P50, math.log(9))], measured=launches(failed=11))
    assert found.verdict is Verdict.INVALID
    assert "fails 1.1% more of its requests" in found.reasons[-1]
    assert exit_code(found.verdict) is ExitCode.INVALID


@pytest.mark.parametrize(("status", "told"), [("WAIT", "WAIT"), ("STALE", "STALE"), ("", "without a status")])
def test_reads_that_moved_to_a_class_of_no_metric_make_the_gate_invalid(status, told):
    """One in twenty waits, where none did: the hits are as quick as ever, and nothing else is compared."""
    measured = launches()
    for one in measured:
        one.candidate.cache[::20] = status
    found = gate([effects(P50, 0.0)], measured=measured)
    assert found.verdict is Verdict.INVALID
    assert found.reasons[0].startswith(f"5.0% more of the candidate's reads are {told} than")


def test_a_few_more_that_wait_are_chance():
    """One in a hundred, or many in one launch of eight alone."""
    few, once = launches(), launches()
    for one in few:
        one.candidate.cache[::100] = "WAIT"
    once[0].candidate.cache[::2] = "WAIT"
    for measured in (few, once):
        assert gate([effects(P50, 0.0)], measured=measured).verdict is Verdict.PASS


def test_faults_of_the_instrument_come_before_everything():
    """A late generator voids a pass and a fail alike."""
    for shift in (0.0, math.log(9)):
        found = gate([effects(P50, shift)], faults=["launch 3: late generator"])
        assert (found.verdict, found.reasons[0]) == (Verdict.INVALID, "launch 3: late generator")


def test_nothing_to_compare_is_no_pass():
    """An empty family: invalid."""
    ruling = Ruling(standing=Standing.NOT_APPLICABLE, reason="hit_p50: the target does not supply it")
    found = gate([], rulings={P50: ruling})
    assert found.verdict is Verdict.INVALID
    assert found.metrics[0].verdict is Verdict.NOT_APPLICABLE


def test_what_does_not_apply_is_named_and_harms_nothing():
    """No event files: stampede_peak is listed, null, and the gate passes on the rest."""
    ruling = Ruling(standing=Standing.NOT_APPLICABLE, reason="stampede_peak: the target does not supply it")
    found = gate([effects(P50, 0.0)], rulings={STAMPEDE_PEAK: ruling})
    assert found.verdict is Verdict.PASS
    assert [m.value for m in found.metrics if m.metric is STAMPEDE_PEAK] == [None]


def test_a_metric_that_disappears_makes_the_gate_invalid():
    """The candidate has no hit in launch 3: invalid, though p50 over the others would pass."""
    whole = effects(P50, 0.0)
    counts = (*whole.counts[:2], Supply(baseline=500, candidate=0), *whole.counts[3:])
    found = gate([replace(whole, counts=counts)])
    assert found.verdict is Verdict.INVALID
    assert found.reasons == ("hit_p50: the candidate supplied none in launch 3, though it did in the warm-up",)


def test_too_many_unused_blocks_make_the_gate_invalid():
    """One in five may be lost, more may not."""
    assert gate([replace(effects(P50, 0.0), unused=4)]).verdict is Verdict.PASS
    found = gate([replace(effects(P50, 0.0), unused=5)])
    assert found.verdict is Verdict.INVALID
    assert "5 of 21 blocks" in found.reasons[0]


def test_unused_blocks_are_judged_when_there_is_something_to_decide():
    """One of two blocks of the first launch, which is no share yet; one of two after the fourth is."""
    first = effects(P50, 0.0)
    early = replace(first, launches=first.launches[:1], counts=first.counts[:1], unused=2)
    assert gate([early], measured=launches(1)).verdict is Verdict.INCONCLUSIVE
    assert gate([replace(first, unused=40)]).verdict is Verdict.INVALID


def test_visits_lost_in_the_candidate_alone_make_the_gate_invalid():
    """The slow ones may be those: p75 of what is left says little. As many in both, or a few, are borne."""
    metric = lcp_metric("/")
    for baseline, candidate, verdict in ((0, 9, "pass"), (20, 24, "pass"), (24, 0, "pass"), (1, 14, "invalid")):
        lost = Supply(baseline=baseline, candidate=candidate)
        found = gate([replace(effects(metric, 0.0), lost=lost)])
        assert found.verdict == verdict, lost
    assert "14 visits of the candidate were not measured, 1 of the baseline" in found.reasons[0]


def test_a_class_that_moved_away_is_no_mere_lack():
    """245 hits and 5 stale ones here, the other way round there: compared with nothing, so nothing is passed."""
    for baseline, candidate in ((245, 5), (5, 245)):
        ruling = after_warm_up("hit_p95", Supply(baseline=baseline, candidate=candidate), 100, 140)
        assert ruling.standing is Standing.INVALID
        assert "245" in ruling.reason


def test_to_enter_a_metric_needs_some_to_spare():
    """With just the least in the warm-up, half of the later blocks would lack samples."""
    ruling = after_warm_up("hit_p95", Supply(baseline=120, candidate=120), 100, P95.samples_to_enter)
    assert ruling.standing is Standing.NOT_APPLICABLE
    assert "140 in the warm-up" in ruling.reason
    enough = Supply(baseline=140, candidate=140)
    assert after_warm_up("hit_p95", enough, 100, P95.samples_to_enter).standing is Standing.IN_FAMILY
    assert (lcp_metric("/").samples_to_enter, STAMPEDE_PEAK.samples_to_enter) == (1, 1)


@pytest.mark.parametrize(
    ("baseline", "candidate", "standing"),
    [
        (100, 100, Standing.IN_FAMILY),
        (99, 100, Standing.NOT_APPLICABLE),
        (0, 0, Standing.NOT_APPLICABLE),
        (0, 99, Standing.NOT_APPLICABLE),
        (100, 0, Standing.INVALID),
        (0, 100, Standing.INVALID),
    ],
)
def test_rulings_after_the_warm_up(baseline, candidate, standing):
    """In the family with enough in both arms; invalid if only one arm has it; else not applicable, and why."""
    ruling = after_warm_up("hit_p95", Supply(baseline=baseline, candidate=candidate), 100)
    assert ruling.standing is standing
    assert (ruling.reason == "") == (standing is Standing.IN_FAMILY)


def test_a_metric_supplied_in_every_launch_stays():
    """One sample an arm is enough not to have disappeared."""
    assert after_launches("hit_p50", [Supply(baseline=1, candidate=1)] * 4).standing is Standing.IN_FAMILY


def test_from_requests_to_a_verdict():
    """Rule after the warm-up, measure, judge: +50 % on hits fails; what the target lacks is outside of the family."""
    warm_up, measured = launches(1)[0], launches(factor=1.5)
    rulings = rule(Settings(), ("/",), warm_up, ())
    standing = {metric.name: ruling.standing for metric, ruling in rulings.items()}
    assert [name for name, one in standing.items() if one is Standing.IN_FAMILY] == [
        "hit_p50",
        "hit_p95",
        "miss_ratio",
    ]
    assert standing["hit_p99"] is standing["lcp_p75 /"] is standing["stampede_peak"] is Standing.NOT_APPLICABLE
    found = gate(measure(rulings, measured, ()), measured=measured, rulings=rulings)
    assert {m.metric.name: m.verdict for m in found.metrics if m.metric in (P50, P95, MISS_RATIO)} == {
        "hit_p50": Verdict.FAIL, "hit_p95": Verdict.FAIL, "miss_ratio": Verdict.PASS,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("budget", "classes", "told"),
    [
        ("hit_p95 <= 40ms", "HIT", None),
        ("hit_p99 <= 40ms", "HIT", "hit_p99 <= 40ms: needs 500 samples"),
        ("hit_p95 <= 40ms", "MISS", "hit_p95 <= 40ms: the target does not supply it"),
        ("lcp_p75 <= 2500ms", "HIT", "lcp_p75 <= 2500ms: the target does not supply it"),
        ("p95 <= 40ms", "HIT MISS", None),
        ("p99 <= 40ms", "HIT MISS", "hit_p99 <= 40ms: needs 500 samples"),
    ],
)
def test_a_budget_that_can_not_be_told_is_not_kept(budget, classes, told):
    """It was asked for: the gate is invalid and says why. Of a figure in all classes, those with enough reads tell."""
    common, *rare = classes.split()
    caches = np.array([common] * 890 + [*(rare or [common])] * 10)
    arms = (replace(reads(seed=seed), cache=caches) for seed in (1, 2))
    warm_up = Launch(number=0, blocks=2, baseline=next(arms), candidate=next(arms))
    settings = parse(f'[gate]\nbudgets = ["{budget}"]', source="rig.toml")
    found = unjudged(asked_for(rule(settings, (), warm_up, ())), (), seconds=1.0)
    assert found.verdict is (Verdict.INVALID if told else Verdict.INCONCLUSIVE)
    if told:
        assert found.reasons[0].startswith(told) and found.reasons[0].endswith("was asked for and can't be told")


def test_luck_widens_the_interval_on_both_sides():
    """Where nothing is launched anew, an effect just beyond the margin is not known, nor is one just within it."""
    for shift, verdict in ((math.log(1.12), Verdict.FAIL), (math.log(1.07), Verdict.PASS)):
        plain = gate([effects(P95, shift, scale=0.5)])
        lucky = gate([replace(effects(P95, shift, scale=0.5), luck=math.log(1.06))])
        assert plain.verdict is verdict
        assert lucky.verdict is Verdict.INCONCLUSIVE
        before, after = plain.metrics[0], lucky.metrics[0]
        assert after.lower == pytest.approx(before.lower / 1.06)
        assert after.upper == pytest.approx(before.upper * 1.06)
        assert after.mde == pytest.approx(before.mde * 1.06)


def test_what_is_not_relaunched_is_allowed_its_luck():
    """Times and LCP have an amount each, counts none."""
    rulings = {metric: Ruling(standing=Standing.IN_FAMILY) for metric in (P50, P95, MISS_RATIO)}
    found = measure(rulings, launches(4), [], relaunched=False)
    assert [one.luck for one in found] == [pytest.approx(math.log(1.02)), pytest.approx(math.log(1.06)), 0.0]
    assert all(one.luck == 0 for one in measure(rulings, launches(4), []))


def test_each_launch_is_told():
    """The dots of the report: a ratio a launch, in order."""
    told = gate([effects(P95, 0.0)]).to_json()["metrics"][0]["by_launch"]
    assert told == pytest.approx([math.exp(sum(pair) / 2) for pair in SCATTER])
