"""Claims about what visitors' browsers did."""

from __future__ import annotations

from typing import Any

from rig.analysis.claim_case import (
    CONFIRMED,
    OPEN,
    REFUTED,
    Arm,
    Case,
    Outcome,
    UntestedError,
    how_sure,
    known,
    result_of,
    rounds_of,
)
from rig.analysis.deciding import DECIDING
from rig.analysis.page_weight import FEWEST_VISITS, TOLERANCE, WEIGHTS, spread_of
from rig.analysis.paired import HIGHER, Difference, paired
from rig.analysis.rules import section
from rig.words import count, milliseconds, percent, plural

BEFORE_FIRST_BYTE = ("queue", "cache", "lock", "origin", "render", "server")
FEWEST_ROUNDS = 2
LCP_WORTH_MS = DECIDING[0].worth
_LEAST = f"less than {milliseconds(LCP_WORTH_MS)} more counts as none"


def slows_pages(case: Case) -> Outcome:
    """LCP in stampedes against LCP outside of them, in the arm where it costs most."""
    label, arm = _worst(case)
    inside, calm = _lcp(arm)
    found = _within(arm, 1.0, LCP_WORTH_MS)
    said = f"LCP is {milliseconds(inside)} in a stampede of {label}, {milliseconds(calm)} otherwise; {_LEAST}."
    return Outcome(result_of(found, HIGHER, LCP_WORTH_MS), said, how_sure(found))


def doubles_lcp(case: Case) -> Outcome:
    """High: LCP in a stampede is more than twice the usual one."""
    label, arm = _worst(case)
    inside, calm = _lcp(arm)
    found = _within(arm, 2.0, 0.0)
    said = f"LCP in a stampede of {label} is {count(round(inside / calm, 1))} times the usual {milliseconds(calm)}."
    return Outcome(result_of(found, HIGHER, 0.0), said, f"high: more than twice; {how_sure(found)}")


def response_delays_rendering(case: Case) -> Outcome:
    """Of what a stampede adds to LCP, more than half comes before the first byte."""
    label, arm = _worst(case)
    inside, calm = _means(arm, "inside"), _means(arm, "outside")
    added = inside["lcp"] - calm["lcp"]
    found = _within(arm, 1.0, LCP_WORTH_MS)
    if found.outcome != HIGHER:
        said = f"A stampede adds {milliseconds(added)} to {label}'s LCP; {_LEAST}."
        return Outcome(result_of(found, HIGHER, LCP_WORTH_MS), said, _ground(arm))
    early = sum(inside[part] - calm[part] for part in BEFORE_FIRST_BYTE)
    said = (
        f"Of {milliseconds(added)} that a stampede adds to {label}'s LCP, {milliseconds(early)} pass before the first"
        " byte."
    )
    return Outcome(CONFIRMED if early > added / 2 else REFUTED, said, _ground(arm))


def server_is_bottleneck(case: Case) -> Outcome:
    """In a stampede most of an LCP is the server's, and most of that is the recompute or the queue behind it."""
    label, arm = _worst(case)
    means = _means(arm, "inside")
    visits, rounds = int(means.get("count") or 0), len(rounds_of(arm, "lcp_inside_p50"))
    if visits < FEWEST_VISITS or rounds < FEWEST_ROUNDS:
        raise UntestedError(
            f"Only {plural(visits, 'visit')} in {plural(rounds, 'round')} met a stampede of {label};"
            f" {FEWEST_VISITS} in {FEWEST_ROUNDS} are needed."
        )
    server = sum(means[part] for part in BEFORE_FIRST_BYTE)
    said = (
        f"In a stampede {percent(round(server / means['lcp'], 2))} of {label}'s LCP is the server's:"
        f" {milliseconds(means['queue'])} waiting for a thread, {milliseconds(means['origin'])} recomputing."
    )
    made = means["queue"] + means["origin"] + means["lock"]
    return Outcome(CONFIRMED if made > means["lcp"] / 2 else REFUTED, said, _ground(arm))


def same_page(case: Case, weight: str) -> Outcome:
    """No strategy changes what the browser has to do: the same page is the same work, whoever serves it."""
    paths = spread_of(case.measured, weight)
    if not paths:
        raise UntestedError("Too few page visits, or too few strategies, to compare pages.")
    path, low, high = max(paths, key=lambda one: one[2] - one[1])
    title = WEIGHTS[weight]
    same = high - low <= TOLERANCE[weight]
    between = count(low) if low == high else f"{count(low)} to {count(high)}"
    said = f"{path} had {between} {title} under {plural(len(case.measured), 'strategy', 'strategies')} (medians)."
    return Outcome(CONFIRMED if same else REFUTED, said)


def paint_differs(case: Case) -> Outcome:
    """One traced visit each can show that nothing is far apart, and no more."""
    times = {label: section(arm, "pages", "traced", "paint_ms") for label, arm in case.measured.items()}
    seen = {label: float(value) for label, value in times.items() if value is not None}
    if len(seen) < 2:
        raise UntestedError("No page visit was traced under two strategies.")
    low, high = min(seen.values()), max(seen.values())
    strategies = plural(len(seen), "strategy", "strategies")
    said = f"Painting took {milliseconds(low)} to {milliseconds(high)} of processor time under {strategies}."
    return Outcome(OPEN, said, "one traced visit each, which is too few to tell")


def _worst(case: Case) -> tuple[str, Arm]:
    """The arm in whose stampedes LCP rises most.

    Raises:
        UntestedError: no visit met a stampede.
    """
    costs: dict[str, float] = {}
    for label, arm in case.measured.items():
        inside, calm = (section(arm, "pages", f"{side}_stampede", "lcp_ms", "p50") for side in ("inside", "outside"))
        if inside is not None and calm is not None:
            costs[label] = inside - calm
    if not costs:
        raise UntestedError("No page visit met a stampede.")
    label = max(costs, key=lambda one: costs[one])
    return label, case.measured[label]


def _lcp(arm: Arm) -> tuple[float, float]:
    inside, calm = (section(arm, "pages", f"{side}_stampede", "lcp_ms", "p50") for side in ("inside", "outside"))
    return float(inside), float(calm)


def _within(arm: Arm, factor: float, worth: float) -> Difference:
    """Median LCP in stampedes minus ``factor`` times the calm one, round by round."""
    both = [(each.get("lcp_inside_p50"), each.get("lcp_outside_p50")) for each in arm["by_round"]]
    return paired([(mine, factor * calm) for mine, calm in both if mine is not None and calm is not None], worth)


def _means(arm: Arm, side: str) -> dict[str, Any]:
    found = section(arm, "pages", "pipeline_ms", f"mean_{side}_stampede") or {}
    for part in (*BEFORE_FIRST_BYTE, "lcp"):
        known(found.get(part), "where the time of an LCP went")
    return dict(found)


def _ground(arm: Arm) -> str:
    visits = section(arm, "pages", "pipeline_ms", "mean_inside_stampede", "count")
    return f"means over {plural(int(visits or 0), 'visit')} in stampedes, {plural(len(arm['by_round']), 'round')}"
