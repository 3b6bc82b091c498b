"""The live picture for Prometheus: one more reader of the feed, asked when Prometheus asks.

Every series has the labels ``strategy``, ``profile`` and ``round``; docs/grafana.md says what each means. What is not
measured has no series, never a 0.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import gevent
import numpy as np
from gevent import socket
from gevent.pywsgi import WSGIServer
from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from rig.measure.load.live.feed import LiveFeed
from rig.measure.load.live.figures import Figures
from rig.measure.load.live.times import Times
from rig.model import InfrastructureError

EDGES_S = (
    *(0.0002, 0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3),
    *(0.4, 0.5, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.5, 10.0, 15.0, 20.0, 30.0, 60.0),
)
"""Among them the bounds of a good and a poor LCP, 2.5 s and 4 s. Each holds within 1 %."""
LABELS = ("strategy", "profile", "round")
_BREATH_S = 0.001
"""Between two metrics the loop must turn, so that what fell due is sent."""
_AT_ONCE = 4
_EDGES_MS = np.array(EDGES_S) * 1000

Count = int | float | None
_SINGLE: dict[str, tuple[type[Any], str, Callable[[Figures], Count]]] = {
    "rig_offered_requests": (CounterMetricFamily, "Requests that were due by the schedule.", lambda f: f.offered),
    "rig_sent_requests": (CounterMetricFamily, "Requests that were begun and have ended.", lambda f: f.counts.sent),
    "rig_stale_reads": (
        CounterMetricFamily,
        "Reads that were surely out of date when they began; a lower bound.",
        lambda f: f.stale_reads,
    ),
    "rig_recomputes": (
        CounterMetricFamily,
        "Recomputes that began in the window.",
        lambda f: None if f.recomputes_open is None else f.counts.recomputes,
    ),
    "rig_stampedes": (CounterMetricFamily, "Stampedes: an entry recomputed twice at once.", lambda f: f.stampedes),
    "rig_recomputes_open": (GaugeMetricFamily, "Recomputes open now.", lambda f: _now(f, f.recomputes_open)),
    "rig_recomputes_open_peak": (
        GaugeMetricFamily,
        "Most recomputes open at once in the last 15 s.",
        lambda f: _now(f, f.recomputes_peak),
    ),
    "rig_requests_in_flight": (GaugeMetricFamily, "Requests begun and not ended.", lambda f: f.in_flight),
    "rig_trial_running": (GaugeMetricFamily, "1 while the trial is measured.", lambda f: int(f.running)),
}
_BY_WORD: dict[str, tuple[str, str, Callable[[Figures], dict[str, int]]]] = {
    "rig_ended_requests": ("kind", "Requests that have ended: answered, failed or dropped.", lambda f: f.counts.ended),
    "rig_failures": ("cause", "Requests that failed, by cause.", lambda f: f.counts.failures),
    "rig_reads": ("cache", "Reads by what the cache did for them (X-Cache).", lambda f: f.counts.caches),
    "rig_visits": ("outcome", "Page visits that have ended.", lambda f: f.counts.visits),
}
_TIMES: dict[str, tuple[str, Callable[[Figures], Times]]] = {
    "rig_response_seconds": ("Response time of reads, from the intended start.", lambda f: f.response),
    "rig_slip_seconds": ("How late requests were sent: the generator's own lateness.", lambda f: f.counts.slip),
    "rig_lcp_seconds": ("Largest Contentful Paint of measured visits.", lambda f: f.lcp),
}


class FeedCollector(Collector):
    """Reads ``feed`` at each scrape; ``breathe`` is called between two metrics."""

    def __init__(self, feed: LiveFeed, breathe: Callable[[], None] = lambda: None) -> None:
        self._feed, self._breathe = feed, breathe

    def collect(self) -> Iterator[Metric]:
        """Every metric of the trial under way and of those that have just ended."""
        profile, figures = self._feed.profile, self._feed.figures(time.monotonic())
        # Of one label set only the latest is told: a trial measured again takes the place of the first.
        latest = {_labels(one, profile): one for one in figures}
        for metric in _metrics(latest):
            yield metric
            self._breathe()


def serve_metrics(feed: LiveFeed, host: str, port: int) -> str:
    """Serve ``feed`` at ``/metrics`` for as long as this process lives. Port 0 takes a free one. Returns the address.

    In gevent's loop, as Locust's own UI: a thread of the library's server would be a greenlet here too.

    Raises:
        InfrastructureError: the port can't be used.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(FeedCollector(feed, lambda: gevent.sleep(_BREATH_S)))
    # Not compressed: that would hold the loop for a moment.
    application = make_wsgi_app(registry, disable_compression=True)

    def only_metrics(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        if environ["PATH_INFO"] == "/metrics":
            found: list[bytes] = application(environ, start_response)
            return found
        start_response("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
        return [b"metrics are at /metrics\n"]

    listener = _listener(host, port)
    WSGIServer(listener, only_metrics, log=None, error_log=None, spawn=_AT_ONCE).start()
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{listener.getsockname()[1]}/metrics"


def _listener(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen()
    except OSError as error:
        listener.close()
        raise InfrastructureError(
            f"port {port} on {host}: cannot be used ({error.strerror}); choose another with --metrics-port"
        ) from error
    return listener


def _metrics(trials: dict[tuple[str, ...], Figures]) -> Iterator[Metric]:
    for name, (family, told, value) in _SINGLE.items():
        metric = family(name, told, labels=LABELS)
        for labels, figures in trials.items():
            if (number := value(figures)) is not None:
                metric.add_metric(labels, number)
        yield metric
    for name, (label, told, counts) in _BY_WORD.items():
        metric = CounterMetricFamily(name, told, labels=(*LABELS, label))
        for labels, figures in trials.items():
            for word, number in sorted(counts(figures).items()):
                metric.add_metric((*labels, word), number)
        yield metric
    for name, (told, times) in _TIMES.items():
        metric = HistogramMetricFamily(name, told, labels=LABELS)
        for labels, figures in trials.items():
            _add_times(metric, labels, times(figures))
        yield metric


def _add_times(metric: HistogramMetricFamily, labels: tuple[str, ...], times: Times) -> None:
    counts = zip(EDGES_S, times.up_to(_EDGES_MS), strict=True)
    buckets = [(f"{edge_s:g}", float(count)) for edge_s, count in counts]
    metric.add_metric(labels, [*buckets, ("+Inf", float(times.count))], sum_value=times.sum_ms / 1000)


def _labels(figures: Figures, profile: str) -> tuple[str, ...]:
    return figures.strategy, profile, "" if figures.round is None else str(figures.round)


def _now(figures: Figures, number: int | None) -> int | None:
    """What is true of this moment is not said of a trial that is over."""
    return number if figures.running else None
