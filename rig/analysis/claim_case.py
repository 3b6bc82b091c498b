"""What the tests of claims share: the arms of a summary, outcomes, and comparisons over rounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rig.analysis.finding import is_control
from rig.analysis.freshness import FEW_OPPORTUNITIES
from rig.analysis.paired import ALIKE, HIGHER, LOWER, UNDECIDED, Difference, paired
from rig.words import count, percent, plural

CONFIRMED, REFUTED, OPEN, NOT_TESTED = "confirmed", "refuted", "undecided", "not tested"
RESULTS = (CONFIRMED, REFUTED, OPEN, NOT_TESTED)
FEW = FEW_OPPORTUNITIES

Arm = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a test of a claim found: one of :data:`RESULTS`, one sentence with figures, and what it holds under."""

    result: str
    figure: str
    conditions: str | None = None


class UntestedError(Exception):
    """The run cannot show it; the message says why, as a sentence."""


@dataclass(frozen=True, slots=True)
class Case:
    """The figures of a run, as claims are tested against them."""

    summary: Mapping[str, Any]

    @property
    def conditions(self) -> Mapping[str, Any]:
        """What the run was made under."""
        return self.summary.get("conditions") or {}

    @property
    def measured(self) -> dict[str, Arm]:
        """Arms with a sound trial that are there to be chosen, by label."""
        arms = self.summary["arms"]
        return {label: arm for label, arm in arms.items() if arm.get("trials") and not is_control(arm)}

    def arm(self, strategy: str) -> Arm:
        """The first measured arm of a strategy.

        Raises:
            UntestedError: there is none.
        """
        for arm in self.summary["arms"].values():
            if arm.get("strategy") == strategy and arm.get("trials"):
                return dict(arm)
        raise UntestedError(f"{strategy} was not measured in this run.")


def known(value: Any, what: str) -> Any:
    """``value``, where it was measured.

    Raises:
        UntestedError: it is None.
    """
    if value is None:
        raise UntestedError(f"Not measured: {what}.")
    return value


def over_rounds(one: Arm, other: Arm, key: str, worth: float) -> Difference:
    """``one`` minus ``other`` in a figure of ``by_round``, over the rounds in which both have it."""
    theirs = {each["round"]: each.get(key) for each in other["by_round"]}
    both = [(each.get(key), theirs.get(each["round"])) for each in one["by_round"]]
    return paired([(mine, its) for mine, its in both if mine is not None and its is not None], worth)


def result_of(found: Difference, wanted: str, worth: float) -> str:
    """Confirmed where the difference lies in the ``wanted`` direction; refuted where it is shown not to.

    Shown not to: its whole interval lies on the other side of 0, or below ``worth``, the least that is named.
    """
    if found.outcome == wanted:
        return CONFIRMED
    return REFUTED if found.outcome != UNDECIDED and shown_below(found, wanted, worth) else OPEN


def shown_below(found: Difference, direction: str, worth: float) -> bool:
    """Whether all of the interval is less than ``worth`` in that direction."""
    if found.lower is None or found.upper is None:
        return False
    return (found.upper if direction == HIGHER else -found.lower) < worth


def how_sure(found: Difference) -> str:
    """``2 rounds; about 5 rounds would decide it``: the ground of a comparison."""
    said = plural(found.rounds, "round")
    if found.outcome in (LOWER, HIGHER, ALIKE):
        return f"{said}, 95 % interval of paired differences"
    more = f"about {found.rounds_needed} rounds would decide it" if found.rounds_needed else "more rounds are needed"
    return f"{said}; {more}"


def in_each_round(holds: Sequence[bool], pooled: bool) -> str:
    """Confirmed or refuted where all rounds agree with the pooled figure; one round alone decides nothing."""
    if len(holds) < 2 or any(one is not pooled for one in holds):
        return OPEN
    return CONFIRMED if pooled else REFUTED


def rounds_of(arm: Arm, key: str) -> list[Any]:
    """A figure of every round that has it."""
    return [each[key] for each in arm["by_round"] if each.get(key) is not None]


def writes_of(arm: Arm) -> int:
    """Writes that were begun.

    Raises:
        UntestedError: there were none.
    """
    number = int(known((arm.get("writes") or {}).get("count"), "how many writes there were"))
    if not number:
        raise UntestedError("Nothing was written in this run.")
    return number


def chances(number: Any) -> str:
    """``0 of 1,200 (< 0.25 %)``: the 95 % upper bound by the rule of three."""
    return f"0 of {count(number)} (< {percent(3 / number)})"
