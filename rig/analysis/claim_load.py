"""Claims about the work a strategy makes for cache and origin, and about its verdict."""

from __future__ import annotations

from rig.analysis.claim_case import (
    CONFIRMED,
    FEW,
    NOT_TESTED,
    OPEN,
    REFUTED,
    Arm,
    Case,
    Outcome,
    UntestedError,
    how_sure,
    in_each_round,
    known,
    over_rounds,
    result_of,
    shown_below,
    writes_of,
)
from rig.analysis.finding import shown_better
from rig.analysis.paired import HIGHER, UNDECIDED
from rig.analysis.rules import section
from rig.words import count, figure, listed, milliseconds, percent, plural, seconds

LITTLE = 0.1
"""A tenth more is called minimal; more load than a twentieth is called more."""
MORE = 0.05


def graded(case: Case, strategy: str, grade: str) -> Outcome:
    """The verdict by this run's budgets, in every round."""
    arm = case.arm(strategy)
    found = known(section(arm, "verdict", "grade"), f"a verdict on {strategy}")
    rounds = [each.get("grade") for each in arm["by_round"]]
    result = in_each_round([one == grade for one in rounds], found == grade)
    reason = str(section(arm, "verdict", "reasons")[0])
    return Outcome(result, f"Graded {reason}.", f"by the budgets of this run, {plural(len(rounds), 'round')}")


def no_expiry_spikes(case: Case, strategy: str, than: str) -> Outcome:
    """No stampede began at an expiry, where the other strategy had some."""
    mine, its = (_by_cause(case.arm(name)) for name in (strategy, than))
    if not its["expiry"]:
        raise UntestedError(f"{than} had no stampede at an expiry, so there was none to avoid.")
    others = sum(mine.values()) - mine["expiry"]
    said = (
        f"{plural(mine['expiry'], 'stampede')} at an expiry ({than}: {count(its['expiry'])}), but {count(others)} of"
        " other causes, such as the deletes themselves."
    )
    ttl = f"TTL {seconds(case.arm(strategy).get('ttl_s'))}"
    return Outcome(REFUTED if mine["expiry"] else CONFIRMED, said, ttl)


def expiry_herds(case: Case, strategy: str) -> Outcome:
    """Some expiry set off more than one recompute."""
    arm = case.arm(strategy)
    causes = _by_cause(arm)
    if not causes["expiry"]:
        if not section(arm, "origin", "hot_expiries"):
            raise UntestedError("No entry that is read much expired in this run.")
        return Outcome(OPEN, f"None of {count(section(arm, 'origin', 'hot_expiries'))} expiries set off a stampede.")
    groups = [one for one in section(arm, "origin", "ledger_by_cause") or [] if one["cause"] == "expiry"]
    peak = max((one.get("peak") or 0 for one in groups), default=section(arm, "origin", "stampede_peak"))
    said = f"{plural(causes['expiry'], 'stampede')} at an expiry, with up to {count(peak)} recomputes at once"
    spent = [one["cpu_s"] for one in groups if one.get("cpu_s") is not None]
    if spent:
        said += f", {seconds(sum(spent))} of processor time"
    return Outcome(CONFIRMED, f"{said}.", f"{figure(case.conditions.get('lambda_delta'))} reads in one recompute (λΔ)")


def _by_cause(arm: Arm) -> dict[str, int]:
    """Stampedes by cause.

    Raises:
        UntestedError: the target reports no events, or stores nothing.
    """
    causes = section(arm, "origin", "stampedes_by_cause") or {"expiry": None}
    return {cause: int(known(number, "stampedes and their causes")) for cause, number in causes.items()}


def calls_add_load(case: Case, strategy: str, than: str) -> Outcome:
    """Calls a write, and whether they show in the cache server's work for all requests."""
    one, other = case.arm(strategy), case.arm(than)
    calls = _calls(one, other)
    usual = float(known(section(other, "origin", "cache_commands_per_request"), "commands of the cache server"))
    mine = section(one, "origin", "cache_commands_per_request")
    worth = MORE * usual
    found = over_rounds(one, other, "cache_commands_per_request", worth)
    said = (
        f"{count(calls[0])} calls a write instead of {count(calls[1])}, and {figure(mine)} cache commands a request"
        f" instead of {figure(usual)}; computed at 1 ms a round trip: {milliseconds(calls[0] - calls[1])} more a write."
    )
    return Outcome(result_of(found, HIGHER, worth), said, f"load: {percent(MORE)} more or not; {how_sure(found)}")


def fewer_calls(case: Case, strategy: str, than: str) -> Outcome:
    """Counted: calls that take entries out of the cache, for each write."""
    one, other = case.arm(strategy), case.arm(than)
    mine, its = _calls(one, other)
    cost = " / ".join(milliseconds((its - mine) * each) for each in (0.05, 0.5, 1.0))
    said = (
        f"{count(mine)} calls a write instead of {count(its)}; computed at 0.05 / 0.5 / 1 ms a round trip"
        f" that saves {cost} a write."
    )
    dependents = f"{count(case.conditions.get('dependents'))} entries depend on a write"
    return Outcome(CONFIRMED if mine < its else REFUTED, said, dependents)


def _calls(one: Arm, other: Arm) -> tuple[float, float]:
    found = []
    for arm in (one, other):
        writes_of(arm)
        found.append(float(known(section(arm, "origin", "invalidations_per_write"), "calls that invalidate")))
    return found[0], found[1]


