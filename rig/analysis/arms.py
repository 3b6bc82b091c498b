"""The figures of one arm, pooled over its sound trials, and beside them the main ones of each round."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from rig.analysis import (
    control_page,
    disturbances,
    economics,
    freshness,
    ledger_figures,
    origin,
    page_weight,
    pages,
    requests,
    symptoms,
    time_shares,
)
from rig.analysis.ledger import Ledger, ledger
from rig.analysis.quantiles import known_sum
from rig.analysis.reads import reads_of
from rig.analysis.rounds import by_round
from rig.analysis.staleness import commits_of
from rig.analysis.stampede import Stampede, expiries, recomputes, stampedes
from rig.analysis.unknown import judged_with_one_clock, unmeasured, without_events
from rig.analysis.visits import of_target
from rig.journal import SealedTrial
from rig.samples import TABLES

Plan = Mapping[str, Any]
Grading = Callable[[Mapping[str, Any]], str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One sealed trial, read once. ``reported``: whether the target recorded any origin event at all.

    ``stale_for_s``: see :func:`rig.analysis.disturbances.stale_for_s`.
    """

    facts: Mapping[str, Any]
    requests: pd.DataFrame
    pages: pd.DataFrame
    control: pd.DataFrame
    window: origin.Window
    witnessed: freshness.Witnessed
    ledger: Ledger
    reported: bool
    other_clock: int = 0
    """Requests timed with another host's clock."""
    stale_for_s: Sequence[float | None] = ()

    @property
    def stampedes(self) -> Sequence[Stampede]:
        """Every stampede of the trial, also one that began in the warm-up and reaches into the window."""
        return self.window.stampedes if self.window.stores else ()


def read_trial(trial: SealedTrial, plan: Plan) -> Measured:
    """Read the tables of a sealed trial and derive recomputes, stampedes and verdicts on its reads."""
    tables = {name: trial.frame(name) for name in TABLES}
    return derive(trial.facts, tables, entries=plan.get("entries") or {}, alone_ms=_alone_ms(plan))


def _alone_ms(plan: Plan) -> dict[str, float]:
    """Recompute time by entry, as calibrated before the run: of the hot entry alone."""
    entry, alone_ms = plan.get("hot_entry"), plan.get("recompute_ms")
    return {} if entry is None or alone_ms is None else {str(entry): float(alone_ms)}


def derive(
    facts: Mapping[str, Any],
    tables: Mapping[str, pd.DataFrame],
    *,
    entries: Mapping[str, str],
    alone_ms: Mapping[str, float] | None = None,
) -> Measured:
    """The same from frames in memory. ``entries`` maps a path to its logical entry, ``alone_ms`` that to its time."""
    events, visits = tables["origin"], of_target(tables["pages"]).reset_index(drop=True)
    found = recomputes(events)
    start_s, end_s = float(facts["start_s"]), float(facts["end_s"])
    committed = events[(events["event"] == "write") & (events["outcome"] == "committed")]
    in_window = committed["begin_ns"].to_numpy(float) / 1e9 >= start_s
    sent = int(tables["requests"]["sent_s"].notna().sum()) + int(visits["started_s"].notna().sum())
    window = origin.Window(
        start_s=start_s,
        end_s=end_s,
        until_s=max(end_s, float(facts.get("drained_s") or end_s)),
        recomputes=found,
        stampedes=stampedes(found),
        expiries=expiries(events),
        writes_committed=int(in_window.sum()),
        requests_and_visits=sent,
        cache_commands=facts.get("cache_commands"),
        cache_round_trips=facts.get("cache_round_trips"),
        invalidations=int(((events["event"] == "invalidate") & (events["begin_ns"] >= start_s * 1e9)).sum()),
    )
    own_clock = ~of_other_clocks(tables["requests"], facts)
    reads = reads_of(tables["requests"][own_clock], visits, entries)
    commits = commits_of(events, (facts.get("settle") or {}).get("versions"))
    return Measured(
        facts=facts,
        requests=tables["requests"],
        pages=visits,
        control=of_target(tables["pages"], control=True),
        window=window,
        witnessed=freshness.witness(reads, commits, facts.get("settle")),
        ledger=ledger(
            int(facts.get("round") or 0), window, tables["requests"], visits, entries=entries, alone_ms=alone_ms or {}
        ),
        reported=not events.empty,
        other_clock=int((~own_clock).sum()),
        stale_for_s=disturbances.stale_for_s(facts, reads, commits),
    )


def arm_figures(
    trials: Sequence[Measured], arm: Mapping[str, Any], plan: Plan, grade: Grading = lambda _: None
) -> dict[str, Any]:
    """The sections of one arm of summary.json, pooled over ``trials`` (all sound), and ``by_round``.

    ``grade``: from the sections of one round. An arm without a sound trial has the same keys, all null.
    """
    if not trials:
        nothing = {name: TABLES[name].empty_table().to_pandas() for name in TABLES}
        blank = derive({"start_s": 0.0, "end_s": 0.0}, nothing, entries={})
        return {**unmeasured(_sections([blank], arm, plan)), "by_round": []}
    found = _sections(trials, arm, plan)
    each = [found] if len(trials) == 1 else [_sections([one], arm, plan) for one in trials]
    rounds = [{**by_round(one.facts, own), "grade": grade(own)} for one, own in zip(trials, each, strict=True)]
    return {**found, "by_round": rounds}


