"""Work that a request leaves behind: it stays in the request's epoch, and a reset waits for it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextvars import copy_context

from django.db import connections

from rig.contrib.django import runtime
from rig.contrib.django.origin import background
from rig.contrib.django.trace import current

_LOG = logging.getLogger(__name__)


def carried(work: Callable[[], None]) -> Callable[[], None]:
    """``work`` for a thread of a pool, to be run once: with this request's epoch, strategy and context variables.

    A reset waits for it from now on, begun or not. It has a trace of its own, for the response does not wait; its
    database connections are closed after it, since no request ends in that thread; its error is logged, for nobody
    asks for the result.
    """
    trace = current()

    def run() -> None:
        try:
            with background(trace.epoch, trace.strategy or ""):
                work()
        except Exception:
            _LOG.exception("background work of %s failed", trace.strategy)
        finally:
            connections.close_all()
            runtime.count_open(-1)

    context = copy_context()
    runtime.count_open(+1)
    return lambda: context.run(run)
