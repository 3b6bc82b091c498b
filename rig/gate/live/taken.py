"""What a launch brought, as the pure part of the gate takes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rig.gate.blocks import Launch, kept_blocks, reads_of
from rig.gate.harrell_davis import Visit
from rig.gate.outcome import LaunchFacts, MetStampede
from rig.measure.gate.arms import ARMS
from rig.measure.gate.launch import Launched, Traffic
from rig.model import VisitOutcome

NO_LCP = "no_lcp"
"""Cause of a visit whose page came and painted nothing."""


def as_launch(found: Launched, traffic: Traffic) -> Launch:
    """Its reads by block, and its peaks."""
    baseline, candidate = (
        reads_of(
            requests,
            start_s=found.start_s,
            window_s=found.window_s,
            block_s=traffic.block_s,
            head_s=traffic.head_s,
        )
        for requests in found.requests
    )
    return Launch(
        number=found.number,
        blocks=kept_blocks(found.window_s, traffic.block_s, traffic.head_s),
        baseline=baseline,
        candidate=candidate,
        baseline_peak=found.peaks[0],
        candidate_peak=found.peaks[1],
    )


def visits_of(found: Launched) -> list[Visit]:
    """Its page visits, those that failed too."""
    return [_visit(row, found.number) for row in found.visits]


def _visit(row: Mapping[str, Any], launch: int) -> Visit:
    return Visit(
        page=row["path"],
        launch=launch,
        cycle=row["cycle"],
        arm=ARMS[row["side"]],
        lcp_ms=row["lcp_ms"] if _is_measured(row) else None,
        blank=row["cause"] == NO_LCP,
    )


def _is_measured(row: Mapping[str, Any]) -> bool:
    return bool(row["outcome"] == VisitOutcome.MEASURED and row["lcp_ms"])


def stampedes_of(found: Launched) -> Iterator[MetStampede]:
    """Each stampede of both arms."""
    for arm, met in zip(ARMS, found.stampedes, strict=True):
        for one in met:
            yield MetStampede(
                arm=arm,
                launch=found.number,
                entry=one.entry,
                cause=one.cause,
                begin_s=one.begin_s - found.start_s,
                duration_s=one.end_s - one.begin_s,
                peak=one.peak,
                recomputes=one.recomputes,
            )


def facts_of(found: Launched, spoiled: Sequence[str] = ()) -> LaunchFacts:
    """What the computer did meanwhile."""
    use = found.use
    return LaunchFacts(
        number=found.number,
        steal=use.steal,
        foreign=use.foreign,
        instrument=use.instrument,
        spoiled=tuple(spoiled),
    )
