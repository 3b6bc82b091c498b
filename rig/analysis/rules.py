"""What a strategy is graded by, as data: a figure, its two limits, and the words for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rig.metrics import TTFB
from rig.words import count, figure, milliseconds, percent, plural, seconds

GOOD, OK, BAD = "good", "ok", "bad"
GRADES = (GOOD, OK, BAD)
FRESHNESS = "freshness_s"

Arm = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One thing a strategy is graded by: up to ``good_max`` is good, above ``ok_max`` is bad.

    ``figure`` takes an arm of a summary and gives the value, None if it was not measured; ``missing`` says what
    was not. ``says`` gives the words for a value, ``unit`` those for a limit. Limits of None: judged only where
    the plan sets a budget. ``budget``: the plan's budget it obeys, if not that of its own name. ``needs``: a key
    of the arm without which the rule has no meaning and is left out. ``unless``: a key of the arm with which it is.
    """

    name: str
    figure: Callable[[Arm], float | None]
    says: Callable[[Arm, float], str]
    unit: Callable[[object], str]
    missing: str
    good_max: float | None = None
    ok_max: float | None = None
    budget: str | None = None
    needs: str | None = None
    unless: str | None = None


def section(arm: Arm, *keys: str) -> Any:
    """The figure below ``keys``; None where a key or a whole section is missing."""
    value: Any = arm
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _lcp_inside_and_calm(arm: Arm) -> tuple[float | None, float | None]:
    pages = ("pages", "inside_stampede"), ("pages", "outside_stampede")
    inside, calm = (section(arm, *keys, "lcp_ms", "p50") for keys in pages)
    return inside, calm


def _stampede_extra_ms(arm: Arm) -> float | None:
    """What a stampede adds to the median LCP; 0 where there was measurably none."""
    inside, calm = _lcp_inside_and_calm(arm)
    if inside is not None and calm is not None:
        return float(inside - calm)
    return 0.0 if section(arm, "origin", "stampedes") == 0 and calm is not None else None


def _stampede_ratio(arm: Arm) -> float | None:
    inside, calm = _lcp_inside_and_calm(arm)
    if inside is not None and calm:
        return float(inside / calm)
    return 1.0 if section(arm, "origin", "stampedes") == 0 and calm is not None else None


def _failed_share(arm: Arm) -> float | None:
    sent, failed = section(arm, "requests", "sent"), section(arm, "requests", "failed")
    return failed / sent if sent and failed is not None else None


def _left_stale_s(arm: Arm) -> float | None:
    """How long the worst entry would have stayed stale after traffic stopped; inf if for ever."""
    found = section(arm, "staleness", "persistent")
    if found is None:
        return None
    if section(arm, "staleness", "persistent_unbounded"):
        return float("inf")
    return float(section(arm, "staleness", "persistent_ttl_max_s") or 0.0)


def _if_tested(name: str) -> Callable[[Arm], float | None]:
    """A figure of staleness; None where too few reads could have been stale for it to say anything."""
    return lambda arm: None if section(arm, "staleness", "tested") is False else section(arm, "staleness", name)


def _says_stampede(arm: Arm, value: float) -> str:
    inside, calm = _lcp_inside_and_calm(arm)
    if inside is None:
        return "no stampede seen"
    return f"LCP in a stampede is {milliseconds(inside)}, {milliseconds(calm)} otherwise"


def _says_age(arm: Arm, value: float) -> str:
    if not value:
        return "99 of 100 pages were up to date"
    return f"99 of 100 pages were out of date by {seconds(value)} or less"


def _says_beyond(arm: Arm, value: float) -> str:
    declared = seconds(section(arm, "max_staleness_s"))
    pages = plural(int(value), "page") if value else "no page"
    return f"{pages} older than the {declared} the strategy declares"


def _says_failed(arm: Arm, value: float) -> str:
    if not value:
        return "no request failed"
    return f"{percent(value)} of requests failed ({count(section(arm, 'requests', 'failed'))})"


def _found(name: str) -> Callable[[Arm], float | None]:
    """How many symptoms of that name; None where they were not looked for."""

    def number(arm: Arm) -> float | None:
        found = section(arm, "symptoms", name)
        return None if found is None else len(found)

    return number


