"""From requests to block effects: within a class, whole blocks only, the launch's first left out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from rig.gate.blocks import Launch, Reads, effects, kept_blocks, reads_of, supply, supply_per_block
from rig.gate.errors import error_faults, error_rise
from rig.gate.family import classes_of
from rig.gate.metrics import ERROR_RATIO, MISS_RATIO, STAMPEDE_PEAK, response_metrics
from rig.gate.sequential import Looks, Test, estimate
from rig.gate.settings import Settings, family
from rig.gate.supply import Supply
from rig.model import CacheStatus
from tests.tables import request, requests

HIT_P50 = response_metrics(CacheStatus.HIT)[0]


def arm(took_s: float, *, blocks: int = 3, each: int = 30, start_s: float = 100.0, **columns: Any) -> Reads:
    """``each`` reads a block of one time, from a launch's start on, as :func:`reads_of` sees them."""
    rows = [
        request(start_s + n * 5.0 / each, took_s=took_s, **{"cache": "HIT", **columns}) for n in range(blocks * each)
    ]
    return reads_of(requests(*rows), start_s=start_s, window_s=blocks * 5.0)


def launch(baseline: Reads, candidate: Reads, blocks: int = 2, **known: Any) -> Launch:
    return Launch(number=1, blocks=blocks, baseline=baseline, candidate=candidate, **known)


def test_the_effect_is_the_log_ratio_of_block_quantiles():
    """Twice as slow in both kept blocks: log 2 twice, whatever the blocks' own level."""
    found = effects(HIT_P50, [launch(arm(0.010), arm(0.020))])
    assert found.launches == (pytest.approx((math.log(2), math.log(2))),)
    assert found.unused == 0
    assert found.counts == (Supply(baseline=60, candidate=60),)


def test_the_first_block_and_a_cut_off_last_one_are_left_out():
    """Of 17 s there are three whole blocks, two are kept; a read at 4.99 s or after 15 s is in none of them. How those
    fared that came behind them, where the write is, counts.
    """
    assert kept_blocks(17.0) == 2
    assert kept_blocks(4.0) == 0
    rows = [request(at, cache="HIT") for at in (0.0, 4.99, 5.0, 9.99, 10.0, 14.99, 15.0, 16.9)]
    found = reads_of(requests(*rows), start_s=0.0, window_s=17.0)
    assert found.block.tolist() == [0, 0, 1, 1]
    assert found.sent == found.reads_due == 6
    ill = [request(at, cache=None, status=500, cause="status") for at in (4.0, 15.0, 16.0)]
    assert reads_of(requests(*rows, *ill), start_s=0.0, window_s=17.0).failed == 2


def test_a_slow_response_belongs_to_the_block_it_was_due_in():
    """Due at 9 s, done at 12 s: block 0 of the kept ones."""
    found = reads_of(requests(request(9.0, took_s=3.0, cache="HIT")), start_s=0.0, window_s=15.0)
    assert found.block.tolist() == [0]
    assert found.response_ms == pytest.approx([3000.0])


def test_other_classes_and_writes_change_nothing():
    """A flood of slow misses and writes leaves the hits' p50 where it was."""
    hits = [request(5.0 + n / 10, took_s=0.01, cache="HIT") for n in range(30)]
    others = [request(5.0 + n / 30, took_s=1.0, cache="MISS") for n in range(100)]
    writes = [request(5.0 + n / 30, took_s=1.0, kind="write") for n in range(100)]
    mixed = reads_of(requests(*hits, *others, *writes), start_s=0.0, window_s=10.0)
    alone = reads_of(requests(*hits), start_s=0.0, window_s=10.0)
    assert effects(HIT_P50, [launch(alone, mixed, blocks=1)]).launches == (pytest.approx((0.0,)),)


def test_a_block_with_too_few_samples_in_one_arm_is_unused_and_counted():
    """20 reads are enough for a p50, 19 are not; a p95 needs 100."""
    full, short = arm(0.01, each=20), arm(0.01, each=19)
    assert effects(HIT_P50, [launch(full, full)]).unused == 0
    found = effects(HIT_P50, [launch(full, short)])
    assert (found.launches, found.unused) == (((),), 2)
    assert math.isnan(found.means[0])
    assert [metric.least_samples for metric in response_metrics(CacheStatus.HIT)] == [20, 100, 500]


