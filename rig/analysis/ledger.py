"""The ledger of stampedes: each with its cause, its size beside the size predicted, its work, and who met it.

The predicted size is 1 + arrival rate x recompute time: one reader finds the entry gone, and who arrives until it is
there again finds the same. It is given twice: with the recompute time alone, which is what one knows beforehand, and
with the time until the first of the herd had stored, because a herd shares processor and database and slows itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from rig.analysis.origin import Window, wasted_of_entry
from rig.analysis.quantiles import Floats, quantile, some_sum
from rig.analysis.requests import is_timed, response_ms
from rig.analysis.spans import Spans
from rig.analysis.stampede import Stampede, members, overlaps
from rig.analysis.waiting import Words, who_waited
from rig.model import Kind, VisitOutcome

# Long enough to count arrivals by, short enough to follow a rate that moves.
RATE_SPAN_S = 10.0

Positions = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One stampede, what it cost the origin, and who met it.

    ``open_with_others``: most recomputes open at once meanwhile, those of other entries included: they share the
    server threads, so this is what the number of threads caps.
    ``predicted_alone``, ``predicted_in_herd``: how many recomputes were to be expected, None where the arrival rate or
    the recompute time is not known. ``requests``, ``visits``: positions, in the tables of the trial, of those under
    way meanwhile: a request from sending to its last byte, a visit from navigation to its first byte.
    """

    stampede: Stampede
    open_with_others: int
    predicted_alone: float | None
    predicted_in_herd: float | None
    cpu_s: float | None
    db_s: float | None
    wasted: int
    requests: Positions
    visits: Positions


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """The stampedes of one trial, and row by row what became of its requests and visits (NaN: no such time).

    ``calm_*``: outside every stampede.
    """

    round: int
    start_s: float
    lines: Sequence[Line]
    response_ms: Floats
    who: Words
    calm_requests: Mask
    lcp_ms: Floats
    calm_visits: Mask


def ledger(
    number: int,
    window: Window,
    requests: pd.DataFrame,
    visits: pd.DataFrame,
    *,
    entries: Mapping[str, str],
    alone_ms: Mapping[str, float],
) -> Ledger:
    """The ledger of round ``number``; empty for a strategy that stores nothing, which recomputes by design.

    Args:
        visits: page visits to the target's own pages.
        entries: the logical entry of a path.
        alone_ms: recompute time by entry, as calibrated; for others it is that of the recomputes outside stampedes.
    """
    sent_s, done_s = requests["sent_s"].to_numpy(float), requests["done_s"].to_numpy(float)
    gone_s = visits["navigation_s"].to_numpy(float)
    first_byte_s = gone_s + visits["ttfb_ms"].to_numpy(float) / 1000
    every = window.stampedes if window.stores else ()
    calm = ~overlaps(sent_s, done_s, every)
    # One that broke has no end: it counts for the instant at which it was sent.
    of_requests, of_visits = Spans(sent_s, np.fmax(sent_s, done_s)), Spans(gone_s, first_byte_s)
    origin = _Origin(window, _arrivals(requests, visits, entries), alone_ms)
    lines = [
        origin.line(one, of_requests.touching(one.begin_s, one.end_s), of_visits.touching(one.begin_s, one.end_s))
        for one in (window.met if window.stores else ())
    ]
    return Ledger(
        round=number,
        start_s=window.start_s,
        lines=lines,
        response_ms=np.where(is_timed(requests).to_numpy(bool), response_ms(requests), np.nan),
        who=who_waited(requests, calm),
        calm_requests=calm,
        lcp_ms=np.where(visits["outcome"] == VisitOutcome.MEASURED, visits["lcp_ms"].to_numpy(float), np.nan),
        calm_visits=~overlaps(gone_s, first_byte_s, every) & ~np.isnan(first_byte_s),
    )


