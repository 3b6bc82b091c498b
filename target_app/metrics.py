"""``/metrics`` for Prometheus, where ``RIG_METRICS=1`` asks for it; see docs/grafana.md.

It tells view names, rates, times and strategies, nothing of visitors. It answers only who asks from this machine or a
private network, and nobody behind a proxy, whose own address says nothing of who asks.
"""

from __future__ import annotations

from ipaddress import ip_address

from django.http import Http404, HttpRequest, HttpResponse
from django_prometheus.exports import ExportToDjangoView


def metrics(request: HttpRequest) -> HttpResponse:
    """All counts of all worker processes, in Prometheus' text format."""
    if not _is_near(request):
        raise Http404
    return ExportToDjangoView(request)


def _is_near(request: HttpRequest) -> bool:
    if "X-Forwarded-For" in request.headers or "Forwarded" in request.headers:
        return False
    # A Unix socket has no address; whoever may open it is near.
    address = request.META.get("REMOTE_ADDR") or "127.0.0.1"
    return ip_address(address.partition("%")[0]).is_private