def test_reads_without_a_status_are_a_class_of_their_own():
    """A target without X-Cache is compared over all its reads, and has no miss ratio."""
    reads = arm(0.01, cache=None)
    assert effects(response_metrics(None)[0], [launch(reads, reads)]).launches == (pytest.approx((0.0, 0.0)),)
    assert supply(MISS_RATIO, launch(reads, reads)) == Supply(baseline=0, candidate=0)


def test_the_miss_ratio_is_a_difference_of_shares_and_counts_bypasses():
    """One read in ten computed against three in ten, by MISS or BYPASS: + 20 points; waiting is not computing."""

    def reads(*caches: str) -> Reads:
        rows = [request(5.0 + n / 20, cache=caches[n % 10]) for n in range(90)]
        return reads_of(requests(*rows), start_s=0.0, window_s=10.0)

    few, many = reads("MISS", *["HIT"] * 9), reads("MISS", "MISS", "BYPASS", "WAIT", "STALE", *["HIT"] * 5)
    assert effects(MISS_RATIO, [launch(few, many, blocks=1)]).launches == (pytest.approx((0.2,)),)


def test_no_miss_in_either_arm_is_not_known_without_error():
    """60 hits of 60 in each arm: the floor is that of one miss more and one hit more, not 0."""
    found = effects(MISS_RATIO, [launch(arm(0.01), arm(0.01))])
    share = 1 / 62
    assert found.floor_se == pytest.approx(math.sqrt(2 * share * (1 - share) / 62))


def test_stampede_peaks_are_compared_by_launch():
    """16 against 4 is log 4; a lone recompute and none at all are both no stampede; an unknown peak is unused."""
    none = arm(0.01)
    known = [
        launch(none, none, baseline_peak=4, candidate_peak=16),
        launch(none, none, baseline_peak=0, candidate_peak=1),
    ]
    unknown = launch(none, none, baseline_peak=4)
    found = effects(STAMPEDE_PEAK, [*known, unknown])
    assert found.launches == ((pytest.approx(math.log(4)),), (0.0,), ())
    assert found.counts[2] == Supply(baseline=1, candidate=0)


def test_a_budget_is_held_against_the_candidate_alone():
    """hit_p50 <= 40ms: 20 ms of the candidate are half of it, whatever the baseline takes."""
    from rig.gate.settings import parse

    settings = parse('[gate]\nbudgets = ["hit_p50 <= 40ms"]', source="rig.toml")
    metric = family(settings, (), (CacheStatus.HIT,))[-1]
    found = effects(metric, [launch(arm(0.001), arm(0.020))])
    assert found.launches == (pytest.approx((math.log(0.5), math.log(0.5))),)
    assert metric.margin == 1.0


def test_the_rise_of_errors_is_over_all_requests():
    """6 of 60 failed against none: 10 points; an arm that was sent nothing has no error ratio."""
    rows = [request(5.0 + n / 6, cache="HIT", status=500 if n % 10 == 0 else 200) for n in range(60)]
    failing = reads_of(requests(*rows), start_s=0.0, window_s=15.0)
    assert error_rise([launch(arm(0.01), failing)]) == pytest.approx(0.1)
    assert error_rise([launch(arm(0.01), arm(0.01).where(np.zeros(60, bool)))]) == 0.0
    assert error_rise([]) is None


def test_what_a_typical_block_of_the_warm_up_holds():
    """60 reads in two blocks are 30 a block."""
    assert supply_per_block(HIT_P50, launch(arm(0.01), arm(0.01))) == Supply(baseline=30, candidate=30)


def test_the_error_ratio_has_no_blocks():
    """Asked for by mistake it says so, instead of taking another metric's."""
    with pytest.raises(ValueError, match="error_ratio: is not taken by blocks"):
        effects(ERROR_RATIO, [])


def test_defaults_need_no_file():
    """The margins of a project that says nothing."""
    margins = {metric.name: metric.margin for metric in family(Settings(), ("/",), (CacheStatus.HIT,))}
    assert margins == {
        "hit_p50": 1.05,
        "hit_p95": 1.10,
        "hit_p99": 1.15,
        "miss_ratio": 0.02,
        "stampede_peak": 1.5,
        "lcp_p75 /": 1.10,
    }


