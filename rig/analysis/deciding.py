"""The figures that decide between two arms, and their paired differences over rounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rig.analysis.paired import Difference, paired
from rig.words import milliseconds, percent, seconds

Arm = Mapping[str, Any]
Round = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deciding:
    """A figure of a round that may decide, lower is better; smaller differences than ``worth`` are not named."""

    title: str
    of_round: Callable[[Round], float | None]
    worth: float
    unit: Callable[[object], str]


def _worst_lcp(one: Round) -> float | None:
    """The median LCP in a stampede; where there was none, the median LCP."""
    if one["lcp_inside_p50"] is not None:
        return float(one["lcp_inside_p50"])
    return one["lcp_outside_p50"] if one["stampedes"] == 0 else None


DECIDING = (
    Deciding(title="LCP in a stampede", of_round=_worst_lcp, worth=50, unit=milliseconds),
    Deciding(title="freshness", of_round=lambda one: one["age_p99_s"], worth=0.5, unit=seconds),
    Deciding(title="response time", of_round=lambda one: one["p95_ms"], worth=50, unit=milliseconds),
    Deciding(title="work for the origin", of_round=lambda one: one["cpu_share"], worth=0.05, unit=percent),
)


def differences(one: Arm, other: Arm) -> dict[str, Difference]:
    """``one`` minus ``other`` in each deciding figure, over the rounds in which both have it. A figure that a round of
    either lacks is not compared.
    """
    return {figure.title: paired(_pairs(one, other, figure), figure.worth) for figure in DECIDING}


def _pairs(one: Arm, other: Arm, figure: Deciding) -> list[tuple[float, float]]:
    if not values_of(one, figure) or not values_of(other, figure):
        return []
    theirs = {each["round"]: figure.of_round(each) for each in other["by_round"]}
    found = [(figure.of_round(each), theirs.get(each["round"])) for each in one["by_round"]]
    return [(mine, its) for mine, its in found if mine is not None and its is not None]


def values_of(arm: Arm, figure: Deciding) -> list[float]:
    """The figure in each round; empty as soon as one round lacks it."""
    values = [figure.of_round(one) for one in arm["by_round"]]
    known = [value for value in values if value is not None]
    return known if len(known) == len(values) else []
