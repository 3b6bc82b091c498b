"""Spans for OpenTelemetry: one a request, one a recompute inside it. On by ``RIG_OTEL=1``.

Where the project, or ``opentelemetry-instrument``, has set a tracer provider, that one is used. Otherwise spans go by
OTLP over HTTP to where the standard variables say (``OTEL_EXPORTER_OTLP_ENDPOINT``, ``OTEL_SERVICE_NAME``,
``OTEL_TRACES_SAMPLER`` …).
"""

from __future__ import annotations

from collections.abc import Iterator

from django.http import HttpRequest, HttpResponse
from opentelemetry import propagate, trace
from opentelemetry.trace import ProxyTracerProvider, SpanKind, Status, StatusCode, TracerProvider
from opentelemetry.util.types import AttributeValue

from rig.contrib.django.trace import Trace
from rig.contrib.django.watch import Told, Watcher, Work

_MISS = "miss"


class Spans:
    """Makes the spans with ``provider``; None: the global one."""

    def __init__(self, provider: TracerProvider | None = None) -> None:
        self._tracer = trace.get_tracer("rig.contrib.django", tracer_provider=provider)

    def request(self, seen: Trace, request: HttpRequest) -> Iterator[Told]:
        """A server span; its parent is the caller's, where the request's headers name one."""
        parent = propagate.extract(request.headers)
        with self._tracer.start_as_current_span(
            str(request.method),
            context=parent,
            kind=SpanKind.SERVER,
            attributes={"http.request.method": str(request.method), "url.path": request.path},
        ) as span:

            def told(response: HttpResponse) -> None:
                route = request.resolver_match.route if request.resolver_match else None
                if route is not None:
                    span.update_name(f"{request.method} /{route}")
                    span.set_attribute("http.route", f"/{route}")
                span.set_attribute("http.response.status_code", response.status_code)
                if response.status_code >= 500:
                    span.set_status(Status(StatusCode.ERROR))
                span.set_attribute("rig.epoch", seen.epoch)
                for name, value in (("rig.strategy", seen.strategy), ("rig.cache", response.headers.get("X-Cache"))):
                    if value:
                        span.set_attribute(name, value)

            yield told

    def recompute(self, seen: Trace, work: Work, hint: str | None) -> Iterator[None]:
        """A span inside the request that asked for it, also where it runs in the background after the response.

        ``rig.cause`` is what the process knows when it begins: ``early``, ``background`` or ``write``, else ``miss``.
        Whether a miss came of an expiry or a delete only the events of all processes tell, in rig's report.
        """
        attributes: dict[str, AttributeValue] = {
            "rig.entry": work.entry,
            "rig.cause": hint or _MISS,
            "rig.strategy": seen.strategy or "",
            "rig.epoch": seen.epoch,
        }
        with self._tracer.start_as_current_span("recompute", attributes=attributes) as span:
            try:
                yield
            finally:
                span.set_attribute("rig.outcome", work.outcome)


def watcher() -> Watcher:
    """The watcher of this process; sets the global tracer provider where nobody has."""
    if isinstance(trace.get_tracer_provider(), ProxyTracerProvider):
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace import TracerProvider as Exporting
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        provider = Exporting()
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        trace.set_tracer_provider(provider)
    return Spans()
