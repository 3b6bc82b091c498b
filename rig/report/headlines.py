"""Titles that state the finding: one sentence above each chart, computed from what it draws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rig.analysis.finding import is_control
from rig.analysis.lcp_parts import PARTS, mean_parts
from rig.report.chart_data import Picture, sound_visits
from rig.report.tables import dig
from rig.words import is_number, listed, milliseconds, percent, plural, seconds


def headlines(arms: dict[str, dict[str, Any]], labels: Sequence[str], found: Sequence[Picture]) -> dict[str, str]:
    """Titles by the name of the chart."""
    return {
        "tradeoff": tradeoff(arms),
        "timelines": timelines(arms),
        "lcp": lcp(arms),
        "parts": parts(labels, found),
        "freshness": freshness(arms),
    }


def tradeoff(arms: dict[str, dict[str, Any]]) -> str:
    """Which strategies no other beats on both LCP and age; controls are not there to be chosen."""
    known = {
        label: (slow, old)
        for label, arm in arms.items()
        if not is_control(arm)
        and is_number(slow := dig(arm, "pages", "lcp_ms", "p95"))
        and is_number(old := dig(arm, "staleness", "age_max_s"))
    }
    if len(known) < 2:
        return "Speed against freshness: too few strategies were measured to compare"
    best = [label for label, mine in known.items() if not any(_dominates(other, mine) for other in known.values())]
    if len(best) == 1:
        return f"{best[0]} is best on both speed and freshness"
    return f"Speed against freshness: the choice is between {listed(best)}"


def _dominates(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one != other and one[0] <= other[0] and one[1] <= other[1]


def timelines(arms: dict[str, dict[str, Any]]) -> str:
    """Who stampedes most and least. Controls that cache nothing have no stampedes to count."""
    counts = {label: n for label, arm in arms.items() if is_number(n := dig(arm, "origin", "stampedes"))}
    if not counts:
        return "Stampedes were not measured"
    peaks = {label: int(dig(arms[label], "origin", "stampede_peak") or 0) for label, n in counts.items() if n}
    if not peaks:
        return "No strategy stampeded"
    worst = max(peaks, key=lambda label: peaks[label])
    start = f"{worst} stampeded {_times(int(counts[worst]))}, with up to {peaks[worst]} recomputes at once"
    if calm := [label for label in counts if label not in peaks]:
        return f"{start}; {listed(calm)} never did"
    least = min(peaks, key=lambda label: peaks[label])
    return start if peaks[least] == peaks[worst] else f"{start}; {least} kept to {peaks[least]}"


def lcp(arms: dict[str, dict[str, Any]]) -> str:
    """Where a stampede costs LCP most."""
    costs = {
        label: (calm, inside)
        for label, arm in arms.items()
        if is_number(calm := dig(arm, "pages", "outside_stampede", "lcp_ms", "p50"))
        and is_number(inside := dig(arm, "pages", "inside_stampede", "lcp_ms", "p50"))
    }
    if not costs:
        return "No measured visit met a stampede"
    worst = max(costs, key=lambda label: costs[label][1] - costs[label][0])
    calm, inside = costs[worst]
    if inside <= calm:
        return "No strategy's visitors waited longer for LCP in a stampede"
    return f"In a stampede the median LCP of {worst} rises from {milliseconds(calm)} to {milliseconds(inside)}"


def parts(labels: Sequence[str], found: Sequence[Picture]) -> str:
    """What the slowest strategy's visitors waited for in a stampede."""
    means = {
        label: mean
        for label in labels
        if (mean := mean_parts(v.parts_ms for v in sound_visits(found, label) if v.parts_ms and v.stampede is not None))
    }
    if not means:
        return "Where the time of an LCP goes"
    worst = max(means, key=lambda label: sum(means[label].values()))
    largest = max(means[worst], key=lambda part: means[worst][part])
    share = means[worst][largest] / sum(means[worst].values())
    return f"In a stampede {percent(round(share, 2))} of {worst}'s LCP is {PARTS[largest]}"


def freshness(arms: dict[str, dict[str, Any]]) -> str:
    """The oldest page any visitor got."""
    ages = {label: age for label, arm in arms.items() if is_number(age := dig(arm, "staleness", "age_max_s"))}
    if not ages:
        return "Freshness was not measured"
    worst = max(ages, key=lambda label: ages[label])
    if ages[worst] == 0:
        return "No strategy served an outdated page"
    return f"The oldest page served was {seconds(ages[worst])} out of date ({worst})"


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, plural(number, "time"))
