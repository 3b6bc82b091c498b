"""Claims about what visitors were shown after a write. A proof of one stale read outweighs any number of fresh ones."""

from __future__ import annotations

from typing import Any

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
    chances,
    how_sure,
    in_each_round,
    known,
    over_rounds,
    result_of,
    rounds_of,
    writes_of,
)
from rig.analysis.paired import HIGHER, LOWER
from rig.analysis.rules import BAD, FRESHNESS, OK, section
from rig.words import count, figure, percent, plural, seconds

SHARE_WORTH, LATER_WORTH_S = 0.01, 0.5
"""The least difference that is named: of the share of stale reads, and of how long old pages are served."""


def fresh_after_writes(case: Case, strategy: str) -> Outcome:
    """Nothing older than the freshness budget was proven to be served, and nothing stayed stale."""
    arm = case.arm(strategy)
    stale, chances_seen = _judged(arm)
    rule = _rule(arm, FRESHNESS)
    limit = float(known(rule.get("good_max"), "a budget for freshness"))
    under = f"freshness budget {seconds(limit)}"
    left = next((one for one in section(arm, "verdict", "rules") or [] if one["name"] == "left_stale_s"), None)
    if left is not None and left["grade"] in (OK, BAD):
        entries = plural(int(section(arm, "staleness", "persistent")), "entry", "entries")
        return Outcome(REFUTED, f"{entries} stayed stale after traffic had stopped.", under)
    said = f"{chances(chances_seen)} reads that could have been stale were."
    if stale:
        oldest = float(known(section(arm, "staleness", "age_max_s"), "how old pages were"))
        said = f"{count(stale)} of {count(chances_seen)} reads were proven stale, the oldest by {seconds(oldest)}."
        if oldest > limit:
            return Outcome(REFUTED, said, under)
    known(None if left is None else left["grade"], "whether anything stayed stale after traffic had stopped")
    return Outcome(CONFIRMED, said, under)


def less_stale(case: Case, strategy: str, than: str) -> Outcome:
    """The share of stale reads, paired over rounds."""
    one, other = case.arm(strategy), case.arm(than)
    shares = []
    for arm in (one, other):
        _judged(arm)
        shares.append(percent(section(arm, "staleness", "stale_ratio")))
    found = over_rounds(one, other, "stale_ratio", SHARE_WORTH)
    said = (
        f"{shares[0]} of the reads after a write were proven stale, {shares[1]} under {than};"
        f" less than {figure(100 * SHARE_WORTH)} percentage point between them counts as none."
    )
    return Outcome(result_of(found, LOWER, SHARE_WORTH), said, how_sure(found))


def stale_until_timeout(case: Case, strategy: str, real_ttl_s: float | None = None) -> Outcome:
    """Some were proven stale, and none beyond time to live and recompute."""
    arm = case.arm(strategy)
    stale, chances_seen = _judged(arm)
    ttl_s = float(known(arm.get("ttl_s"), "its time to live"))
    if not stale:
        # That it can be is not refuted by its not having been.
        return Outcome(OPEN, f"{chances(chances_seen)} reads that could have been stale were.", f"TTL {seconds(ttl_s)}")
    oldest = float(known(section(arm, "staleness", "age_max_s"), "how old pages were"))
    said = f"The oldest page was out of date by {seconds(oldest)}, {figure(oldest / ttl_s)} of its TTL"
    if real_ttl_s is not None:
        said += f"; computed for a TTL of {seconds(real_ttl_s)}: {seconds(min(1.0, oldest / ttl_s) * real_ttl_s)}"
    beyond = section(arm, "staleness", "beyond_declared")
    if beyond:
        said += f"; {plural(int(beyond), 'read')} older than TTL and recompute allow"
    under = f"TTL {seconds(ttl_s)}, {figure(case.conditions.get('w_ttl'))} writes in one"
    return Outcome(REFUTED if beyond else CONFIRMED, f"{said}.", under)


def stale_beyond_budget(case: Case, strategy: str) -> Outcome:
    """Whether the age of pages (99 of 100) is beyond what is graded good, in every round."""
    arm = case.arm(strategy)
    _judged(arm)
    rule = _rule(arm, FRESHNESS)
    limit, age = float(known(rule.get("good_max"), "a budget for freshness")), float(rule["value"])
    said = f"One page in 100 was out of date by {seconds(age)} or more."
    result = in_each_round([one > limit for one in rounds_of(arm, "age_p99_s")], age > limit)
    return Outcome(result, said, f"freshness budget {seconds(limit)}, {plural(len(arm['by_round']), 'round')}")


def fresh_later(case: Case, strategy: str, than: str) -> Outcome:
    """The median time from a write to its last stale read, paired over rounds."""
    one, other = case.arm(strategy), case.arm(than)
    times = [
        seconds(known(section(arm, "staleness", "time_to_fresh_p50_s"), "how long old pages were served"))
        for arm in (one, other)
    ]
    found = over_rounds(one, other, "time_to_fresh_p50_s", LATER_WORTH_S)
    said = (
        f"Old pages were served for {times[0]} after a write (median), for {times[1]} under {than};"
        f" less than {seconds(LATER_WORTH_S)} between them counts as none."
    )
    return Outcome(result_of(found, HIGHER, LATER_WORTH_S), said, how_sure(found))


def consistent(case: Case, strategy: str) -> Outcome:
    """No visitor was shown a write on one page and then an older version of it on another."""
    arm = case.arm(strategy)
    writes = int(known(section(arm, "staleness", "torn_opportunities"), "whether views were torn"))
    torn = section(arm, "staleness", "torn_writes")
    if torn:
        views = plural(int(section(arm, "staleness", "torn_views")), "view")
        return Outcome(REFUTED, f"{count(torn)} of {plural(writes, 'write')} tore views: {views} showed old after new.")
    if writes < FEW:
        return Outcome(NOT_TESTED, f"Only {plural(writes, 'write')} could have torn a view; {FEW} are needed.")
    return Outcome(CONFIRMED, f"{chances(writes)} writes that could have torn a view did.")


def acts_on_writes(case: Case, strategy: str) -> Outcome:
    """Whether a write makes it touch the cache at all."""
    arm = case.arm(strategy)
    writes = writes_of(arm)
    calls = float(known(section(arm, "origin", "invalidations_per_write"), "calls that invalidate"))
    stale = section(arm, "staleness", "stale")
    said = f"{count(calls)} calls to the cache a write, over {plural(writes, 'write')}"
    said += f"; {plural(int(stale), 'read')} proven stale afterwards." if stale is not None else "."
    return Outcome(CONFIRMED if calls >= 1 and stale == 0 else REFUTED, said)


def _judged(arm: Arm) -> tuple[int, int]:
    """Stale reads, and reads that could have been.

    Raises:
        UntestedError: too few, or none were judged.
    """
    facts: dict[str, Any] = arm.get("staleness") or {}
    stale = int(known(facts.get("stale"), "whether reads were stale"))
    number = int(known(facts.get("opportunities"), "how many reads could have been stale"))
    if not facts.get("tested"):
        raise UntestedError(f"Only {plural(number, 'read')} could have been stale; {FEW} are needed.")
    return stale, number


def _rule(arm: Arm, name: str) -> dict[str, Any]:
    found = next((rule for rule in section(arm, "verdict", "rules") or [] if rule["name"] == name), None)
    if found is None or found["value"] is None:
        raise UntestedError("Not measured: how far pages were out of date.")
    return dict(found)
