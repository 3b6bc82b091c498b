"""Prometheus and OpenTelemetry in the target: off unless asked for, right with several processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager

import psutil
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from rig.contrib import django as rig
from rig.contrib.django import watch
from rig.contrib.django.metrics import Metrics
from rig.contrib.django.spans import Spans
from rig.measure.services.app_server import ROOT, free_port
from tests.processes import poll


def get(url, headers=None):
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers or {}), timeout=10) as response:
        return response.read().decode()


def status(url, headers=None):
    try:
        get(url, headers)
    except urllib.error.HTTPError as error:
        return error.code
    return 200


def samples(text):
    """{(name, sorted labels): value}"""
    return {
        (one.name, *sorted(one.labels.items())): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


@pytest.fixture
def trace():
    made = rig.Trace(epoch=3, strategy="lease", begin_ns=1)
    from rig.contrib.django.trace import tracing

    with tracing(made):
        yield made


@contextmanager
def watched(monkeypatch, *watchers):
    monkeypatch.setattr(watch, "_WATCHERS", list(watchers))
    yield


def respond(rf, *, status=200, path="/p/moon-jar/", view=None, **headers):
    """A response of a project that asks for one entry, through the middleware."""
    from django.http import HttpResponse

    def answer(request):
        if view:
            view(request)
        return HttpResponse("page", status=status)

    return rig.RigMiddleware(answer)(rf.get(path, **headers))


def page(request, cause=None):
    """A miss: recomputes, and waits for a lock."""
    with rig.recompute("product:moon-jar", hint=cause) as work:
        work.stored(5.0)
    rig.current().strategy = "lease"
    rig.current().lock_ns = 2_000_000
    rig.serve(rig.Served("product:moon-jar", rig.Status.MISS, {}))


def test_nobody_watches_unless_asked(rf, monkeypatch):
    """One comparison a request; no library of theirs is imported."""
    for name in ("RIG_METRICS", "RIG_OTEL"):
        monkeypatch.delenv(name, raising=False)
    code = (
        "import sys, django.conf; django.conf.settings.configure(); from rig.contrib.django import RigMiddleware;"
        "RigMiddleware(None); print([m for m in sys.modules if m.startswith(('prometheus', 'opentelemetry'))])"
    )
    env = {k: v for k, v in os.environ.items() if k not in ("DJANGO_SETTINGS_MODULE", "RIG_METRICS", "RIG_OTEL")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env, cwd=ROOT)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("variable", "library", "remedy"),
    [("RIG_OTEL", "opentelemetry", "rig[otel]"), ("RIG_METRICS", "prometheus_client", "prometheus-client")],
)
def test_what_is_asked_for_and_not_installed_is_said_at_start(monkeypatch, variable, library, remedy):
    """Not at the first request, and not silently without."""
    from django.core.exceptions import ImproperlyConfigured

    monkeypatch.setattr(watch, "_WATCHERS", [])
    for name in [name for name in sys.modules if name.split(".")[0] == library]:
        monkeypatch.delitem(sys.modules, name)
    for module in ("metrics", "spans"):
        monkeypatch.delitem(sys.modules, f"rig.contrib.django.{module}", raising=False)
    monkeypatch.setitem(sys.modules, library, None)
    for name in ("RIG_METRICS", "RIG_OTEL"):
        monkeypatch.setenv(name, "1" if name == variable else "0")
    with pytest.raises(ImproperlyConfigured) as refused:
        rig.RigMiddleware(lambda request: None)
    assert f"{variable}=1" in str(refused.value)
    assert remedy in str(refused.value)


def test_counts_are_by_strategy_and_what_the_cache_answered(rf, monkeypatch):
    registry = CollectorRegistry()
    with watched(monkeypatch, Metrics(registry)):
        respond(rf, view=page)
        respond(rf)  # Used no entry: a static file.
    value = registry.get_sample_value
    assert value("rig_target_requests_total", {"strategy": "lease", "cache": "MISS"}) == 1
    assert value("rig_target_lock_wait_seconds_sum", {"strategy": "lease"}) == 0.002
    assert value("rig_target_recomputes_open", {"strategy": ""}) == 0
    assert value("rig_target_recompute_seconds_count", {"strategy": "", "outcome": "stored"}) == 1


def test_a_recompute_counts_while_it_is_open_also_when_it_fails(trace, monkeypatch):
    registry = CollectorRegistry()
    with watched(monkeypatch, Metrics(registry)), pytest.raises(RuntimeError), rig.recompute("home"):
        assert registry.get_sample_value("rig_target_recomputes_open", {"strategy": "lease"}) == 1
        raise RuntimeError
    assert registry.get_sample_value("rig_target_recomputes_open", {"strategy": "lease"}) == 0
    failed = {"strategy": "lease", "outcome": "failed"}
    assert registry.get_sample_value("rig_target_recompute_seconds_count", failed) == 1


@pytest.fixture
def spans(monkeypatch):
    """Finished spans, in order of their end; by the SDK's own exporter for tests."""
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with watched(monkeypatch, Spans(provider)):
        yield exporter.get_finished_spans


