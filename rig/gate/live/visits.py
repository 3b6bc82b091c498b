"""Which page is visited when: cycles of four visits, as many as the calm part of a launch holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from rig.gate.harrell_davis import CYCLE, visit_order
from rig.measure.gate.arms import ARMS
from rig.measure.gate.launch import CALM_UNTIL, VISITS_FROM
from rig.measure.load.order import PlannedVisit

MOST_CYCLES = 20
SPARE = 0.95
"""Of the calm part: visits vary, and a cycle that has begun is finished, calm or not."""


def cycles_that_fit(visits: Sequence[Mapping[str, Any]], head_s: float, side: int | None = None) -> int:
    """Cycles in one launch's calm part, from how long visits of the warm-up took; ``side``: were all as that arm's."""
    took_s = [float(visit["took_s"]) for visit in visits if side in (None, visit["side"])]
    if not took_s:
        return 0
    room_s = SPARE * (CALM_UNTIL - VISITS_FROM) * head_s
    return min(MOST_CYCLES, int(room_s / (len(CYCLE) * median(took_s))))


def planned_visits(pages: Sequence[str], cycles: int, launch: int) -> list[PlannedVisit]:
    """The visits of one launch. Pages take turns, and so does who is first, within a launch and between launches."""
    found: list[PlannedVisit] = []
    had: Counter[str] = Counter()
    for cycle in range(cycles if pages else 0):
        page = pages[(launch + cycle) % len(pages)]
        arms = visit_order(2)
        first = len(CYCLE) * ((launch + had[page]) % 2)
        had[page] += 1
        for arm in arms[first : first + len(CYCLE)]:
            found.append(PlannedVisit(side=ARMS.index(arm), path=page, cycle=cycle))
    return found
