"""The replay of recorded launches, whose figures docs/gate.md carries: no true difference in, planted ones found."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.gate_replay import Plant, Recorded, ended, relabelled
from rig.gate.metrics import MISS_RATIO, lcp_metric, response_metrics
from rig.gate.verdict import Verdict
from rig.model import CacheStatus

HIT_P50 = response_metrics(CacheStatus.HIT)[0]
FAMILY = (HIT_P50, MISS_RATIO, lcp_metric("/"))


@pytest.fixture
def pool():
    """60 launches; who is first is 3 % slower, as it were, so that only an exchange makes the arms equal."""
    rng = np.random.default_rng(1)

    def effects(shift: float, scatter: float) -> tuple[float, ...]:
        return tuple(rng.normal(shift, scatter, 2))

    return [
        Recorded(
            effects={HIT_P50: effects(0.03, 0.01), MISS_RATIO: effects(0.0, 0.001), FAMILY[2]: effects(0.0, 0.03)},
            hits=(rng.normal(10, 1, 50), rng.normal(10.3, 1, 50)),
        )
        for _ in range(60)
    ]


def test_half_of_the_launches_have_their_arms_exchanged(pool):
    """Drawn without replacement; an exchanged one has its effects turned about and its hits changed over."""
    own = {id(one) for one in pool}
    drawn = [relabelled(pool, 10, np.random.default_rng(seed)) for seed in range(100)]
    kept = [sum(id(one) in own for one in gate) for gate in drawn]
    assert np.mean(kept) == pytest.approx(5, abs=0.5)
    (first,) = relabelled(pool[:1], 1, np.random.default_rng(next(k for k in range(99) if _turned(pool, k))))
    assert first.effects[HIT_P50] == tuple(-effect for effect in pool[0].effects[HIT_P50])
    assert first.hits[0] is pool[0].hits[1]


def _turned(pool, seed):
    return relabelled(pool[:1], 1, np.random.default_rng(seed))[0] is not pool[0]


@pytest.mark.parametrize(
    ("plant", "verdicts"),
    [
        (Plant(), {Verdict.PASS, Verdict.INCONCLUSIVE}),
        (Plant(hits=1.2), {Verdict.FAIL}),
        (Plant(lcp=1.3), {Verdict.FAIL}),
    ],
)
def test_what_is_planted_is_found_and_nothing_else(pool, plant, verdicts):
    """On 20 gates of ten launches."""
    found = [ended(relabelled(pool, 10, np.random.default_rng(seed)), FAMILY, plant) for seed in range(20)]
    assert {one.verdict for one in found} <= verdicts
    assert all(any(one.metric.name == "stampede_peak" for one in gate.metrics) for gate in found)
