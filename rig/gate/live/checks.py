"""Under which conditions the figures can be believed, and whether they held."""

from __future__ import annotations

from collections.abc import Sequence

from rig.gate.metrics import ERROR_RATIO
from rig.gate.outcome import Check, LaunchFacts
from rig.gate.verdict import GateVerdict, Verdict
from rig.measure.gate.machine import FOREIGN_MOST, INSTRUMENT_MOST, STEAL_MOST
from rig.model import Mark


def checks(verdict: GateVerdict, facts: Sequence[LaunchFacts], faults: Sequence[str]) -> list[Check]:
    """All of them, over the launches that count: the warm-up is not judged. A spoiled launch that was measured again
    fails none; one that was not has ended the gate, as the last of too many: then each fails what spoiled it.
    """
    launches = [one for one in facts if one.number]
    counted = [one for one in launches if not one.spoiled]
    gave_up = {one.number for one in launches} != {one.number for one in counted}
    ended = [one for one in launches if one.spoiled] if gave_up else []
    judged = counted + ended
    late = sum(Mark.LATE_GENERATOR in one.spoiled for one in ended)
    repeats = len(launches) - len({one.number for one in launches})
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
        Check(name="load generator on time", ok=not late if judged else None, detail=_repeated(repeats, late)),
        _share("load generator's CPU", [one.instrument for one in judged], INSTRUMENT_MOST, "of one CPU"),
        _share("other processes", [one.foreign for one in judged], FOREIGN_MOST, "of the CPUs' time"),
        _share("steal time", [one.steal for one in judged], STEAL_MOST, "of the CPUs' time"),
    ]


def _repeated(repeats: int, late: int) -> str:
    again = f"{repeats} launches measured again" if repeats else "no launch had to be measured again"
    return f"late in {late} of the launches that ended the gate; {again}" if late else again


def _share(name: str, shares: Sequence[float | None], most: float, of: str) -> Check:
    known = [share for share in shares if share is not None]
    if not known:
        return Check(name=name, ok=None, detail="could not be checked")
    return Check(name=name, ok=max(known) <= most, detail=f"at most {max(known):.0%} {of}, limit {most:.0%}")
