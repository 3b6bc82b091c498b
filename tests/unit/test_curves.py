"""Rate curves: the arrivals follow them."""

from __future__ import annotations

import numpy as np
import pytest

from rig.model import UsageError
from rig.plan.curves import CURVES, at_area, curve_named, offered, rate_at
from rig.plan.schedule import arrivals


@pytest.mark.parametrize("name", CURVES)
def test_a_curve_spans_the_window_and_never_falls_to_nothing(name):
    """Shares rise from 0 to 1 and no factor is 0 or less: every part of the window is offered load."""
    curve = CURVES[name]
    shares = [share for share, _ in curve]
    assert shares[0] == 0
    assert shares[-1] == 1
    assert shares == sorted(shares)
    assert min(factor for _, factor in curve) > 0


@pytest.mark.parametrize("kind", ["poisson", "uniform"])
@pytest.mark.parametrize("name", CURVES)
def test_arrivals_follow_their_curve(name, kind):
    """In each twentieth of the window as many arrive as the area under the curve there says."""
    rate, window = 2000.0, 50.0
    at = arrivals(np.random.default_rng(1), rate, window, kind, CURVES[name])
    edges = np.linspace(0, window, 21)
    fine = np.linspace(0, 1, 20 * 500, endpoint=False)
    wanted = (np.array(rate_at(CURVES[name], fine)) * rate * window / len(fine)).reshape(20, -1).sum(axis=1)
    seen = np.histogram(at, edges)[0]
    spread = 5 * np.sqrt(wanted) if kind == "poisson" else 2.0 + wanted * 0.002
    assert np.all(np.abs(seen - wanted) < spread)
    assert np.all(np.diff(at) >= 0)
    assert at[-1] < window


def test_uniform_arrivals_at_a_steady_rate_are_evenly_spaced():
    """The analytic truths of the freeze test rest on it."""
    at = arrivals(np.random.default_rng(1), 200.0, 3.0, "uniform")
    assert at == pytest.approx(np.arange(600) / 200)


def test_the_inverse_of_the_area_is_exact_on_a_ramp():
    """From 0.1 to 1 over 10 s at 100/s, after t seconds 10·t + 4.5·t² have arrived."""
    t = np.array([0.0, 1.0, 3.5, 9.0])
    assert at_area(CURVES["ramp"], 100.0, 10.0, 10 * t + 4.5 * t**2) == pytest.approx(t)
    assert offered(CURVES["ramp"], 100.0, 10.0) == pytest.approx(550)


def test_a_jump_counts_from_its_instant_on():
    """At the share where a spike begins its rate is the spike's."""
    assert rate_at(CURVES["spike"], [0.39999, 0.4, 0.5, 0.6]) == pytest.approx([1, 4, 4, 1])


def test_an_unknown_curve_is_named():
    """The error says which there are."""
    with pytest.raises(UsageError, match="steady, ramp, spike, soak"):
        curve_named("steps")
