"""Disturbances: what goes wrong outside the cache, brought about on purpose in the middle of a trial.

A project lists those it offers in ``Hooks(disturbances=…)``. ``slow-origin`` and ``slow-commit`` are the same for every
project and stand here; what changes rows or keys, only the project can write. One refuses parameters by ``BadRequest``
with one clear sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from django.core.exceptions import BadRequest

from rig.contrib.django import runtime

Disturbance = Callable[[Mapping[str, Any]], dict[str, Any]]
"""Parameters of one ``POST /__rig__/disturb`` in, facts for its answer out."""

MOST_REPEATS = 1000
"""Beyond this a recompute outlives any trial, and a mistyped factor would look like a target that died."""

LONGEST_PAUSE_MS = 10_000
"""SQLite's writers give up after twenty seconds of waiting for each other."""

_T = TypeVar("_T")


def repeated(compute: Callable[[], _T]) -> _T:
    """What ``compute`` returns; under ``slow-origin`` it is called ``factor`` times, and the last result counts.

    Call it inside the recompute and its snapshot, around all the work an entry costs. The work is real: an origin
    slowed by a sleep would leave its CPU and database to the others, and hide the contention that makes a slow origin
    dangerous. The factor is asked for anew before each repetition, as open queries too get faster once a database
    recovers; and a reset does not wait for repetitions that nobody needs any more.
    """
    value, done = compute(), 1
    while done < runtime.origin_repeats():
        value, done = compute(), done + 1
    return value


def slow_origin(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """From now on, in all workers, every recompute does its work ``factor`` times; 1 or a reset ends it.

    Only for a project that computes its entries by :func:`repeated`.

    Raises:
        BadRequest: the factor is not a whole number in range, or the workers share no folder to see it in.
    """
    factor = parameters.get("factor")
    if type(factor) is not int or not 1 <= factor <= MOST_REPEATS:  # A bool is an int, and no factor.
        raise BadRequest(f"slow-origin: factor is {factor!r}; give a whole number from 1 to {MOST_REPEATS}")
    if runtime.SHARED is None:
        raise BadRequest("slow-origin: the workers share nothing that could tell them; start them with RIG_EVENT_DIR")
    runtime.SHARED.repeat_origin(factor)
    return {"factor": factor}


def slow_commit(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """From now on, in all workers, every write waits ``pause_ms`` with its work done, before its COMMIT; 0 or a reset
    ends it. Only for a project that writes inside :func:`rig.contrib.django.write`.

    Raises:
        BadRequest: the pause is not a whole number in range, or the workers share no folder to see it in.
    """
    pause_ms = parameters.get("pause_ms")
    if type(pause_ms) is not int or not 0 <= pause_ms <= LONGEST_PAUSE_MS:
        raise BadRequest(f"slow-commit: pause_ms is {pause_ms!r}; give a whole number from 0 to {LONGEST_PAUSE_MS}")
    if runtime.SHARED is None:
        raise BadRequest("slow-commit: the workers share nothing that could tell them; start them with RIG_EVENT_DIR")
    runtime.SHARED.pause_commits(pause_ms)
    return {"pause_ms": pause_ms}
