"""What Prometheus is told of a run: the feed's own figures, labelled, null where nothing was measured."""

from __future__ import annotations

import time
from types import SimpleNamespace

import gevent
import numpy as np
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from rig.journal import table_of
from rig.measure.address import parse_listen
from rig.measure.load.live import exporter as exporter_module
from rig.measure.load.live import feed as live_feed_module
from rig.measure.load.live.batch import Shown, Timings, timings
from rig.measure.load.live.exporter import EDGES_S, FeedCollector, serve_metrics
from rig.measure.load.live.feed import LINGER_S, LiveFeed
from rig.measure.load.live.stale import PATIENCE_S, LiveStale
from rig.measure.load.live.times import Times
from rig.model import InfrastructureError, UsageError
from rig.samples import REQUESTS

WHO = {"strategy": "lease", "profile": "hot-key", "round": "2"}


@pytest.fixture
def feed(monkeypatch):
    """A trial 5.05 s after its start, however long the test takes: its clock stands still."""
    now_s = time.monotonic()
    clock = SimpleNamespace(monotonic=lambda: now_s, time_ns=time.time_ns)
    for module in (live_feed_module, exporter_module):
        monkeypatch.setattr(module, "time", clock)
    start_s = now_s - 5.05
    made = LiveFeed()
    made.start_s = start_s
    made.run_began({"profile": "hot-key"})
    due_s = start_s + np.arange(100) / 10
    made.trial_began(2, "lease", 1, 4, start_s, 10.0, due_s=due_s, in_flight=lambda: 7)
    return made


def scraped(feed):
    """{(name, sorted labels): value}, as Prometheus would read it."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(FeedCollector(feed))
    text = generate_latest(registry).decode()
    return {
        (one.name, *sorted(one.labels.items())): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def value(feed, name, **labels):
    return scraped(feed).get((name, *sorted({**WHO, **labels}.items())))


def batch(start_s, due_s, spent_ms, **more):
    due = start_s + np.asarray(due_s, float)
    none = np.zeros(len(due), bool)
    done_s = due + np.asarray(spent_ms, float) / 1000
    return Timings(**{"intended_s": due, "done_s": done_s, "failed": none, "is_write": none, "sent_s": due, **more})


def test_the_exporters_figures_are_the_feeds(feed):
    """Counts, quantile and sum agree with what the tab shows of the same trial."""
    dice = np.random.default_rng(5)
    spent = dice.lognormal(3, 1.5, 3000).clip(0.3, 50_000)
    writes = dice.random(3000) < 0.1
    feed.requests(
        batch(feed.start_s, dice.uniform(0, 5, 3000), spent, is_write=writes, causes={"status": 4, "timeout": 1})
    )
    feed.visit({"outcome": "measured", "lcp_ms": 1234.0, "intended_s": feed.start_s, "path": "/"})
    feed.visit({"outcome": "failed", "lcp_ms": None, "intended_s": feed.start_s, "path": "/"})
    feed.recomputes_open([(feed.start_s + 1, 3), (feed.start_s + 1.2, 9), (feed.start_s + 4, 2)])
    feed.marker("stampede", feed.start_s + 1, "home", until_s=feed.start_s + 2, peak=9)
    totals = feed.delta(0)["trial"]["totals"]
    assert value(feed, "rig_ended_requests_total", kind="read") == totals["reads"]
    assert value(feed, "rig_ended_requests_total", kind="write") == totals["writes"]
    assert value(feed, "rig_response_seconds_count") == totals["reads"]
    assert value(feed, "rig_response_seconds_sum") == pytest.approx(spent[~writes].sum() / 1000, rel=1e-6)
    assert value(feed, "rig_failures_total", cause="status") == 4
    assert value(feed, "rig_lcp_seconds_sum") == 1.234
    assert [value(feed, "rig_visits_total", outcome=one) for one in ("measured", "failed")] == [1, 1]
    assert value(feed, "rig_recomputes_open") == 2
    assert value(feed, "rig_recomputes_open_peak") == totals["peak"] == 9
    assert value(feed, "rig_recomputes_total") == 9
    assert value(feed, "rig_stampedes_total") == totals["stampedes"] == 1
    assert value(feed, "rig_requests_in_flight") == 7
    assert value(feed, "rig_sent_requests_total") == 3000
    assert value(feed, "rig_offered_requests_total") == 51
    edges = {edge_s: value(feed, "rig_response_seconds_bucket", le=f"{edge_s:g}") for edge_s in EDGES_S}
    for edge_s, count in edges.items():
        below, above = ((spent[~writes] <= edge_s * 1000 * factor).sum() for factor in (0.99, 1.01))
        assert below <= count <= above, edge_s
    first = next(edge_s for edge_s, count in edges.items() if count >= totals["reads"] / 2)
    assert totals["median_ms"] <= first * 1010


@pytest.mark.parametrize("edge_s", EDGES_S)
def test_an_edge_holds_within_one_per_cent(edge_s):
    times = Times()
    times.add(np.array([edge_s * 990, edge_s * 1010]))
    assert times.up_to(np.array([edge_s * 1000])) == [1]


def test_what_is_not_measured_has_no_series(feed):
    """Never a 0: no events were read, and nobody knows what is in flight at the workers."""
    feed.trial_began(2, "lease", 2, 4, feed.start_s, 10.0)
    names = {key[0] for key in scraped(feed)}
    for name in ("rig_stale_reads_total", "rig_recomputes_open", "rig_recomputes_total", "rig_stampedes_total"):
        assert name not in names
    assert not {"rig_requests_in_flight", "rig_offered_requests_total"} & names
    assert value(feed, "rig_ended_requests_total", kind="read") == 0


def test_a_trial_that_has_ended_is_told_a_while_longer_but_not_its_present(feed):
    """Its counters stay until the next scrape has surely come; recomputes open now are not its own any more."""
    feed.requests(batch(feed.start_s, [1.0], [5.0]))
    feed.recomputes_open([(feed.start_s + 1, 3)])
    feed.trial_ended({})
    assert value(feed, "rig_recomputes_open") is None
    assert value(feed, "rig_trial_running") == 0
    feed.trial_began(3, "ttl", 2, 4, feed.start_s + 11, 10.0)
    assert value(feed, "rig_ended_requests_total", kind="read") == 1
    assert value(feed, "rig_ended_requests_total", kind="read", strategy="ttl", round="3") == 0
    now_s = time.monotonic() + LINGER_S + 1
    assert [one.strategy for one in feed.figures(now_s)] == ["ttl"]


def test_the_cost_of_a_scrape_stays_bounded(feed):
    """However many trials a run has."""
    for number in range(200):
        feed.trial_began(number, "lease", number, 200, feed.start_s, 10.0)
    assert len(feed.figures(time.monotonic())) <= live_feed_module._MOST_LINGERING + 1


def test_a_batch_of_samples_is_counted_by_cause_and_cache():
    """Straight from the journal's columns: cache of reads only, causes of all; versions of complete reads."""
    common = {"index": 0, "path": "/", "intended_s": 1.0, "sent_s": 1.1, "done_s": 1.2, "status": 200}
    rows = [
        {**common, "kind": "read", "cache": "HIT", "content_version": "home=1"},
        {**common, "kind": "read", "cache": "STALE", "content_version": "home=2"},
        {**common, "kind": "read", "cache": "HIT", "content_version": "home=3", "cause": "wrong_arm"},
        {**common, "kind": "read", "cause": "dropped", "sent_s": None, "done_s": None},
        {**common, "kind": "write", "cache": "MISS"},
    ]
    found = timings(table_of(rows, REQUESTS).combine_chunks().to_batches()[0])
    assert found.caches == {"HIT": 2, "STALE": 1}
    assert found.causes == {"wrong_arm": 1, "dropped": 1}
    assert [found.shown.texts[place] for place in found.shown.place] == ["home=1", "home=2"]
    assert timings(table_of(rows, REQUESTS).combine_chunks().to_batches()[0], judged=False).shown is None


