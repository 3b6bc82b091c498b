"""Quantiles are numpy's to the last bit, and None where nothing was measured."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rig.analysis.quantiles import quantile, spread, spread_in_place

FRACTIONS = {"p50": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}
KEYS = ("mean", *FRACTIONS, "max", "iqr")

anything = st.one_of(st.floats(-1e300, 1e300), st.just(float("nan")))
ties = st.sampled_from([0.0, 1.0, 1.5, 4000.0])
# Mostly quick, some caught in a freeze, and some that were never measured.
spikes = st.one_of(st.floats(1, 6), st.floats(500, 1500), st.just(2000.0), st.just(float("nan")))
samples = st.one_of(*(st.lists(one, max_size=300) for one in (anything, ties, spikes)))


def by_numpy(values, keys=KEYS):
    known = np.array([value for value in values if not np.isnan(value)])
    if not known.size:
        return dict.fromkeys(keys)
    low, high = np.quantile(known, (0.25, 0.75))
    found = {"mean": known.mean(), "max": known.max(), "iqr": high - low}
    return {**found, **{key: np.quantile(known, q) for key, q in FRACTIONS.items()}}


@settings(deadline=None)
@given(samples)
def test_every_figure_is_numpys(values):
    """Whatever the samples, also with ties, spikes and NaN: equal to the last bit, not nearly."""
    assert spread(values, *KEYS) == by_numpy(values)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("size", [2, 999, 1000, 1001, 100_003])
def test_every_figure_is_numpys_for_many_samples(size, seed):
    """More than hypothesis would make; at 1,001 known samples p999 is one of them, at 1,000 it lies between two."""
    rng = np.random.default_rng(seed)
    values = rng.lognormal(1.5, 0.6, size)
    values[rng.random(size) < 0.08] = 1500 * rng.random()
    values = np.append(values, [np.nan] * (size // 50))
    assert spread(values, *KEYS) == by_numpy(values)


@settings(deadline=None)
@given(samples, st.floats(0, 1, width=16))
def test_a_single_quantile_is_numpys_too(values, q):
    """From the least value (0) to the greatest (1)."""
    known = [value for value in values if not np.isnan(value)]
    assert quantile(values, q) == (np.quantile(known, q) if known else None)


@settings(deadline=None)
@given(samples, st.permutations(KEYS))
def test_no_figure_depends_on_the_others_asked_for(values, keys):
    """Asked for alone or with all others, in any order, a figure is the same."""
    together = spread(values, *keys)
    assert list(together) == list(keys)
    assert together == {key: spread(values, key)[key] for key in keys}


@pytest.mark.parametrize("values", [[7.0], [7.0, float("nan")], [7.0] * 5000])
def test_equal_values_have_that_value_for_every_quantile(values):
    """One sample, or thousands alike: no rounding makes 6.999 of 7."""
    assert spread(values, *KEYS) == {**dict.fromkeys(KEYS, 7.0), "iqr": 0.0}


@pytest.mark.parametrize("values", [[], [float("nan")], [float("nan")] * 3])
def test_nothing_measured_is_null_not_zero(values):
    assert spread(values, *KEYS) == dict.fromkeys(KEYS)
    assert quantile(values, 0.5) is None


def test_the_callers_values_keep_their_order():
    """Selecting reorders a copy; only `spread_in_place` may touch what it was given."""
    values = np.array([5.0, 1.0, 4.0, 2.0, 3.0, 0.0])
    spread(values, *KEYS)
    quantile(values, 0.5)
    assert values.tolist() == [5, 1, 4, 2, 3, 0]
    spread_in_place(values, "p50")
    assert sorted(values.tolist()) == [0, 1, 2, 3, 4, 5]


def test_an_unknown_figure_is_refused():
    with pytest.raises(ValueError, match="median"):
        spread([1.0], "median")