def _sections(trials: Sequence[Measured], arm: Mapping[str, Any], plan: Plan) -> dict[str, Any]:
    tables = [one.requests for one in trials]
    visits = [one.pages for one in trials]
    window_s = trials[0].window.end_s - trials[0].window.start_s
    request_figures = requests.figures(tables, window_s=window_s, generator_cpu_s=_cpu_s(trials, "generator"))
    found = {
        "requests": {
            **request_figures,
            **requests.cache_figures(tables),
            **requests.by_stampede([(one.requests, one.stampedes) for one in trials]),
            "queue_empty_at_end": all(requests.queue_empty_at_end(one.requests, one.window.end_s) for one in trials),
        },
        "pages": {
            **pages.figures(visits, browser_cpu_s=_cpu_s(trials, "browser")),
            **pages.cause_figures([(one.pages, one.stampedes) for one in trials]),
            "traced": page_weight.traced([one.facts for one in trials]),
            "control": control_page.figures([one.control for one in trials], _at_rest_ms(trials)),
        },
        "origin": _own_cpu(_origin(trials, plan), plan),
        "staleness": judged_with_one_clock(
            freshness.figures(
                [one.witnessed for one in trials],
                max_staleness_s=declared_staleness_s(trials, arm),
                ttl_s=plan.get("ttl_s"),
            ),
            sum(one.other_clock for one in trials),
        ),
        "writes": requests.write_figures(tables),
        "disturbances": disturbances.figures(
            [(one.facts, one.requests) for one in trials], [one.stale_for_s for one in trials]
        ),
        "symptoms": _symptoms(trials, plan),
        "cpu_s": {part: _cpu_s(trials, part) for part in ("app", "cache", "generator", "browser")},
        "economics": economics.figures(
            [one.facts for one in trials], sum(one.window.requests_and_visits for one in trials)
        ),
        "time_shares": time_shares.figures([one.window for one in trials], plan.get("ttl_s")),
    }
    # One whose events were lost would count as a window without a stampede.
    return found if all(one.reported for one in trials) else without_events(found)


def _symptoms(trials: Sequence[Measured], plan: Plan) -> dict[str, Any] | None:
    """None for a control that stores nothing: to recompute at each read is what it is for."""
    if not all(one.window.stores for one in trials):
        return None
    recomputed = [one.window.recomputes for one in trials]
    return symptoms.figures([one.requests for one in trials], recomputed, plan.get("entries") or {})


def _origin(trials: Sequence[Measured], plan: Plan) -> dict[str, Any]:
    """Without a ledger for a strategy that stores nothing: it has no stampedes."""
    windows, threads = [one.window for one in trials], plan.get("threads")
    lines = ledger_figures.figures([one.ledger for one in trials], threads=threads)
    stores = all(window.stores for window in windows)
    return {
        **origin.figures(windows, hot_entry=plan.get("hot_entry"), threads=threads),
        **(lines if stores else dict.fromkeys(lines)),
    }


def _at_rest_ms(trials: Sequence[Measured]) -> list[float]:
    return [value for one in trials for value in one.facts.get("control_at_rest_ms") or ()]


def of_other_clocks(requests: pd.DataFrame, facts: Mapping[str, Any]) -> pd.Series[bool]:
    """Which requests were timed with another host's clock. Beside the target's commits their times say nothing."""
    foreign = facts.get("foreign_workers") or []
    if not foreign:
        return pd.Series(False, index=requests.index)
    return requests["worker"].isin(foreign)


def _cpu_s(trials: Sequence[Measured], part: str) -> float | None:
    seconds = [(one.facts.get("cpu_s") or {}).get(part) for one in trials]
    return known_sum([float("nan") if one is None else one for one in seconds])


def database_apart(plan: Plan) -> bool:
    """Whether the database works in processes of its own, whose processor time no event reports."""
    return not str(plan.get("database") or "sqlite").lower().startswith("sqlite")


def _own_cpu(figures: dict[str, Any], plan: Plan) -> dict[str, Any]:
    return {**figures, "cpu_share": None} if database_apart(plan) else figures


def declared_staleness_s(trials: Sequence[Measured], arm: Mapping[str, Any]) -> float | None:
    """What the strategy declares as its oldest page under what was seen: a part that is known beforehand, and as
    many longest recomputes as it names (a value is already that old when it is stored). None if undeclared.
    """
    beforehand = arm.get("max_staleness_s")
    if beforehand is None:
        return None
    return float(beforehand) + float(arm.get("max_staleness_recomputes") or 0) * _longest_recompute_s(trials)


def _longest_recompute_s(trials: Sequence[Measured]) -> float:
    frames = [one.window.recomputes for one in trials]
    longest = [(frame["end_s"] - frame["begin_s"]).max() for frame in frames if len(frame)]
    return max((float(one) for one in longest if not pd.isna(one)), default=0.0)