def shown(*reads):
    texts = sorted({text for _, text in reads})
    return Shown(np.array([at_s for at_s, _ in reads]), np.array([texts.index(text) for _, text in reads]), texts)


def test_a_read_is_stale_if_a_newer_version_was_surely_there_when_it_began():
    """Of any scope on the page; the instant of the commit itself is no proof; unreadable versions are not judged."""
    stale = LiveStale()
    stale.reads(shown((10.0, "home=1"), (10.1, "home=1"), (10.1, "home=2"), (10.2, "x=9, home=1"), (10.3, "?")))
    assert stale.stale is None
    stale.committed(10.0, {"home": 2})
    stale.known_until(10.3 + PATIENCE_S - 0.01)
    assert stale.stale == 0
    stale.known_until(10.3 + PATIENCE_S)
    assert stale.stale == 2


def test_where_no_read_can_be_judged_there_is_no_figure(feed):
    """Pages without content versions, or times by another host's clock: null, however often events are read."""
    feed.requests(batch(feed.start_s, [1.0], [5.0]))
    feed.committed(feed.start_s + 1, {"home": 2})
    feed.events_read(feed.start_s + 4)
    assert value(feed, "rig_stale_reads_total") is None
    feed.requests(batch(feed.start_s, [1.5], [5.0], shown=shown((feed.start_s + 1.5, "home=1"))))
    feed.events_read(feed.start_s + 1.5 + PATIENCE_S)
    assert value(feed, "rig_stale_reads_total") == 1


def test_a_write_told_late_still_proves_what_was_not_judged_yet():
    stale = LiveStale()
    stale.reads(shown((10.0, "home=1")))
    stale.known_until(11.0)
    stale.committed(9.0, {"home": 3})
    stale.known_until(10.0 + PATIENCE_S)
    assert stale.stale == 1


def test_metrics_are_served_at_their_path_and_a_taken_port_is_named(feed):
    address = serve_metrics(feed, "127.0.0.1", 0)
    host, port = address.split("/")[2].split(":")

    def get(path):
        with gevent.socket.create_connection((host, int(port)), 10) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            text = b""
            while part := connection.recv(65536):
                text += part
        return text.decode()

    assert "\nrig_requests_in_flight{" in get("/metrics")
    assert get("/").startswith("HTTP/1.1 404")
    with pytest.raises(InfrastructureError, match=f"port {port} on 127.0.0.1.*--metrics-port"):
        serve_metrics(feed, host, int(port))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("9646", ("127.0.0.1", 9646)),
        ("0.0.0.0:9646", ("0.0.0.0", 9646)),
        ("[::1]:0", ("::1", 0)),
        ("localhost:65535", ("localhost", 65535)),
    ],
)
def test_a_plain_port_is_loopback(text, found):
    """Everybody's address must be named."""
    assert parse_listen("--metrics-port", text) == found


@pytest.mark.parametrize("text", ["", "x", "0.0.0.0", "65536", "-1", "127.0.0.1:"])
def test_what_is_no_port_is_refused(text):
    with pytest.raises(UsageError, match=r"--metrics-port.*like 9646, or 0\.0\.0\.0:9646"):
        parse_listen("--metrics-port", text)
