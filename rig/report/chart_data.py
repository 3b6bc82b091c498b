"""What the page's charts draw: sealed trials as one small JSON document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rig.analysis.ages import Ages, ages
from rig.analysis.lcp_parts import PARTS
from rig.analysis.timeline import BUCKET_S, Timeline, bucket_count, timeline
from rig.analysis.visits import Visit
from rig.journal import Run, SealedTrial
from rig.report.ledger_lines import Place, by_place, place

# A page of more buckets than this would be slow and larger than 3 MB; a demo run has about 3,000.
_MOST_BUCKETS = 30_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How one strategy looks everywhere: hue (Okabe–Ito), dash pattern in pixels, marker."""

    hue: str
    dash: tuple[int, ...]
    marker: str


STYLES = (
    Style(hue="#0072B2", dash=(), marker="circle"),
    Style(hue="#E69F00", dash=(8, 3), marker="rect"),
    Style(hue="#009E73", dash=(2, 3), marker="triangle"),
    Style(hue="#CC79A7", dash=(10, 3, 2, 3), marker="diamond"),
    Style(hue="#56B4E9", dash=(5, 3), marker="cross"),
    Style(hue="#D55E00", dash=(12, 4), marker="star"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One sealed trial over time. ``kept_out``: why it is no part of the figures; empty when it is."""

    trial: SealedTrial
    timeline: Timeline
    ages: Ages
    kept_out: list[str]


def style_of(position: int) -> Style:
    """The style of the arm at ``position``. Beyond six arms hues repeat, with another dash and marker."""
    lap = position // len(STYLES)
    hue, other = STYLES[position % len(STYLES)], STYLES[(position + lap) % len(STYLES)]
    return Style(hue=hue.hue, dash=other.dash, marker=other.marker)


def pictures(run: Run) -> list[Picture]:
    """The timelines of all sealed trials, in the order of rounds; trials with a mark are among them."""
    trials = sorted(run.trials, key=lambda trial: (trial.id.round, trial.id.arm))
    bucket_s = bucket_for([trial.facts["end_s"] - trial.facts["start_s"] for trial in trials])
    plan = run.manifest.get("plan") or {}
    return [
        Picture(
            trial=trial,
            timeline=timeline(trial, plan.get("hot_entry"), bucket_s),
            ages=ages(trial, plan.get("entries") or {}, bucket_s),
            kept_out=list(trial.facts.get("marks") or ()),
        )
        for trial in trials
    ]


def bucket_for(windows_s: Sequence[float]) -> float:
    """Bucket width: 100 ms, and coarser only where a long run would make the page too large."""
    bucket_s = BUCKET_S
    while sum(bucket_count(window_s, bucket_s) for window_s in windows_s) > _MOST_BUCKETS:
        bucket_s *= 2
    return round(bucket_s, 6)


def sound_visits(found: Sequence[Picture], label: str) -> list[Visit]:
    """Measured visits of one arm in trials without a mark."""
    return [
        visit
        for picture in found
        if picture.trial.id.arm == label and not picture.kept_out
        for visit in picture.timeline.visits
        if visit.outcome == "measured" and visit.lcp_ms is not None
    ]


def chart_data(labels: Sequence[str], found: Sequence[Picture], summary: dict[str, Any]) -> dict[str, Any]:
    """The JSON document of the page. ``labels``: all planned arms in their order, measured or not.

    Milliseconds to a hundredth, seconds to a thousandth, which is what the tables behind the charts give away as CSV.
    """
    costs = by_place(summary["arms"])
    return {
        "bucket_s": found[0].timeline.bucket_s if found else BUCKET_S,
        "window_s": max((picture.timeline.window_s for picture in found), default=0),
        "threads": (summary.get("conditions") or {}).get("threads"),
        "arms": [
            {"label": label, **_style(position), "max_staleness_s": _declared(summary, label)}
            for position, label in enumerate(labels)
        ],
        "rounds": sorted({picture.trial.id.round for picture in found}),
        "trials": [_trial(picture, labels.index(picture.trial.id.arm), costs) for picture in found],
        "part_titles": PARTS,
    }


def _style(position: int) -> dict[str, Any]:
    style = style_of(position)
    return {"hue": style.hue, "dash": list(style.dash), "marker": style.marker}


def _declared(summary: dict[str, Any], label: str) -> float | None:
    return (summary["arms"].get(label) or {}).get("max_staleness_s")


def _trial(picture: Picture, arm: int, costs: Mapping[Place, Any]) -> dict[str, Any]:
    """``cost`` of a stampede is null where the ledger has none: begun in the warm-up, or in a trial kept out."""
    line, old, trial = picture.timeline, picture.ages, picture.trial.id
    return {
        "arm": arm,
        "round": picture.trial.id.round,
        "kept_out": picture.kept_out,
        "max_ms": [_ms(value) for value in line.responses.max_ms],
        "median_ms": [_ms(value) for value in line.responses.median_ms],
        "count": line.responses.count,
        "failed": line.responses.failed,
        "recomputes": line.recomputes,
        "recomputes_hot": line.recomputes_hot,
        "judged": old.judged,
        "stale": old.stale,
        "oldest_s": [None if value is None else _at(value) for value in old.oldest_s],
        "stampedes": [
            {
                "entry": one.entry, "cause": one.cause, "begin_s": _at(one.begin_s), "end_s": _at(one.end_s),
                "peak": one.peak, "recomputes": one.recomputes,
                "cost": costs.get(place(trial.arm, trial.round, one.entry, one.begin_s)),
            }
            for one in line.stampedes
        ],
        "writes_hot": [_at(value) for value in line.writes_hot],
        "writes_other": [_at(value) for value in line.writes_other],
        "expiries": [_at(value) for value in line.expiries],
        "disturbances": [
            {"kind": one.kind, "begin_s": _at(one.begin_s), "end_s": None if one.end_s is None else _at(one.end_s)}
            for one in line.disturbances
        ],
        "visits": [
            {
                "at_s": _at(visit.at_s), "lcp_ms": _ms(visit.lcp_ms), "path": visit.path, "cache": visit.cache,
                "outcome": visit.outcome, "cause": visit.cause, "stampede": visit.stampede,
                "parts_ms": None if visit.parts_ms is None else [_ms(visit.parts_ms[name]) for name in PARTS],
            }
            for visit in line.visits
        ],
    }  # fmt: skip


def _at(value: float) -> float:
    return round(value, 3)


def _ms(value: float | None) -> float | int | None:
    """Whole ones without their ".0": half of the page's figures are."""
    if value is None:
        return None
    short = round(value, 2)
    return int(short) if short.is_integer() else short
