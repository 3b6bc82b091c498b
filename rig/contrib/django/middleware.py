"""The outermost middleware: opens the trace of a request and writes its headers, anew for each response."""

from __future__ import annotations

from collections.abc import Callable

from django.db.backends.signals import connection_created
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse

from rig.contrib.django import runtime, watch
from rig.contrib.django.events import now_ns
from rig.contrib.django.headers import page_headers
from rig.contrib.django.trace import Trace, count_query, tracing


@receiver(connection_created)
def _count_queries(connection: object, **_: object) -> None:
    wrappers = connection.execute_wrappers  # type: ignore[attr-defined]
    if count_query not in wrappers:
        wrappers.append(count_query)


class RigMiddleware:
    """Put this first in ``MIDDLEWARE``. Headers go on responses that used the cache or ran a strategy."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response
        watch.start()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer one request with its facts in the headers."""
        trace = Trace(epoch=runtime.epoch(), begin_ns=now_ns(), request=request)
        with tracing(trace), watch.around_request(trace, request) as tell:
            response = self._get_response(request)
            if trace.served or trace.strategy:
                for name, value in page_headers(trace, now_ns() - trace.begin_ns).items():
                    response[name] = value
            tell(response)
            return response