def test_errors_of_both_arms_alike_are_told():
    """Three in ten fail in each: no rise, and yet what is timed is errors; one in a hundred is borne."""
    ill = [request(5.0 + n / 10, cache="HIT", status=503 if n < 30 else 200) for n in range(100)]
    arms = reads_of(requests(*ill), start_s=0.0, window_s=15.0)
    assert error_rise([launch(arms, arms)]) == 0.0
    told = list(error_faults([launch(arms, arms)]))
    assert ["the baseline fails 30.0%" in told[0], "the candidate fails 30.0%" in told[1], len(told)] == [True, True, 2]
    rows = [request(5.0 + n / 10, cache="HIT", status=503 if n < 1 else 200) for n in range(100)]
    well = reads_of(requests(*rows), start_s=0.0, window_s=15.0)
    assert list(error_faults([launch(well, well)])) == []


@pytest.mark.parametrize(
    "ill",
    [
        {"status": None, "cause": "timeout"},
        {"status": None, "cause": "reset", "done_s": None},
        {"status": None, "cause": "dropped", "sent_s": None, "done_s": None},
    ],
    ids=["timed out", "cut off", "never sent"],
)
def test_reads_that_get_no_whole_answer_from_the_candidate_are_told(ill):
    """They are in no class, so no quantile sees them; one alone is borne, or as many in the baseline."""

    def hanging(count: int) -> Reads:
        rows = [request(5.0 + n / 200, cache="HIT", **(ill if n < count else {})) for n in range(1000)]
        return reads_of(requests(*rows), start_s=0.0, window_s=10.0)

    (told,) = error_faults([launch(hanging(0), hanging(9))])
    assert told.startswith("9 of the candidate's 1000 reads had no whole answer")
    assert "0 of the baseline's 1000" in told
    for baseline, candidate in ((0, 1), (9, 9), (9, 0)):
        assert list(error_faults([launch(hanging(baseline), hanging(candidate))])) == []


def test_what_another_cache_says_is_no_status():
    """Words of our own count in any case; those of a CDN don't, nor does a read without the header."""
    told = ["HIT", "hit", "Miss from edge", None]
    found = reads_of(
        requests(*(request(5.0 + n, cache=word) for n, word in enumerate(told))), start_s=0.0, window_s=10.0
    )
    assert found.cache.tolist() == ["HIT", "HIT", "", ""]


def test_reads_without_a_status_beside_others_are_a_class_of_their_own():
    """A tenth of the reads names none and becomes twice as slow in the candidate: hits are as before, these are not."""

    def mixed(took_s: float) -> Reads:
        hits = [request(5.0 + n / 100, took_s=0.01, cache="HIT") for n in range(450)]
        unnamed = [request(5.0 + n / 10, took_s=took_s) for n in range(50)]
        return reads_of(requests(*hits, *unnamed), start_s=0.0, window_s=10.0)

    warm_up, slower = launch(mixed(0.01), mixed(0.01), blocks=1), launch(mixed(0.01), mixed(0.02), blocks=1)
    assert classes_of(warm_up) == (CacheStatus.HIT, CacheStatus.MISS, None)
    named = {metric.name: metric for metric in family(Settings(), (), classes_of(warm_up))}
    assert effects(named["other_p50"], [slower]).launches == (pytest.approx((math.log(2),)),)
    assert effects(named["hit_p50"], [slower]).launches == (pytest.approx((0.0,)),)


def test_launches_without_a_stampede_do_not_prove_that_none_comes():
    """Eight times the same peak: the interval is not a point, and still narrow enough for the margin."""
    calm = arm(0.01)
    found = effects(STAMPEDE_PEAK, [launch(calm, calm, baseline_peak=1, candidate_peak=1)] * 8)
    taken = estimate(found.launches, floor_se=found.floor_se)
    assert taken is not None
    assert taken.mean == 0.0
    judged = Test.of_family(5, looks=Looks(last=10)).judge(taken, STAMPEDE_PEAK.limit)
    assert judged is not None
    assert judged.decision == "pass"
    assert judged.mde > math.log(2)
