"""Titles that state the finding: one sentence above each chart, computed from what it draws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rig.analysis.finding import is_control
from rig.analysis.lcp_parts import PARTS, mean_parts
from rig.report.chart_data import Picture, sound_visits
from rig.report.tables import dig
from rig.words import age, is_number, listed, milliseconds, percent, plural, seconds


def headlines(arms: dict[str, dict[str, Any]], labels: Sequence[str], found: Sequence[Picture]) -> dict[str, str]:
    """Titles by the name of the chart."""
    return {
        "timelines": timelines(arms),
        "ledger": ledger(arms),
        "lcp": lcp(arms),
        "parts": parts(labels, found),
        "freshness": freshness(arms),
        "cost": cost(arms),
    }


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


def ledger(arms: dict[str, dict[str, Any]]) -> str:
    """What stampedes cost the database in vain: recomputes whose value nobody was served."""
    lines = [line for arm in arms.values() for line in dig(arm, "origin", "ledger") or []]
    if not lines:
        return "No stampede to account for"
    wasted, made = sum(line["wasted"] for line in lines), sum(line["recomputes"] for line in lines)
    longest = max(line["lasted_s"] for line in lines)
    return (
        f"{plural(len(lines), 'stampede')}, the longest {seconds(longest)}:"
        f" {wasted:,} of {made:,} recomputes were wasted on what another was making already"
    )


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
    ages = {label: old for label, arm in arms.items() if is_number(old := dig(arm, "staleness", "age_max_s"))}
    if not ages:
        return "Freshness was not measured"
    worst = max(ages, key=lambda label: ages[label])
    if ages[worst] == 0:
        return "No strategy served an outdated page"
    return f"The oldest page served was {age(ages[worst])} out of date ({worst})"


def cost(arms: dict[str, dict[str, Any]]) -> str:
    """Which strategy keeps the application's processors busiest; controls are not there to be chosen."""
    used = {
        label: cpu_s
        for label, arm in arms.items()
        if not is_control(arm) and is_number(cpu_s := dig(arm, "economics", "app_cpu_s_per_1000"))
    }
    if not used:
        return "What it costs, and how far to trust it"
    most, least = max(used, key=lambda label: used[label]), min(used, key=lambda label: used[label])
    each = "of the application's processor time for each 1,000 requests and page visits"
    if seconds(used[most]) == seconds(used[least]):
        return f"{'Every strategy' if len(used) > 1 else most} costs {seconds(used[most])} {each}"
    return f"{most} costs {seconds(used[most])} {each}, {least} {seconds(used[least])}"


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, plural(number, "time"))
