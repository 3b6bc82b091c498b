"""What a disturbance did: failures and response times before, during and after it, and how soon it was over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

import numpy as np
import pandas as pd

from rig.analysis.freshness import fresh_times
from rig.analysis.quantiles import quantile, ratio
from rig.analysis.requests import failure_causes, is_timed, pool, response_ms
from rig.analysis.staleness import Commits

SLOT_S = 1.0
"""Response times are called back by the second: with fewer requests a p95 says nothing."""

BACK_FACTOR, BACK_MS = 2.0, 50.0
"""A second is back when its p95 is within twice that of an ordinary second before, or within 50 ms of it, whichever
allows more: p95s of a few dozen requests scatter that much by themselves."""

PHASES = ("before", "during", "after")

NOTHING_BEFORE, NEXT_CAME, WINDOW_ENDED = "nothing before", "next disturbance", "window"
"""Why it is not known when a disturbance was over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phases:
    """One disturbance of one trial, ``CLOCK_MONOTONIC`` seconds. Before it: since the one before, or the window's
    begin; after it: until the next one, or the window's end. ``end_s`` is None for a momentary one.
    """

    from_s: float
    begin_s: float
    end_s: float | None
    until_s: float
    cut: bool = False
    """Whether the next one ended it, not the window."""

    @property
    def over_s(self) -> float:
        """The instant from which things can get better."""
        return self.begin_s if self.end_s is None else self.end_s

    def span(self, phase: str) -> tuple[float, float] | None:
        """Begin and end of a phase; None for ``during`` of a momentary disturbance."""
        if phase == "before":
            return self.from_s, self.begin_s
        if phase == "after":
            return self.over_s, self.until_s
        return None if self.end_s is None else (self.begin_s, self.end_s)


def phases_of(facts: Mapping[str, Any]) -> list[Phases | None]:
    """The phases of each disturbance of a trial, in order; None for one that did not happen."""
    found: list[Phases | None] = []
    disturbances = facts.get("disturbances") or []
    begins = [one["begin_s"] for one in disturbances if one["begin_s"] is not None]
    from_s = float(facts["start_s"])
    for one in disturbances:
        if one["begin_s"] is None:
            found.append(None)
            continue
        later = [begin for begin in begins if begin > one["begin_s"]]
        until_s = min(later, default=float(facts["end_s"]))
        phases = Phases(from_s=from_s, begin_s=one["begin_s"], end_s=one["end_s"], until_s=until_s, cut=bool(later))
        found.append(phases)
        from_s = phases.over_s
    return found


def figures(
    trials: Sequence[tuple[Mapping[str, Any], pd.DataFrame]], stale_for_s: Sequence[Sequence[float | None]]
) -> list[dict[str, Any]]:
    """One row for each planned disturbance, pooled over ``trials`` (facts, requests).

    ``at_s`` and ``lasted_s``: means over the trials in which it happened. ``back_after_s``: from its end (or, of a
    momentary one, its instant) until a second as good as those before, in the slowest trial; null where one was not
    seen to get there, and ``back_unknown`` says why: no whole second before it was answered, the next disturbance came,
    or the window ended. ``stale_for_s``: see :func:`stale_for_s`; the longest of all trials.
    """
    kinds = [one["kind"] for one in (trials[0][0].get("disturbances") or [])] if trials else []
    found = []
    for number, kind in enumerate(kinds):
        seen = [
            (float(facts["start_s"]), phases[number], table)
            for facts, table in trials
            if number < len(phases := phases_of(facts))
        ]
        happened = [(start_s, one, table) for start_s, one, table in seen if one is not None]
        stale = [one[number] for one in stale_for_s if number < len(one)]
        found.append({"kind": kind, **_pooled(happened), "stale_for_s": _greatest(stale)})
    return found


def _pooled(happened: Sequence[tuple[float, Phases, pd.DataFrame]]) -> dict[str, Any]:
    lasted = [one.end_s - one.begin_s for _, one, _ in happened if one.end_s is not None]
    back = [back_after_s(table, one) for _, one, table in happened]
    lacking = [(one, table) for (_, one, table), at in zip(happened, back, strict=True) if at is None]
    return {
        "trials": len(happened),
        "at_s": fmean(one.begin_s - start_s for start_s, one, _ in happened) if happened else None,
        "lasted_s": fmean(lasted) if lasted else None,
        **{phase: _phase([(one.span(phase), table) for _, one, table in happened]) for phase in PHASES},
        "back_after_s": None if None in back else _greatest(back),
        "back_unknown": _why_not_back(lacking),
    }


