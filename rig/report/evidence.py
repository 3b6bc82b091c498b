"""The slowest visits of each strategy, each with all that is known of why it was slow."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rig.analysis.lcp_causes import CAUSES, QUEUED_FLOOR_MS, cause_of
from rig.analysis.lcp_parts import PARTS
from rig.analysis.visits import Visit
from rig.metrics import LCP
from rig.report.chart_data import Picture
from rig.report.sentences import sentence, stampede_name
from rig.report.tables import dig
from rig.report.waterfall import waterfall
from rig.words import NOT_MEASURED, is_number, milliseconds, seconds

SHOWN = 3
"""Of each strategy."""

# A page with a dozen pictures must stay one that can be mailed.
_MOST_BYTES = 200_000
_JPEG = b"\xff\xd8\xff"


def slowest(
    arms: Mapping[str, dict[str, Any]], found: Sequence[Picture], run_path: Path
) -> list[tuple[str, list[dict[str, Any]]]]:
    """For each arm with a measured visit: its label, and its slowest visits, slowest first."""
    chosen = {label: _of_arm(label, found) for label in arms}
    longest_ms = max((visit.lcp_ms or 0.0 for visits in chosen.values() for _, visit in visits), default=0.0) or 1.0
    return [
        (
            label,
            [
                {
                    "id": f"slow-{number}-{place}",
                    "arm": number,
                    **_evidence(picture, visit, _threshold(arms[label]), longest_ms),
                    "picture": picture_of(run_path, visit.screenshot),
                }
                for place, (picture, visit) in enumerate(visits, 1)
            ],
        )
        for number, (label, visits) in enumerate(chosen.items())
        if visits
    ]


def title(evidence: Sequence[tuple[str, list[dict[str, Any]]]]) -> str:
    """How long the slowest visit of all took, and whether it met a stampede."""
    all_of_them = [(label, visit) for label, visits in evidence for visit in visits]
    if not all_of_them:
        return "No visit was measured"
    label, slowest_of_all = max(all_of_them, key=lambda one: one[1]["lcp_ms"])
    met = "with no stampede open" if slowest_of_all["stampede"] is None else "in a stampede"
    return f"The slowest visit saw its LCP after {slowest_of_all['lcp']} ({label}, {met})"


def links(evidence: Sequence[tuple[str, list[dict[str, Any]]]]) -> list[dict[str, Any]]:
    """From stampedes to the slow visits that met them, for the ledger."""
    return [
        {name: one[name] for name in ("id", "arm", "round", "stampede", "lcp_ms")}
        for _, visits in evidence
        for one in visits
        if one["stampede"] is not None
    ]


def _of_arm(label: str, found: Sequence[Picture]) -> list[tuple[Picture, Visit]]:
    known = [
        (picture, visit)
        for picture in found
        if picture.trial.id.arm == label and not picture.kept_out
        for visit in picture.timeline.visits
        if visit.lcp_ms is not None and visit.outcome == "measured"
    ]
    return sorted(known, key=lambda one: -(one[1].lcp_ms or 0.0))[:SHOWN]


def _threshold(arm: dict[str, Any]) -> float:
    above_ms = dig(arm, "pages", "queued_above_ms")
    return above_ms if is_number(above_ms) else QUEUED_FLOOR_MS


def _evidence(picture: Picture, visit: Visit, above_ms: float, longest_ms: float) -> dict[str, Any]:
    met = None if visit.stampede is None else picture.timeline.stampedes[visit.stampede]
    queue_ms = visit.parts_ms["queue"] if visit.parts_ms and visit.db_ms is not None else None
    cause = cause_of(visit.cache, queue_ms, above_ms)
    return {
        "lcp": milliseconds(visit.lcp_ms),
        "lcp_ms": visit.lcp_ms,
        "band": LCP.band(visit.lcp_ms),
        "sentence": sentence(visit, met),
        "path": visit.path,
        "round": picture.trial.id.round,
        "when": f"round {picture.trial.id.round}, {seconds(visit.at_s)}",
        "cause": f"{cause}: {CAUSES[cause]}" if cause else visit.cache or NOT_MEASURED,
        "stampede": visit.stampede,
        "stampede_name": stampede_name((visit.stampede or 0) + 1, met) if met else None,
        "element": visit.element or NOT_MEASURED,
        "parts": [_part(name, value, visit, longest_ms) for name, value in (visit.parts_ms or {}).items() if value > 0],
        "waterfall": waterfall(visit),
    }


def _part(name: str, value_ms: float, visit: Visit, longest_ms: float) -> dict[str, Any]:
    db = f", {milliseconds(visit.db_ms)} of it in the database" if name == "origin" and visit.db_ms else ""
    # The database's share of the origin is drawn within it.
    share = min(1.0, visit.db_ms / value_ms) if name == "origin" and visit.db_ms else 0.0
    return {
        "name": name,
        "share": value_ms / longest_ms * 100,
        "db_share": share * 100,
        "text": f"{PARTS[name]}: {milliseconds(value_ms)}{db}",
    }


def picture_of(run_path: Path, name: str | None) -> str | None:
    """The screenshot as a ``data:`` address; None where there is none, or it is no JPEG below the run directory."""
    if name is None:
        return None
    root = run_path.resolve()
    try:
        path = (root / name).resolve()
        # A run directory comes from anywhere: it must not put other files of this machine into its report.
        if not path.is_relative_to(root) or path.stat().st_size > _MOST_BYTES:
            return None
        content = path.read_bytes()
    except (OSError, ValueError):
        return None
    if not content.startswith(_JPEG):
        return None
    return f"data:image/jpeg;base64,{base64.b64encode(content).decode()}"
