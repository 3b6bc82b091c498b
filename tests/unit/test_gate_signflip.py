"""Sign-flip max-T: exact p values, family-wise level, both directions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from rig.gate.signflip import sign_flip, signs


def test_eight_launches_all_above_have_the_smallest_p_there_is():
    """One metric, eight launches beyond the margin: 1 of 256 signs is as extreme, and all 256 are at least as high."""
    found = sign_flip(np.full((8, 1), 0.2) + np.arange(8)[:, None] / 100, [0.05])
    assert found.above == (1 / 256,)
    assert found.below == (1.0,)


def test_fishers_classic_darwins_maize():
    """Darwin's 15 pairs of maize (Fisher, The Design of Experiments, 1935, section 21): 863 of 32,768 sums as large."""
    darwin = np.array([49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48])
    assert sign_flip(darwin[:, None], [0]).above[0] * 2**15 == pytest.approx(863)


def test_one_metric_agrees_with_scipys_permutation_test():
    """The same exact p as scipy's for paired samples."""
    data = np.random.default_rng(1).normal(0.5, 1, 10)
    theirs = stats.permutation_test((data,), np.mean, permutation_type="samples", alternative="greater").pvalue
    assert sign_flip(data[:, None], [0]).above[0] == pytest.approx(theirs)


def test_more_metrics_make_each_p_larger():
    """The largest t of any metric is what a metric's t is compared with."""
    data = np.random.default_rng(2).normal(0.6, 1, (10, 4))
    together = sign_flip(data, np.zeros(4)).above
    alone = [sign_flip(data[:, [k]], [0]).above[0] for k in range(4)]
    assert all(joint >= single for joint, single in zip(together, alone, strict=True))
    assert max(together) > max(alone)


def test_family_wise_error_holds_for_heavy_tails():
    """No effect in four related metrics of 8 launches, Cauchy distributed: some p ≤ 5 % in at most 5 % + 4 SE."""
    rng = np.random.default_rng(3)
    data = rng.standard_cauchy((600, 8, 4)) + rng.standard_cauchy((600, 8, 1))
    flagged = np.mean([min(sign_flip(one, np.zeros(4)).above) <= 0.05 for one in data])
    assert flagged <= 0.05 + 4 * np.sqrt(0.05 * 0.95 / 600)


def test_launches_that_agree_exactly_are_no_division_by_zero():
    """A metric that never differs, tested against a margin above it, is below in 1 of 256 signs."""
    found = sign_flip(np.zeros((8, 1)), [0.02])
    assert found.below == (1 / 256,)
    assert found.above == (1.0,)


def test_up_to_sixteen_launches_every_sign_is_tried_once():
    """2^5 distinct rows, the first without a flip."""
    rows = signs(5, seed=0)
    assert len(np.unique(rows, axis=0)) == 32
    assert (rows[0] == 1).all()


def test_beyond_sixteen_signs_are_drawn_by_seed_with_the_observed_among_them():
    """The same seed gives the same p, and p is never 0."""
    data = np.full((20, 1), 1.0) + np.arange(20)[:, None] / 100
    one, same = (sign_flip(data, [0], seed=7) for _ in range(2))
    assert one == same
    assert 0 < one.above[0] < 0.001


def test_a_missing_effect_is_refused():
    """NaN would compare as false, and pass."""
    with pytest.raises(ValueError, match="finite effect"):
        sign_flip([[0.1], [float("nan")]], [0])
