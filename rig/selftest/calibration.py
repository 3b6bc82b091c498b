"""What visits to pages of known delays must come to. Pure."""

from __future__ import annotations

import itertools
import math
import random
import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rig.model import VisitOutcome
from rig.selftest.check import Check, at_least, at_most, exactly, shown

DELAYS_MS = (100, 200, 400, 800, 1600)
VISITS = 20
SLOPE_OFF = 0.01
SCATTER_MS = 20.0
MEASURED_SHARE = 0.99

Calibrated = tuple[float, Mapping[str, Any]]
"""A delay in milliseconds, and the fields of the visit to its page."""


def order(visits: int) -> list[int]:
    """Each delay so many times, in a seeded order: what drifts meanwhile does not look like a slope."""
    delays = [*DELAYS_MS * visits]
    random.Random(1).shuffle(delays)
    return delays


def fit(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Slope and offset of a line through (x, y): the medians of Theil (1950) and Sen (1968).

    Least squares would be tilted by 0.01 by one pause of 300 ms that the machine makes under one visit of a hundred.
    What an instrument does wrong, it does in every visit, and medians show it.

    Raises:
        statistics.StatisticsError: no two points differ in x.
    """
    pairs = itertools.combinations(points, 2)
    slope = statistics.median((b[1] - a[1]) / (b[0] - a[0]) for a, b in pairs if a[0] != b[0])
    return slope, statistics.median(y - slope * x for x, y in points)


def checks_of(calibrated: Sequence[Calibrated], undelayed: Sequence[Mapping[str, Any]]) -> Iterator[Check]:
    """All visits have an end, nearly all an LCP, and LCP against delay is a line of slope 1.

    ``undelayed`` are visits to the page whose image is not held back: LCP is then a matter of the next frame and of
    no delay, so that they are shown apart.
    """
    visits, points = len(calibrated), _points(calibrated)
    ended = sum(map(_has_an_end, (visit for _, visit in calibrated)))
    yield exactly("calibration: visits with an end", ended, visits, "visits")
    least = math.ceil(MEASURED_SHARE * visits)
    yield at_least("calibration: visits measured", len(points), least, visits, "visits")
    slope = offset_ms = scatter_ms = None
    if len({delay_ms for delay_ms, _ in points}) > 1:
        slope, offset_ms = fit(points)
        low, _, high = statistics.quantiles((lcp_ms - slope * delay_ms for delay_ms, lcp_ms in points), n=4)
        scatter_ms = high - low
    yield Check(
        name="calibration: LCP / delay",
        measured=slope,
        truth=1.0,
        unit="",
        low=1.0 - SLOPE_OFF,
        high=1.0 + SLOPE_OFF,
    )
    # A frame is 16.7 ms and begins when it likes; uniform over one frame the middle half would span 8.
    yield at_most("calibration: scatter (IQR)", scatter_ms, SCATTER_MS, "ms")
    yield shown("calibration: the browser's own", offset_ms, "ms")
    at_once = [lcp_ms for _, lcp_ms in _points([(0.0, visit) for visit in undelayed])]
    yield shown("calibration: LCP p50 without delay", statistics.median(at_once) if at_once else None, "ms")


def _points(calibrated: Sequence[Calibrated]) -> list[tuple[float, float]]:
    """Delay and LCP of the visits that measured the image held back; another LCP is none of this page."""
    return [
        (delay_ms, visit["lcp_ms"])
        for delay_ms, visit in calibrated
        if visit["outcome"] == VisitOutcome.MEASURED and "/image.png" in (visit["resource_url"] or "")
    ]


def _has_an_end(visit: Mapping[str, Any]) -> bool:
    """It has an LCP, or it says why not."""
    if visit["outcome"] == VisitOutcome.MEASURED:
        return visit["lcp_ms"] is not None
    return visit["outcome"] in tuple(VisitOutcome) and bool(visit["cause"])