def test_a_recompute_is_a_span_inside_its_request(rf, spans):
    """With entry, cause, strategy, epoch; the request says what the cache answered, and hangs below its caller."""
    caller = "00-0123456789abcdef0123456789abcdef-00f067aa0ba902b7-01"
    respond(rf, view=lambda request: page(request, "early"), headers={"traceparent": caller})
    recompute, request = spans()
    assert recompute.parent.span_id == request.context.span_id
    assert request.parent.span_id == 0x00F067AA0BA902B7
    assert f"{request.context.trace_id:032x}" == "0123456789abcdef0123456789abcdef"
    assert dict(recompute.attributes) == {
        "rig.entry": "product:moon-jar",
        "rig.cause": "early",
        "rig.strategy": "",
        "rig.epoch": 0,
        "rig.outcome": "stored",
    }
    assert request.attributes["rig.cache"] == "MISS"
    assert request.attributes["rig.strategy"] == "lease"
    assert request.attributes["http.response.status_code"] == 200


def test_a_recompute_in_the_background_stays_below_the_request_that_asked_for_it(trace, spans):
    """It runs in another thread, after the response."""
    import threading

    from opentelemetry import trace as otel

    def work():
        with rig.recompute("home", hint="background"):
            pass

    tracer = watch._WATCHERS[0]._tracer
    with tracer.start_as_current_span("request") as request:
        carried = rig.carried(work)
    thread = threading.Thread(target=carried)
    thread.start()
    thread.join()
    recompute = next(span for span in spans() if span.name == "recompute")
    assert recompute.parent.span_id == request.get_span_context().span_id
    assert recompute.attributes["rig.strategy"] == "lease"
    assert recompute.attributes["rig.cause"] == "background"
    assert not otel.get_current_span().get_span_context().is_valid


def test_a_recompute_that_fails_is_a_failed_span(trace, spans):
    with pytest.raises(RuntimeError), rig.recompute("home"):
        raise RuntimeError("the database is gone")
    (recompute,) = spans()
    assert not recompute.status.is_ok
    assert recompute.attributes["rig.outcome"] == "failed"


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """The shop's own gunicorn command with two workers and RIG_METRICS=1."""
    from rig.measure.services import app_server
    from rig.measure.services.cache_server import cache_server

    folder = tmp_path_factory.mktemp("shop")
    app_server.prepare_data(lambda line: None)
    app_server.copy_database(folder / "shop.sqlite3")
    with cache_server(folder, None) as cache:
        env = {**cache.env, "RIG_METRICS": "1", "SHOP_DB": str(folder / "shop.sqlite3"), "CACHE_STRATEGY": "lease"}
        env |= {"PROMETHEUS_MULTIPROC_DIR": str(folder / "metrics")}
        port = free_port()
        (folder / "metrics").mkdir()
        (folder / "metrics/counter_1.db").write_bytes(b"what an earlier start has left")
        with app_server.app_server(host="127.0.0.1", port=port, env=env, logs=folder, cpus=None) as app:
            yield app


def test_every_worker_process_tells_what_all_have_counted(shop):
    """40 pages over two processes: each scrape, whoever answers it, has them all; a killed worker's count stays."""
    before = samples(get(f"{shop.url}/metrics"))
    for _ in range(40):
        get(f"{shop.url}/")

    def counted():
        found = samples(get(f"{shop.url}/metrics"))
        return sum(value - before.get(key, 0) for key, value in found.items() if key[0] == "rig_target_requests_total")

    assert [counted() for _ in range(6)] == [40] * 6
    workers = [process for process in shop.service.tree() if not process.children()]
    assert len(workers) == 2
    workers[0].send_signal(signal.SIGKILL)
    psutil.wait_procs(workers[:1], timeout=10)
    assert poll(lambda: counted() == 40, 20)


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded"])
def test_metrics_are_not_for_whoever_stands_behind_a_proxy(shop, header):
    """A proxy's own address is near; who asks through it may be anyone."""
    assert status(f"{shop.url}/metrics") == 200
    assert status(f"{shop.url}/metrics", {header: "203.0.113.9"}) == 404


@pytest.mark.parametrize(
    ("address", "answered"),
    [("127.0.0.1", True), ("172.18.0.4", True), ("::1", True), ("fd00::5", True), ("", True), ("8.8.8.8", False)],
)
def test_metrics_are_for_this_machine_and_private_networks(rf, address, answered):
    from target_app.metrics import _is_near

    assert _is_near(rf.get("/metrics", REMOTE_ADDR=address)) is answered


def test_without_the_variable_there_is_no_such_page():
    from django.urls import Resolver404, resolve

    with pytest.raises(Resolver404):
        resolve("/metrics")
