"""Whether starvation follows the strategy. It must not: starved visits are in no LCP, so LCP would be biased.

Fisher's exact test on each pair of arms (starved against measured), Holm's step-down correction over the pairs
(Holm 1979, Scand. J. Stat. 6). Visits count as independent, which within one stampede they are not quite.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from math import exp, lgamma
from typing import Any

from rig.words import percent

ALPHA = 0.01

Arms = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Visits of one arm that ended with an LCP, and those among them whose browser was given no frame."""

    label: str
    starved: int
    visits: int


def compare(arms: Arms) -> dict[str, Any]:
    """The rates and what they show: ``alike``, ``differ``, or ``too few to compare``.

    ``pairs``: for each pair of arms p and p after Holm. Too few: not even all the starved visits of a pair in one of
    its arms could have come out below :data:`ALPHA` after the correction, for any pair.
    """
    seen = [_seen(label, arm["pages"]) for label, arm in arms.items() if arm["trials"]]
    pairs = list(combinations([one for one in seen if one.visits], 2))
    adjusted = holm([_p(one, other) for one, other in pairs])
    differ = any(p < ALPHA for p in adjusted)
    possible = any(_least_p(one, other) * len(pairs) < ALPHA for one, other in pairs)
    return {
        "verdict": "differ" if differ else "alike" if possible else "too few to compare",
        "pairs": [
            {"arms": [one.label, other.label], "p": _p(one, other), "p_holm": p}
            for (one, other), p in zip(pairs, adjusted, strict=True)
        ],
    }


def cautions(arms: Arms, found: Mapping[str, Any]) -> Iterator[str]:
    """A warning for each pair of arms that starve unlike."""
    seen = {label: _seen(label, arm["pages"]) for label, arm in arms.items() if arm["trials"]}
    for pair in found["pairs"]:
        if pair["p_holm"] < ALPHA:
            one, other = (f"{label} {percent(seen[label].starved / seen[label].visits)}" for label in pair["arms"])
            yield (
                f"starvation follows the strategy ({one} of visits, {other}, p = {pair['p_holm']:.2g}): unlike shares"
                " of slow visits are missing from their LCPs, which are not to be compared"
            )


def holm(p_values: list[float]) -> list[float]:
    """The p values corrected by Holm, in their own order."""
    adjusted, greatest = [1.0] * len(p_values), 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda n: p_values[n])):
        greatest = max(greatest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = greatest
    return adjusted


def _seen(label: str, pages: Mapping[str, Any]) -> Seen:
    starved = int(pages["starved"] or 0)
    return Seen(label=label, starved=starved, visits=starved + int(pages["measured"] or 0))


def _p(one: Seen, other: Seen) -> float:
    """Fisher's exact test, two-sided: all tables with these margins that are no likelier than the one seen.

    Not scipy.stats, whose import alone takes longer than all else a summary of a short run needs.
    """
    starved, visits = one.starved + other.starved, one.visits + other.visits
    least, most = max(0, starved - other.visits), min(starved, one.visits)
    total = _log_choose(visits, starved)
    chances = {
        first: exp(_log_choose(one.visits, first) + _log_choose(other.visits, starved - first) - total)
        for first in range(least, most + 1)
    }
    # Tables as likely as the one seen count, and differ from it by rounding.
    as_seen = chances[one.starved] * (1 + 1e-7)
    return min(1.0, sum(chance for chance in chances.values() if chance <= as_seen))


def _log_choose(number: int, chosen: int) -> float:
    return lgamma(number + 1) - lgamma(chosen + 1) - lgamma(number - chosen + 1)


def _least_p(one: Seen, other: Seen) -> float:
    """The smallest p that these numbers of visits and of starved ones can give."""
    starved = one.starved + other.starved
    extremes = []
    for first, second in ((one, other), (other, one)):
        most = min(starved, first.visits)
        rest = starved - most
        extremes.append(
            _p(Seen(label="", starved=most, visits=first.visits), Seen(label="", starved=rest, visits=second.visits))
        )
    return min(extremes)
