"""The answer in a few sentences: which strategy to choose under these conditions, or that none is shown better.

One strategy is *shown better* than another in a figure when the 95 % interval of their paired differences over rounds
lies below zero, and their mean differs by an amount worth naming (:mod:`rig.analysis.paired`). By chance that happens
once in forty times, so a choice takes more: a better grade as well, or no figure in which the other is shown better.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from statistics import median
from typing import Any

from rig.analysis.deciding import DECIDING, Arm, differences, values_of
from rig.analysis.flip import flip, in_words
from rig.analysis.paired import LOWER, MOST_ROUNDS, UNDECIDED, Difference
from rig.analysis.rules import BAD, GRADES, section
from rig.words import count, listed, milliseconds, plural, seconds

# Measured beside the strategies to show that the detectors work; nobody should choose them.
CONTROLS = ("no-cache", "page-cache")
CONTROL_PREFIX = "bad-"

# With fewer there is no range, only a point.
FEWEST_ROUNDS = 2


def finding(summary: Mapping[str, Any]) -> dict[str, Any]:
    """``{"sentences", "choice", "undecided", "flip", "differences"}``; ``choice`` is None where none is shown better.

    ``flip``: what would have the runner-up chosen instead, see :mod:`rig.analysis.flip`; None without a choice.
    """
    arms: Mapping[str, Arm] = summary["arms"]
    shown = {label: arm for label, arm in arms.items() if arm["trials"]}
    candidates = {label: arm for label, arm in shown.items() if not is_control(arm)}
    graded = {label: arm for label, arm in candidates.items() if arm["verdict"]["grade"] is not None}
    choice: str | None = None
    undecided: list[str] = []
    turns: dict[str, Any] | None = None
    if not summary["valid"]:
        missing = [label for label in arms if label not in shown]
        answer = [f"This run is not valid: no sound trial of {listed(missing) or 'any strategy'}."]
    elif not graded:
        answer = ["No strategy can be recommended: none could be graded."]
    elif len(graded) == 1:
        label, arm = next(iter(graded.items()))
        answer = [f"{label} is graded {arm['verdict']['grade']}: {describe(arm)}."]
    else:
        choice, undecided, answer = _choose(graded)
        if choice is not None:
            second = _ranked(graded)[1]
            turns = flip(graded[choice], graded[second], summary.get("conditions") or {})
            answer.append(_runner_up(choice, second, graded, turns, summary.get("conditions") or {}))
    facts = [_stampede_fact(candidates), _stale_fact(candidates), _ungraded_fact(candidates)]
    return {
        "sentences": [*answer, *(fact for fact in facts if fact)],
        "choice": choice,
        "undecided": undecided,
        "flip": turns,
        "differences": _told(graded),
    }


def _told(graded: Mapping[str, Arm]) -> list[dict[str, Any]]:
    """The leader minus each of the others, figure by figure, with intervals over rounds."""
    ranked = _ranked(graded)
    return [
        {"one": ranked[0], "other": rival, "figure": title, **asdict(found)}
        for rival in ranked[1:]
        for title, found in differences(graded[ranked[0]], graded[rival]).items()
    ]


def is_control(arm: Arm) -> bool:
    """Whether an arm is there to check the rig, not to be chosen."""
    strategy = str(arm.get("strategy") or "")
    return strategy in CONTROLS or is_known_bad(arm)


def is_known_bad(arm: Arm) -> bool:
    """Whether it is wrong on purpose: its target says so, or its name does."""
    return bool(arm.get("known_bad")) or str(arm.get("strategy") or "").startswith(CONTROL_PREFIX)


def control_note(arm: Arm) -> str:
    """What stands beside the name of a control wherever arms are listed; empty for all others."""
    if not is_control(arm):
        return ""
    return "known bad" if is_known_bad(arm) else "control"


def shown_better(one: Arm, other: Arm) -> list[str]:
    """Titles of the figures in which ``one`` is shown better than ``other``."""
    return [title for title, found in differences(one, other).items() if found.outcome == LOWER]


def describe(arm: Arm) -> str:
    """LCP and freshness of an arm in a few words."""
    inside, calm = (section(arm, "pages", key, "lcp_ms", "p50") for key in ("inside_stampede", "outside_stampede"))
    if inside is not None and calm is not None and inside - calm >= DECIDING[0].worth:
        lcp = f"LCP is {milliseconds(inside)} in a stampede, {milliseconds(calm)} otherwise"
    elif calm is not None and inside is None and section(arm, "origin", "stampedes") != 0:
        lcp = f"LCP is {milliseconds(calm)} outside stampedes, not measured in one"
    elif calm is not None:
        lcp = f"LCP stays at {milliseconds(calm if inside is None else max(inside, calm))}"
    else:
        lcp = "LCP was not measured"
    return f"{lcp}, {_age(arm)}"


def _age(arm: Arm) -> str:
    age = section(arm, "staleness", "age_max_s")
    if age is None:
        return "freshness was not measured"
    # Finer than a millisecond nobody wants to know, and the clocks of commits hardly do.
    return f"nothing older than {seconds(max(age, 0.001))} was seen" if age else "nothing stale was seen"


def _choose(graded: Mapping[str, Arm]) -> tuple[str | None, list[str], list[str]]:
    ranked = _ranked(graded)
    leader, rivals = ranked[0], ranked[1:]
    best = graded[leader]
    rounds = min(len(arm["by_round"]) for arm in graded.values())
    if rounds < FEWEST_ROUNDS:
        short = [label for label, arm in graded.items() if len(arm["by_round"]) < FEWEST_ROUNDS]
        why = "Only one round was measured" if len(short) == len(graded) else f"Only one sound round of {listed(short)}"
        return None, ranked, [f"{why}, so nothing is decided; {leader} looks best: {describe(best)}."]
    level = [rival for rival in rivals if not _beats(best, graded[rival])]
    if not level:
        head = f"Under these conditions choose {leader}"
        if best["verdict"]["grade"] == BAD:
            head = f"No strategy kept within its budgets; the least bad is {leader}"
        return leader, [], [f"{head}: {describe(best)}."]
    together = [leader, *level]
    needed = _rounds_needed(best, [graded[rival] for rival in level])
    is_open = bool(needed) or any(_is_open(best, graded[rival]) for rival in level)
    what = f"{'Undecided' if is_open else 'No difference shown'} between {listed(together)}"
    if len(level) < len(rivals):
        between = "undecided" if is_open else "no difference shown"
        what = f"Under these conditions choose {listed(together, last='or')}; {between} between them"
    bad = ["No strategy kept within its budgets."] if best["verdict"]["grade"] == BAD else []
    trades = [text for rival in level[:1] if (text := _trade(leader, rival, graded))]
    sentences = [f"{what} in {plural(rounds, 'round')}.", *trades, f"{leader}: {describe(best)}."]
    return None, together, [*bad, *sentences, *needed]


def _runner_up(
    leader: str, second: str, arms: Mapping[str, Arm], turns: Mapping[str, Any], conditions: Mapping[str, Any]
) -> str:
    """Who came second, by how much in what decided, and what would turn it round."""
    shown = [
        f"{title} {_margin(title, found)}"
        for title, found in differences(arms[leader], arms[second]).items()
        if found.outcome == LOWER
    ]
    who = "Next" if arms[second]["verdict"]["grade"] == BAD else "Runner-up"
    rounds = plural(min(len(arms[label]["by_round"]) for label in (leader, second)), "round")
    by = f": {listed(shown)}, 95 % intervals over {rounds}" if shown else ""
    return f"{who} {second}{by}; {in_words(turns, arms[leader], conditions)}."


def _margin(title: str, found: Difference) -> str:
    unit = next(figure.unit for figure in DECIDING if figure.title == title)
    more, least, most = (unit(abs(value)) for value in (found.mean or 0, found.upper or 0, found.lower or 0))
    return f"{more} worse ({least} to {most})"


def _rounds_needed(best: Arm, rivals: Sequence[Arm]) -> list[str]:
    """The sentence on what it would take to decide the figures that are undecided; none where all are decided."""
    undecided = {
        title: found.rounds_needed
        for rival in rivals
        for title, found in differences(best, rival).items()
        if found.outcome == UNDECIDED and found.rounds >= FEWEST_ROUNDS
    }
    if not undecided:
        return []
    known = [rounds for rounds in undecided.values() if rounds is not None]
    most = f"about {max(known)} rounds" if len(known) == len(undecided) else f"more than {MOST_ROUNDS} rounds"
    return [f"It would take {most} as noisy as these to tell {listed(list(undecided))}."]


def _is_open(one: Arm, other: Arm) -> bool:
    """Whether some figure was compared in too few rounds to be decided, or none in any."""
    found = [difference for difference in differences(one, other).values() if difference.rounds]
    return not found or any(difference.outcome == UNDECIDED for difference in found)


def _beats(one: Arm, other: Arm) -> bool:
    """Whether ``one``, of no worse grade, may be chosen before ``other``."""
    better_grade = _level(one) < _level(other)
    return bool(shown_better(one, other)) and (better_grade or not shown_better(other, one))


def _trade(one: str, other: str, arms: Mapping[str, Arm]) -> str | None:
    mine, theirs = shown_better(arms[one], arms[other]), shown_better(arms[other], arms[one])
    if not mine or not theirs:
        return None
    return f"{one} is better in {listed(mine)}, {other} in {listed(theirs)}."


def _ranked(graded: Mapping[str, Arm]) -> list[str]:
    """Best first, by :func:`_rank`; but nobody leads who is shown worse than another, of no worse grade, and better in
    nothing: a lead within the scatter is no answer to a loss beyond it.
    """
    ranked = sorted(graded, key=lambda label: _rank(graded[label]))

    def beaten(label: str) -> bool:
        level = _level(graded[label])
        rivals = (graded[other] for other in ranked if other != label)
        return any(_level(rival) <= level and _beats(rival, graded[label]) for rival in rivals)

    leaders = [label for label in ranked if not beaten(label)][:1]
    return [*leaders, *(label for label in ranked if label not in leaders)]


def _level(arm: Arm) -> int:
    return GRADES.index(arm["verdict"]["grade"])


def _rank(arm: Arm) -> tuple[float, ...]:
    """Grade first, then the deciding figures in steps that are worth naming."""
    middles = [(values_of(arm, figure), figure.worth) for figure in DECIDING]
    steps = [round(median(values) / worth) if values else float("inf") for values, worth in middles]
    return (_level(arm), *steps)


def _stampede_fact(arms: Mapping[str, Arm]) -> str | None:
    costs: dict[str, tuple[float, float]] = {}
    for label, arm in arms.items():
        inside, calm = (section(arm, "pages", key, "lcp_ms", "p50") for key in ("inside_stampede", "outside_stampede"))
        if inside is not None and calm is not None and inside - calm >= DECIDING[0].worth:
            costs[label] = (inside, calm)
    if not costs:
        return None
    worst = max(costs, key=lambda label: costs[label][0] - costs[label][1])
    inside, calm = costs[worst]
    when = _when(arms[worst]["origin"])
    return f"{worst} {when}; who arrives then waits {milliseconds(inside)} for LCP ({milliseconds(calm)} otherwise)."


_AT = {
    "expiry": "at an expiry",
    "delete": "at a delete",
    "bump": "at a version bump",
    "mark": "once marked stale",
    "cold": "on a cold cache",
    "write": "as writers computed it anew",
}


def _when(origin: Mapping[str, Any]) -> str:
    total, causes = origin["stampedes"], origin["stampedes_by_cause"]
    cause = max(causes, key=lambda name: causes[name])
    expired, hot = origin["hot_expiries"], origin["hot_expiry_stampedes"]
    if cause == "expiry" and expired and hot is not None:
        return "stampedes at every expiry" if hot >= expired else f"stampedes at {hot} of {count(expired)} expiries"
    where = _AT.get(cause, "")
    often = "once" if total == 1 else f"{total:,} times"
    mostly = "mostly " if causes[cause] < total else ""
    return f"stampeded {often}" + (f", {mostly}{where}" if where else "")


def _stale_fact(arms: Mapping[str, Arm]) -> str | None:
    left = {label: found for label, arm in arms.items() if (found := _left_stale(arm))}
    if left:
        worst = max(left, key=lambda label: left[label])
        return f"{worst} left {plural(left[worst], 'entry', 'entries')} stale after traffic had stopped."
    ages = {label: section(arm, "staleness", "age_max_s") or 0.0 for label, arm in arms.items()}
    oldest = max(ages, key=lambda label: ages[label], default=None)
    if oldest is None or ages[oldest] < 2 * DECIDING[1].worth:
        return None
    return f"{oldest} served pages up to {seconds(ages[oldest])} out of date."


def _left_stale(arm: Arm) -> int:
    """Entries that stayed stale beyond the budget; what a short time to live heals soon is by design."""
    graded = {rule["name"]: rule["grade"] for rule in arm["verdict"]["rules"]}
    return int(section(arm, "staleness", "persistent") or 0) if graded.get("left_stale_s") == BAD else 0


def _ungraded_fact(arms: Mapping[str, Arm]) -> str | None:
    ungraded = [label for label, arm in arms.items() if arm["verdict"]["grade"] is None]
    if not ungraded:
        return None
    reason = str(arms[ungraded[0]]["verdict"]["reasons"][0]).removeprefix("not graded: ")
    return f"{listed(ungraded)} could not be graded: {reason}."
