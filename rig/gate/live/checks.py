"""Under which conditions the figures can be believed, and whether they held."""

from __future__ import annotations

from collections.abc import Sequence

from rig.gate.metrics import ERROR_RATIO
from rig.gate.outcome import Check, LaunchFacts
from rig.gate.verdict import GateVerdict, Verdict
from rig.measure.gate.machine import FOREIGN_MOST, INSTRUMENT_MOST, STEAL_MOST


def checks(verdict: GateVerdict, facts: Sequence[LaunchFacts], faults: Sequence[str]) -> list[Check]:
    """All of them; spoiled launches were measured again, so they fail none."""
    counted = [one for one in facts if not one.spoiled]
    spoiled = len(facts) - len(counted)
    again = f"{spoiled} launches measured again" if spoiled else "no launch had to be measured again"
    errors = next((one for one in verdict.metrics if one.metric == ERROR_RATIO), None)
    lost = [one for one in verdict.metrics if one.verdict is Verdict.INVALID and one.metric != ERROR_RATIO]
    return [
        Check(name="arms comparable", ok=not faults, detail="; ".join(faults) or "same status, type and content"),
        Check(
            name="errors",
            ok=None if errors is None or errors.value is None else errors.verdict is Verdict.PASS,
            detail=""
            if errors is None or errors.value is None
            else errors.reason or f"{errors.value:+.2%} of requests",
        ),
        Check(
            name="samples",
            ok=not lost,
            detail="; ".join(one.reason or one.metric.name for one in lost) or "each metric had enough",
        ),
        Check(name="load generator on time", ok=True if counted else None, detail=again),
        _share("load generator's CPU", [one.instrument for one in counted], INSTRUMENT_MOST, "of one CPU"),
        _share("other processes", [one.foreign for one in counted], FOREIGN_MOST, "of the CPUs' time"),
        _share("steal time", [one.steal for one in counted if one.steal is not None], STEAL_MOST, "of the CPUs' time"),
    ]


def _share(name: str, shares: Sequence[float], most: float, of: str) -> Check:
    if not shares:
        return Check(name=name, ok=None, detail="not known here")
    return Check(name=name, ok=max(shares) <= most, detail=f"at most {max(shares):.0%} {of}, limit {most:.0%}")
