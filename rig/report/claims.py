"""The seed's claims as the report tells them: counts, groups, signs beside the words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rig.analysis.claim_case import NOT_TESTED
from rig.analysis.claims import tally

SIGNS = {"confirmed": "✓", "refuted": "✗", "undecided": "?", "not tested": "–"}
PLACES = {"table": "Its table", "tip": "Its tips", "quiz": "Its quiz", "text": "Its text", "code": "Its code"}


def counted(found: Sequence[Mapping[str, Any]]) -> str:
    """``the seed's claims: 5 confirmed, 2 refuted, 1 undecided, 6 not tested``; empty where none was tested."""
    if all(claim.get("result") == NOT_TESTED for claim in found):
        return ""
    return "the seed's claims: " + ", ".join(f"{number} {result}" for result, number in tally(found).items())


def groups(found: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One group a place on the page, in the order of :data:`PLACES`: ``{"title", "counts", "claims"}``."""
    made = []
    for place, title in PLACES.items():
        own = [claim for claim in found if claim.get("where") == place]
        if own:
            counts = ", ".join(f"{number} {result}" for result, number in tally(own).items() if number)
            signed = [{**claim, "sign": SIGNS.get(str(claim["result"]), "?")} for claim in own]
            made.append({"title": title, "counts": counts, "claims": signed})
    return made
