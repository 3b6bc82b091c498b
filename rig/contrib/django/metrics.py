"""Counts for Prometheus, by strategy: what the cache answered, recomputes, waits for a lock. On by ``RIG_METRICS=1``.

Safe with several worker processes where ``PROMETHEUS_MULTIPROC_DIR`` names a folder of theirs: counters and histograms
add up over all processes, open recomputes over the living ones.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from django.http import HttpRequest, HttpResponse
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from rig.contrib.django.trace import Trace
from rig.contrib.django.watch import Told, Watcher, Work

BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class Metrics:
    """Keeps the counts in ``registry``."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._requests = Counter(
            "rig_target_requests",
            "Responses that used a cache entry, by X-Cache.",
            ["strategy", "cache"],
            registry=registry,
        )
        self._open = Gauge(
            "rig_target_recomputes_open",
            "Recomputes open now, in all living worker processes.",
            ["strategy"],
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._recompute_s = Histogram(
            "rig_target_recompute_seconds",
            "How long a recompute took, by its outcome: stored, discarded, failed.",
            ["strategy", "outcome"],
            buckets=BUCKETS_S,
            registry=registry,
        )
        self._lock_s = Histogram(
            "rig_target_lock_wait_seconds",
            "How long a response waited for another's recompute; those that did not wait are left out.",
            ["strategy"],
            buckets=BUCKETS_S,
            registry=registry,
        )

    def request(self, trace: Trace, request: HttpRequest) -> Iterator[Told]:
        """Count a response by what the cache did for it."""

        def told(response: HttpResponse) -> None:
            if not trace.served:
                return  # A static file, /metrics itself, a form.
            strategy = trace.strategy or ""
            self._requests.labels(strategy, response.headers["X-Cache"]).inc()
            if trace.lock_ns:
                self._lock_s.labels(strategy).observe(trace.lock_ns / 1e9)

        yield told

    def recompute(self, trace: Trace, work: Work, hint: str | None) -> Iterator[None]:
        """Count a recompute while it is open, and how long it was."""
        strategy = trace.strategy or ""
        gauge = self._open.labels(strategy)
        gauge.inc()
        begin = time.perf_counter()
        try:
            yield
        finally:
            gauge.dec()
            self._recompute_s.labels(strategy, work.outcome).observe(time.perf_counter() - begin)


def watcher() -> Watcher:
    """The watcher of this process."""
    return Metrics()
