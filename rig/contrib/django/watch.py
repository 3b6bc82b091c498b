"""Who else wants to know of requests and recomputes: Prometheus, OpenTelemetry. Nobody, unless asked.

``RIG_METRICS=1``  counts for Prometheus (:mod:`rig.contrib.django.metrics`)
``RIG_OTEL=1``     spans for OpenTelemetry (:mod:`rig.contrib.django.spans`)

Each costs time in every request, so a target that is measured has none of them: then one comparison is all that is
done. Their libraries are imported only when they are asked for.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from importlib import import_module
from typing import Protocol

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse

from rig.contrib.django.trace import Trace

Told = Callable[[HttpResponse], None]


class Work(Protocol):
    """A recompute, as a watcher sees it; see :class:`rig.contrib.django.origin.Recompute`."""

    entry: str
    outcome: str


class Watcher(Protocol):
    """Is told what happens, in the thread in which it happens."""

    def request(self, trace: Trace, request: HttpRequest) -> Iterator[Told]:
        """Yield once, around one request; what is yielded gets the response, with its headers."""

    def recompute(self, trace: Trace, work: Work, hint: str | None) -> Iterator[None]:
        """Yield once, around one recompute."""


# module, what the user installs
_OFFERED = {
    "RIG_METRICS": ("metrics", "prometheus-client"),
    "RIG_OTEL": ("spans", "rig[otel]"),
}
_WATCHERS: list[Watcher] = []
_UNTOLD: AbstractContextManager[Told] = nullcontext(lambda response: None)
_UNWATCHED: AbstractContextManager[None] = nullcontext()


def start() -> None:
    """Make the watchers the environment asks for; called once, when the middleware is made.

    Raises:
        ImproperlyConfigured: one is asked for and its library is not installed.
    """
    if _WATCHERS:
        return
    for variable in asked_for():
        module, package = _OFFERED[variable]
        try:
            made = import_module(f"rig.contrib.django.{module}").watcher()
        except ModuleNotFoundError as error:
            raise ImproperlyConfigured(
                f"{variable}=1: {error.name} is not installed; install {package}, or unset {variable}"
            ) from error
        _WATCHERS.append(made)


def asked_for() -> list[str]:
    """The variables that ask for a watcher here; empty where nobody watches."""
    return [variable for variable in _OFFERED if os.environ.get(variable) == "1"]


def around_request(trace: Trace, request: HttpRequest) -> AbstractContextManager[Told]:
    """Around one request; what it yields is to be called with the response."""
    return _request(trace, request) if _WATCHERS else _UNTOLD


def around_recompute(trace: Trace, work: Work, hint: str | None) -> AbstractContextManager[None]:
    """Around one recompute."""
    return _recompute(trace, work, hint) if _WATCHERS else _UNWATCHED


@contextmanager
def _request(trace: Trace, request: HttpRequest) -> Iterator[Told]:
    with ExitStack() as stack:
        told = [stack.enter_context(contextmanager(one.request)(trace, request)) for one in _WATCHERS]

        def tell(response: HttpResponse) -> None:
            for each in told:
                each(response)

        yield tell


@contextmanager
def _recompute(trace: Trace, work: Work, hint: str | None) -> Iterator[None]:
    with ExitStack() as stack:
        for one in _WATCHERS:
            stack.enter_context(contextmanager(one.recompute)(trace, work, hint))
        yield
