"""One slow visit in one sentence: how long, where the time went, and during which stampede."""

from __future__ import annotations

from collections.abc import Mapping

from rig.analysis.lcp_parts import PARTS
from rig.analysis.stampede import Stampede
from rig.analysis.visits import Visit, resource_wait_ms
from rig.words import listed, milliseconds, seconds

# A part below this share of the LCP explains little of it.
_WORTH_NAMING = 0.1
_UNSAID = "waiting for a server that does not say what it did"

_AFTER = {
    "expiry": "after expiry",
    "delete": "after a delete",
    "bump": "after a version bump",
    "cold": "with nothing stored yet",
    "early": "by an early recompute",
}


def sentence(visit: Visit, met: Stampede | None) -> str:
    """``LCP 1,840 ms: 1,120 ms waiting for a server thread, 610 ms … and 110 ms for the rest, during …``."""
    where = f", during the stampede on {met.entry} that {_began(met)}" if met else ", with no stampede open"
    return f"LCP {milliseconds(visit.lcp_ms)}: {_spent(visit)}{where}."


def stampede_name(number: int, met: Stampede) -> str:
    """What identifies a stampede: ``stampede 2: product:7, from 12.3 s, after expiry, 14 recomputes at once``."""
    after = _AFTER.get(met.cause, "for a reason the events don't show")
    return f"stampede {number}: {met.entry}, from {seconds(met.begin_s)}, {after}, {met.peak} recomputes at once"


def _began(met: Stampede) -> str:
    if met.begin_s < 0:
        return f"began {seconds(-met.begin_s)} before the window"
    return f"began at {seconds(met.begin_s)}"


def _spent(visit: Visit) -> str:
    parts: Mapping[str, float] = visit.parts_ms or {}
    lcp_ms = visit.lcp_ms or 0.0
    ranked = sorted(parts, key=lambda name: -parts[name])
    named = [name for name in ranked if parts[name] >= _WORTH_NAMING * lcp_ms and parts[name] > 0]
    if not named:
        return "where it went is not known"
    said = [_part(name, parts[name], visit) for name in named]
    rest_ms = lcp_ms - sum(parts[name] for name in named)
    # Chromium rounds LCP to 4 ms: less than that is no rest.
    return listed([*said, f"{milliseconds(rest_ms)} for the rest"] if rest_ms >= 4 else said)


def _part(name: str, value_ms: float, visit: Visit) -> str:
    title = _UNSAID if name == "server" and visit.db_ms is None else PARTS[name]
    wait_ms = resource_wait_ms(visit)
    within = ""
    if name == "origin" and visit.db_ms:
        within = f" ({milliseconds(visit.db_ms)} of it in the database)"
    elif name == "resource" and wait_ms is not None and wait_ms >= value_ms / 2:
        within = f" ({milliseconds(wait_ms)} of it until its first byte: it needs a server thread, too)"
    return f"{milliseconds(value_ms)} {title}{within}"