def _says_never_hit(arm: Arm, value: float) -> str:
    if not value:
        return "no page was recomputed at every read"
    worst = max(section(arm, "symptoms", "never_hit"), key=lambda one: int(one["reads"]))
    others = f", nor were {int(value) - 1} more" if value > 1 else ""
    stored = f"though it was stored {worst['stored']:,} times"
    return f"{worst['path']} was never served from the cache in {worst['reads']:,} reads, {stored}{others}"


def _says_never_stored(arm: Arm, value: float) -> str:
    if not value:
        return "no entry ceased to be stored"
    worst = max(section(arm, "symptoms", "never_stored"), key=lambda one: int(one["recomputes"]))
    since = "after the process that recomputed it was killed" if worst["after_death"] else "up to the end"
    lost = f"{worst['recomputes']:,} recomputes in {seconds(worst['lasted_s'])} were thrown away"
    others = f", and {plural(int(value) - 1, 'entry', 'entries')} more" if value > 1 else ""
    return f"{worst['entry']} was not stored any more {since}: {lost}{others}"


def _says_left_stale(arm: Arm, value: float) -> str:
    found = section(arm, "staleness", "persistent")
    if not found:
        return "cache and database agreed after traffic had stopped"
    lasting = "for ever" if value == float("inf") else f"for up to {seconds(value)} more"
    return f"{plural(found, 'entry', 'entries')} stayed stale after traffic had stopped, {lasting}"


_UNTESTED = "no page, or too few, were read after a write, so nothing shows whether any would be stale"

# Nielsen's response-time limits (Usability Engineering, 1993): 0.1 s feels instant, 1 s keeps the flow of thought.
# Differences, not bands: on loopback the absolute LCP says little.
RULES = (
    Rule(
        name="stampede_lcp_extra_ms",
        figure=_stampede_extra_ms,
        says=_says_stampede,
        unit=lambda value: f"{milliseconds(value)} more",
        missing="LCP in a stampede is unknown (no page was opened, none met one, or this control does not cache)",
        good_max=100,
        ok_max=1000,
    ),
    Rule(
        name="stampede_lcp_ratio",
        figure=_stampede_ratio,
        says=_says_stampede,
        unit=lambda value: figure(value, "times"),
        missing="LCP in a stampede is unknown (no page was opened, none met one, or this control does not cache)",
    ),
    Rule(
        name=FRESHNESS,
        figure=_if_tested("age_p99_s"),
        says=_says_age,
        unit=seconds,
        missing=_UNTESTED,
        good_max=1.0,
        ok_max=6.0,
    ),
    Rule(
        name="left_stale_s",
        figure=_left_stale_s,
        says=_says_left_stale,
        unit=seconds,
        missing="cache and database were not compared after traffic had stopped",
        good_max=1.0,
        ok_max=6.0,
        budget=FRESHNESS,
    ),
    Rule(
        name="beyond_declared",
        figure=_if_tested("beyond_declared"),
        says=_says_beyond,
        unit=count,
        missing=_UNTESTED,
        good_max=0,
        ok_max=0,
        needs="max_staleness_s",
    ),
    Rule(
        name="never_hit",
        figure=_found("never_hit"),
        says=_says_never_hit,
        unit=count,
        missing="whether any page is recomputed at every read",
        good_max=0,
        ok_max=0,
        needs="symptoms",
    ),
    Rule(
        name="never_stored",
        figure=_found("never_stored"),
        says=_says_never_stored,
        unit=count,
        missing="whether any entry ceased to be stored",
        good_max=0,
        ok_max=0,
        needs="symptoms",
    ),
    Rule(
        name="p95_ms",
        figure=lambda arm: section(arm, "requests", "response_ms", "p95"),
        says=lambda _, value: f"95 of 100 requests took {milliseconds(value)} or less",
        unit=milliseconds,
        missing="no request was answered",
        good_max=TTFB.good_max,
        ok_max=TTFB.poor_min,
    ),
    Rule(
        name="origin_cpu_share",
        unless="database_apart",
        figure=lambda arm: section(arm, "origin", "cpu_share"),
        says=lambda _, value: f"recomputing took {percent(value)} of a processor",
        unit=percent,
        missing="the processor time of recomputes was not recorded",
        good_max=0.25,
        ok_max=0.5,
    ),
    Rule(
        name="failed_share",
        figure=_failed_share,
        says=_says_failed,
        unit=percent,
        missing="no request was sent",
        good_max=0.001,
        ok_max=0.01,
    ),
)