def _why_not_back(parts: Sequence[tuple[Phases, pd.DataFrame]]) -> str | None:
    """Of trials that were not seen to get back; None where there are none."""
    if not parts:
        return None
    if any(_ordinary_ms(table, phases) is None for phases, table in parts):
        return NOTHING_BEFORE
    return NEXT_CAME if any(phases.cut for phases, _ in parts) else WINDOW_ENDED


def _phase(parts: Sequence[tuple[tuple[float, float] | None, pd.DataFrame]]) -> dict[str, Any] | None:
    """``{"requests", "failures_per_s", "p95_ms"}`` of the requests intended in the phase; None without a phase."""
    spans = [(span, table) for span, table in parts if span is not None]
    if not spans:
        return None
    met = pool([_intended(table, *span) for span, table in spans])
    seconds = sum(end_s - begin_s for (begin_s, end_s), _ in spans)
    return {
        "requests": len(met),
        "failures_per_s": ratio(int(failure_causes(met).notna().sum()), seconds),
        "p95_ms": quantile(response_ms(met[is_timed(met)]), 0.95),
    }


def back_after_s(requests: pd.DataFrame, phases: Phases) -> float | None:
    """Seconds from the end of a disturbance until the first second without a failure and with an ordinary p95.

    Ordinary is the median of the p95 of the seconds before it. 0: the very next second was. None: not within the
    phase, or nothing is known from before.
    """
    ordinary_ms = _ordinary_ms(requests, phases)
    if ordinary_ms is None:
        return None
    limit_ms = max(ordinary_ms * BACK_FACTOR, ordinary_ms + BACK_MS)
    for begin_s, p95, failed in _slots(requests, phases.over_s, phases.until_s):
        if p95 is not None and not failed and p95 <= limit_ms:
            return begin_s - phases.over_s
    return None


def _ordinary_ms(requests: pd.DataFrame, phases: Phases) -> float | None:
    before = [p95 for _, p95, _ in _slots(requests, phases.from_s, phases.begin_s) if p95 is not None]
    return median(before) if before else None


def _slots(requests: pd.DataFrame, begin_s: float, end_s: float) -> list[tuple[float, float | None, int]]:
    """Whole seconds from ``begin_s`` on: begin, p95 (None where nothing was answered), failures."""
    found = []
    for number in range(int((end_s - begin_s) / SLOT_S + 1e-9)):
        at_s = begin_s + number * SLOT_S
        met = _intended(requests, at_s, at_s + SLOT_S)
        failed = int(failure_causes(met).notna().sum())
        found.append((at_s, quantile(response_ms(met[is_timed(met)]), 0.95), failed))
    return found


def stale_for_s(facts: Mapping[str, Any], reads: pd.DataFrame, commits: Commits) -> list[float | None]:
    """For each disturbance that wrote: how long old pages were surely still served after its commit, at least.

    Its write is the one of its entry that was committed between the instant it was due and the one it was done.
    None where it wrote nothing, or nobody read the entry afterwards.
    """
    disturbances = facts.get("disturbances") or []
    if all(one.get("entry") is None for one in disturbances):
        return [None] * len(disturbances)
    times = fresh_times(reads, commits)
    found: list[float | None] = []
    for one in disturbances:
        if one.get("entry") is None or one["begin_s"] is None:
            found.append(None)
            continue
        table = commits.table
        own = table[
            (table["scope"] == one["entry"])
            & (table["begin_s"] >= one["planned_s"])
            & (table["end_s"] <= one["begin_s"])
        ]
        after = times[times["write"].isin(own["write"])]["seconds"]
        found.append(float(after.max()) if len(after) else None)
    return found


def _intended(requests: pd.DataFrame, begin_s: float, end_s: float) -> pd.DataFrame:
    at_s = requests["intended_s"].to_numpy(float)
    return requests[(at_s >= begin_s) & (at_s < end_s)]


def _greatest(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.max(known)) if known else None
