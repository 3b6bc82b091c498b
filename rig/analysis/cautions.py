"""What a reader must know before believing a summary, in plain words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rig.analysis import control_page, page_weight, starvation
from rig.journal import Run
from rig.model import UNKNOWN, RunStatus
from rig.words import listed, percent, plural

# Below this many visits inside stampedes a median says little.
FEW_VISITS = 5

# What would be misread as it stands in the journal.
_CAUSES = {"status": "error status"}

Arms = Mapping[str, Mapping[str, Any]]


def cautions(run: Run, arms: Arms) -> list[str]:
    """Warnings about the run first, then about each arm."""
    found = [*_of_run(run, arms), *_of_comparison(arms)]
    for label, arm in arms.items():
        if arm["trials"]:
            found += [f"{label}: {text}" for text in _of_arm(arm)]
    return found


def _of_run(run: Run, arms: Arms) -> Iterator[str]:
    plan = run.manifest.get("plan") or {}
    if run.status is RunStatus.RUNNING:
        yield "the run is still going on; these are the trials that have ended"
    elif run.status is not RunStatus.COMPLETE:
        error = run.manifest.get("error")
        yield f"the run was {_ended(run.status)} before all trials were measured" + (f": {error}" if error else "")
    observers = (run.manifest.get("environment") or {}).get("observed_by")
    if observers == [UNKNOWN]:
        yield "the target does not tell whether it was watched too (RIG_METRICS, RIG_OTEL), which costs time"
    elif observers:
        yield f"the target was watched too ({listed(observers)}): its times contain what that costs"
    if run.unsealed:
        yield f"not analysed, because not measured to the end: {listed(run.unsealed)}"
    for trial in sorted(run.trials, key=lambda one: (one.id.round, one.id.arm)):
        if marks := trial.facts.get("marks"):
            yield f"trial {trial.id} is kept out of the figures: {listed(list(map(str, marks)))}"
    rounds = plan.get("rounds")
    for label, arm in arms.items():
        if not arm["trials"]:
            yield f"{label}: no sound trial, so nothing was measured"
        elif rounds and arm["trials"] < rounds:
            yield f"{label}: figures from {arm['trials']} of {plural(rounds, 'planned round')}"
    if any(arm.get("database_apart") for arm in arms.values()):
        yield "origin load is not measured and not graded: the database works in processes of its own"
    for number, digests in sorted(_schedules(run).items()):
        if len(digests) > 1:
            yield f"round {number}: the arms did not meet the same schedule"


def _of_comparison(arms: Arms) -> Iterator[str]:
    """What would make the arms' LCPs not comparable."""
    yield from control_page.cautions(arms)
    yield from page_weight.differences(arms)
    yield from starvation.cautions(arms, starvation.compare(arms))


def _ended(status: RunStatus) -> str:
    return "interrupted" if status is RunStatus.INTERRUPTED else "ended by an error"


def _schedules(run: Run) -> dict[int, set[str]]:
    digests: dict[int, set[str]] = {}
    for trial in run.trials:
        if digest := trial.facts.get("schedule_digest"):
            digests.setdefault(trial.id.round, set()).add(str(digest))
    return digests


def _of_arm(arm: Mapping[str, Any]) -> Iterator[str]:
    yield from _of_requests(arm["requests"])
    yield from _of_pages(arm["pages"], arm["origin"])
    if arm["origin"]["stampede_capped"]:
        yield f"the greatest stampede ({arm['origin']['stampede_peak']} recomputes at once) was capped by threads"
    if arm["origin"]["unended"]:
        yield f"{plural(arm['origin']['unended'], 'recompute')} never ended"
    stale = arm["staleness"]
    if stale["other_clock"]:
        reads = plural(stale["other_clock"], "request")
        yield f"{reads} timed with another host's clock: not judged stale or fresh"
    if stale["errors"]:
        yield f"{plural(stale['errors'], 'read')} returned a version that was never committed, or not yet"
    if stale["reads"] and stale["indeterminate"] > 0.1 * stale["reads"]:
        share = percent(stale["indeterminate"] / stale["reads"])
        yield f"{share} of reads could not be judged stale or fresh"
    if stale["beyond_declared"]:
        yield f"{plural(stale['beyond_declared'], 'read')} older than the strategy declares it may serve"


def _of_requests(requests: Mapping[str, Any]) -> Iterator[str]:
    if requests["failed"]:
        causes = _causes(requests["failures"])
        yield f"{requests['failed']:,} of {plural(requests['sent'], 'request')} failed ({causes})"
    if requests["dropped"]:
        yield f"{plural(requests['dropped'], 'request')} dropped before being sent"
    if requests["queue_empty_at_end"] is False:
        yield "the target had not caught up when the window ended; times depend on how long the window was"


def _of_pages(pages: Mapping[str, Any], origin: Mapping[str, Any]) -> Iterator[str]:
    if pages["starved"]:
        yield f"{pages['starved']} of {plural(pages['scheduled'], 'page visit')} starved (the browser withheld frames)"
    if pages["failed"]:
        causes = _causes(pages["failures"])
        yield f"{pages['failed']} of {plural(pages['scheduled'], 'page visit')} failed ({causes})"
    inside = pages["inside_stampede"]["count"]
    if pages["scheduled"] and origin["stampedes"] and inside < FEW_VISITS:
        met = plural(inside, "page visit") if inside else "no page visit"
        yield f"only {met} met a stampede" if inside else f"{met} met a stampede"


def _causes(failures: Mapping[str, int]) -> str:
    """A count before its cause: behind it, that of "status" would be read as the status."""
    return listed([f"{number:,} × {_CAUSES.get(cause, cause)}" for cause, number in failures.items()])