def _arrivals(requests: pd.DataFrame, visits: pd.DataFrame, entries: Mapping[str, str]) -> dict[str, Floats]:
    """When readers of each entry were due, in order: as scheduled, so that a slow target changes nothing."""
    reads = requests[requests["kind"] == Kind.READ]
    due = pd.concat([frame[["path", "intended_s"]].astype({"path": object}) for frame in (reads, visits)])
    by_entry = due.groupby(due["path"].map(entries))["intended_s"]
    return {str(entry): np.sort(instants.to_numpy(float)) for entry, instants in by_entry}


class _Origin:
    """What the origin did in a trial, entry by entry, for one line after the other."""

    def __init__(self, window: Window, arrivals: Mapping[str, Floats], alone_ms: Mapping[str, float]) -> None:
        self._window, self._arrivals = window, arrivals
        everyone = window.recomputes
        self._of_entry = {str(entry): group for entry, group in everyone.groupby("entry")}
        took_ms = (everyone["end_s"] - everyone["begin_s"]) * 1000
        alone = took_ms[~members(everyone, window.stampedes)].groupby(everyone["entry"]).median()
        self._at_s, self._open = open_over_time(everyone)
        self._alone_ms = {**{str(entry): float(ms) for entry, ms in alone.dropna().items()}, **alone_ms}

    def line(self, one: Stampede, requests: Positions, visits: Positions) -> Line:
        herd = self._herd(one)
        rate = self._rate(one)
        alone_ms = self._alone_ms.get(one.entry)
        stored_s = herd["end_s"][herd["outcome"] == "stored"].min()
        return Line(
            stampede=one,
            open_with_others=self._open_at_most(one),
            predicted_alone=_predicted(rate, None if alone_ms is None else alone_ms / 1000),
            predicted_in_herd=_predicted(rate, None if np.isnan(stored_s) else float(stored_s) - one.begin_s),
            cpu_s=_seconds(herd["cpu_ms"]),
            db_s=_seconds(herd["db_ms"]),
            wasted=wasted_of_entry(herd),
            requests=requests,
            visits=visits,
        )

    def _herd(self, one: Stampede) -> pd.DataFrame:
        group = self._of_entry[one.entry]
        first, last = np.searchsorted(group["begin_s"].to_numpy(float), [one.begin_s, one.end_s])
        return group.iloc[first:last]

    def _open_at_most(self, one: Stampede) -> int:
        first, last = np.searchsorted(self._at_s, [one.begin_s, one.end_s])
        return int(self._open[first:last].max(initial=one.peak))

    def _rate(self, one: Stampede) -> float | None:
        """Readers of the entry due per second around the begin of the stampede; None where no path is known."""
        due_s = self._arrivals.get(one.entry)
        if due_s is None:
            return None
        from_s = max(self._window.start_s, one.begin_s - RATE_SPAN_S / 2)
        to_s = min(self._window.end_s, one.begin_s + RATE_SPAN_S / 2)
        first, last = np.searchsorted(due_s, [from_s, to_s])
        return float(last - first) / (to_s - from_s) if to_s > from_s else None


def open_over_time(recomputes: pd.DataFrame) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Instants at which recomputes of any entry began or closed, in order, and how many were open from then on."""
    begins, closes = recomputes["begin_s"].to_numpy(float), recomputes["closed_s"].to_numpy(float)
    at_s = np.concatenate([begins, closes])
    step = np.concatenate([np.ones(len(begins), np.int64), -np.ones(len(closes), np.int64)])
    # At one instant closes come before begins: a recompute that follows another does not overlap it.
    order = np.lexsort((step, at_s))
    return at_s[order], np.cumsum(step[order])


def _predicted(rate_rps: float | None, recompute_s: float | None) -> float | None:
    return None if rate_rps is None or recompute_s is None else 1 + rate_rps * recompute_s


def _seconds(column_ms: pd.Series[float]) -> float | None:
    total_ms = some_sum(column_ms.to_numpy(float))
    return None if total_ms is None else total_ms / 1000


def median_of(values: Sequence[float | None]) -> float | None:
    """The median of those that are known."""
    return quantile([np.nan if value is None else value for value in values], 0.5)
