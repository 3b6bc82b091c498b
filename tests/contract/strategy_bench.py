"""What every test of a strategy stands on: a real cache server, a small shop, reads and writes as own requests.

``tests/contract/conftest.py`` makes the fixtures known; ask for ``shop`` by name or by ``usefixtures``.
"""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from itertools import takewhile
from operator import attrgetter

import pytest
import redis
from django.core.cache import caches
from django.db import connection
from django.http import JsonResponse
from django.test import RequestFactory

from rig.contrib.django import Trace
from rig.contrib.django.trace import tracing
from rig.measure.services.cache_server import cache_server
from target_app.config.settings import pickled
from target_app.shop import catalogue, writes
from target_app.shop.models import OutboxRow, ScopeVersion
from target_app.strategies import STRATEGIES, base, stale_while_revalidate
from target_app.strategies.xfetch import XFetch

# Those written with libraries are held to it in processes of their own: test_strategy_libraries.py.
OURS = [strategy for strategy in STRATEGIES.values() if strategy.family != "libraries"]
SOUND_ONES = [strategy for strategy in OURS if not strategy.known_bad]
ALL = pytest.mark.parametrize("strategy", OURS, ids=attrgetter("name"))
SOUND = pytest.mark.parametrize("strategy", SOUND_ONES, ids=attrgetter("name"))
CACHING = pytest.mark.parametrize("strategy", [s for s in SOUND_ONES if s.caches], ids=attrgetter("name"))
SLUG = "moon-jar"
TTL_S, SHORT_TTL_S = 60, 0.4


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A cache server of our own, whatever server the environment names."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("RIG_REDIS_URL", raising=False)
        with cache_server(tmp_path_factory.mktemp("cache"), None) as running:
            yield running


@pytest.fixture
def shop(database, server, settings, monkeypatch):
    """A small shop on that server, caches empty; nothing expires, nobody recomputes by chance."""
    monkeypatch.setattr(XFetch, "draw", staticmethod(lambda: 0.0))
    settings.CACHES = {
        "default": {**settings.CACHES["default"], "LOCATION": server.url},
        "pages": pickled(server.url),
    }
    settings.CACHE_TTL_S = TTL_S
    catalogue.prepare(orders=200)
    _clear()
    yield
    let_late_work_end()
    _clear()


@pytest.fixture
def short_ttl(shop, settings):
    """For tests that wait until an entry has expired."""
    settings.CACHE_TTL_S = SHORT_TTL_S


def let_late_work_end():
    """The outbox's worker, second deletes still to come, refreshes: else the next test counts their calls as its own,
    and the transaction a refresh still has open keeps PostgreSQL from emptying the tables."""
    stale_while_revalidate._pool().shutdown(wait=True)
    stale_while_revalidate._pool.cache_clear()
    STRATEGIES["outbox"].worker.stop()
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.join(10)


def _clear():
    for one in caches.all(initialized_only=False):
        one.clear()


def _read(strategy, entry, trace=None):
    """Value, status and version of one read, as its own request."""
    request = RequestFactory().get(f"/{entry.name}")
    with tracing(trace or Trace(strategy=strategy.name)) as trace:
        response = strategy.page(request, entry, JsonResponse)
    return json.loads(response.content), trace.served[0].status, trace.served[0].versions[entry.name]


def _write(strategy, price_cents, slug=SLUG):
    with tracing(Trace(strategy=strategy.name)):
        writes.change_product(slug, price_cents=price_cents, stock=3)
    wait_until(lambda: not OutboxRow.objects.exists(), "no worker carried out what the write left to it")


def _version(name):
    return ScopeVersion.objects.get(scope=name).version


def _round_trips(server, act):
    """Commands that reached the server from outside while ``act`` ran; those a script ran inside it do not count."""
    marker = redis.Redis.from_url(server.url)
    marker.ping()  # Its handshake is over before anyone counts.
    with redis.Redis.from_url(server.url).monitor() as monitor:
        act()
        marker.echo("done")
        seen = iter(monitor.next_command, None)
        return sum(c["client_type"] != "lua" for c in takewhile(lambda c: c["command"] != "ECHO done", seen))


def wait_until(holds, otherwise):
    """Poll until ``holds()``, 10 s at most."""
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.005)


class Herd:
    """Reads in threads of their own, each with its own database connection."""

    def __init__(self):
        self._threads = []
        self.traces = []
        self.answers = []
        self.errors = []

    def read(self, strategy, entry):
        """Begin one more read."""
        self.traces.append(Trace(strategy=strategy.name))
        self._threads.append(threading.Thread(target=self._one, args=(strategy, entry, self.traces[-1]), daemon=True))
        self._threads[-1].start()

    def expect_all_looked(self):
        """Wait until each has had an answer from the cache, or computes."""
        wait_until(lambda: all(trace.cache_ns or trace.queries for trace in self.traces), "readers never looked")

    def _one(self, strategy, entry, trace):
        try:
            self.answers.append(_read(strategy, entry, trace))
        except Exception as error:
            self.errors.append(error)
        finally:
            connection.close()

    def join(self):
        """Wait for all; what one raised is raised here."""
        for thread in self._threads:
            thread.join(20)
            assert not thread.is_alive(), "a read never ended"
        if self.errors:
            raise self.errors[0]
        return self.answers


class Gate:
    """Holds recomputes between their snapshot and their set until opened."""

    def __init__(self):
        self.waiting = threading.Semaphore(0)
        self._open = threading.Event()
        self.arrived = 0
        self.holds = 1_000
        """How many it holds; those after them pass."""

    @contextmanager
    def snapshot(self):
        """Stands in for ``snapshot``: pauses on the way out."""
        with self._real():
            yield
        if not self._open.is_set() and self.arrived < self.holds:
            self.arrived += 1
            self.waiting.release()
            assert self._open.wait(20), "nobody opened the gate"

    def expect(self, arrivals=1):
        """Wait until so many are paused."""
        for _ in range(arrivals):
            assert self.waiting.acquire(timeout=10), f"{self.arrived} recomputes came to the gate, not {arrivals}"

    def open(self):
        """Let all go, those to come too."""
        self._open.set()

    def close(self):
        """Hold those to come."""
        self._open.clear()


@pytest.fixture
def gate(monkeypatch):
    """A gate every recompute of the strategies' ``computing`` meets."""
    made = Gate()
    made._real = base.snapshot
    monkeypatch.setattr(base, "snapshot", made.snapshot)
    yield made
    made.open()