def little_overhead(case: Case, strategy: str, than: str) -> Outcome:
    """Cache commands a request and recomputes, each at most a tenth more than the other's."""
    one, other = case.arm(strategy), case.arm(than)
    found, within, said = [], [], []
    for key, title in (("cache_commands_per_request", "cache commands a request"), ("recomputes", "recomputes")):
        mine, its = (known(section(arm, "origin", key), title) for arm in (one, other))
        found.append(over_rounds(one, other, key, LITTLE * its))
        within.append(shown_below(found[-1], HIGHER, LITTLE * its))
        said.append(f"{figure(mine)} {title} instead of {figure(its)}")
    outcomes = [one.outcome for one in found]
    result = REFUTED if HIGHER in outcomes else CONFIRMED if all(within) and UNDECIDED not in outcomes else OPEN
    return Outcome(
        result, f"{listed(said)} under {than}.", f"minimal: up to {percent(LITTLE)} more; {how_sure(found[0])}"
    )


def never_recomputes(case: Case, strategy: str) -> Outcome:
    """Counted."""
    arm = case.arm(strategy)
    number = int(known(section(arm, "origin", "recomputes"), "recomputes"))
    said = f"{plural(number, 'recompute')}, keeping {percent(section(arm, 'origin', 'cpu_share'))} of a processor busy."
    if section(arm, "origin", "cpu_share") is None:
        said = f"{plural(number, 'recompute')}."
    return Outcome(REFUTED if number else CONFIRMED, said)


def to_be_avoided(case: Case, strategy: str) -> Outcome:
    """Another strategy is shown better in something, and this one better than it in nothing."""
    arm = case.arm(strategy)
    w_ttl = float(known(case.conditions.get("w_ttl"), "how often the data change"))
    if w_ttl < 1:
        raise UntestedError(f"The data do not change frequently here: {figure(w_ttl)} writes in one TTL.")
    rivals = {label: other for label, other in case.measured.items() if other.get("strategy") != strategy}
    if not rivals:
        raise UntestedError("No other strategy was measured.")
    better = {label: shown_better(other, arm) for label, other in rivals.items() if not shown_better(arm, other)}
    under = f"{figure(w_ttl)} writes in one TTL, {plural(len(arm['by_round']), 'round')}"
    clear = {label: titles for label, titles in better.items() if titles}
    if clear:
        label = max(clear, key=lambda one: len(clear[one]))
        return Outcome(CONFIRMED, f"{label} is better in {listed(clear[label])}, and worse in nothing shown.", under)
    trades = [
        f"{label} is better in {listed(titles)}"
        for label, other in rivals.items()
        if (titles := shown_better(other, arm))
    ]
    worse = [label for label, other in rivals.items() if shown_better(arm, other)]
    if not trades and len(worse) == len(rivals):
        return Outcome(REFUTED, f"It is better than {listed(worse)} in something, and worse in nothing shown.", under)
    said = f"{'; '.join(trades)}, but not in all." if trades else "No strategy is shown better than it in these rounds."
    return Outcome(OPEN, said, under)


def empty_value_is_kept(case: Case, strategy: str) -> Outcome:
    """The page's test for a miss, on an entry whose value is empty: if it is never a hit, it is no test for a miss."""
    arm = case.arm(strategy)
    found = known(section(arm, "symptoms", "never_hit"), "whether any page is recomputed at every read")
    if not found:
        return Outcome(OPEN, "No empty value was read often enough.")
    worst = max(found, key=lambda one: int(one["reads"]))
    said = (
        f"The empty {worst['path']} was recomputed at each of {count(worst['reads'])} reads, though it had been stored"
        f" {count(worst['stored'])} times."
    )
    return Outcome(REFUTED, said)


def status_is_told(case: Case) -> Outcome:
    """Answers to reads that say what the cache did."""
    told = asked = 0
    for arm in case.measured.values():
        told += sum(int(one["count"] or 0) for one in (section(arm, "requests", "by_cache") or {}).values())
        asked += int(section(arm, "requests", "sent") or 0) - int(section(arm, "writes", "count") or 0)
        asked -= int(section(arm, "requests", "failed") or 0)
    if not asked:
        raise UntestedError("No page was read.")
    said = f"{count(min(told, asked))} of {count(asked)} answers to reads said what the cache did."
    return Outcome(CONFIRMED if told >= 0.99 * asked else REFUTED, said)


def misses_take_longer(case: Case) -> Outcome:
    """The median miss against the median hit of each strategy that had enough of both."""
    seen: dict[str, tuple[float, float, float]] = {}
    for label, arm in case.measured.items():
        hit, miss = (section(arm, "requests", "by_cache", status) or {} for status in ("HIT", "MISS"))
        if min(hit.get("count") or 0, miss.get("count") or 0) >= FEW:
            seen[label] = (hit["p50"], miss["p50"], hit["p95"])
    if not seen:
        return Outcome(NOT_TESTED, f"No strategy had {FEW} hits and {FEW} misses.")
    label = max(seen, key=lambda one: seen[one][2])
    hit_ms, miss_ms, slow_ms = seen[label]
    said = (
        f"{label}: {milliseconds(hit_ms)} for a hit, {milliseconds(miss_ms)} for a miss (medians);"
        f" but 1 hit in 20 took {milliseconds(slow_ms)} or more, waiting behind misses."
    )
    return Outcome(CONFIRMED if all(miss > hit for hit, miss, _ in seen.values()) else REFUTED, said)
