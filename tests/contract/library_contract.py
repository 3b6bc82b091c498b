"""The contract of the strategies written with libraries, run for the one that ``CACHE_STRATEGY`` names.

Not collected by itself: ``test_strategy_libraries.py`` runs it in a process per strategy, for two of them patch the
ORM of their whole process.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager

import pytest
import redis
from django.conf import settings as shop_settings
from django.core.cache import caches
from django.db import connection
from django.test import Client

from rig.contrib.django import Status, Trace, runtime
from rig.contrib.django.events import EventLog
from rig.contrib.django.trace import tracing
from rig.measure.origin_events import OriginEvents
from target_app.shop import catalogue, measured, writes
from target_app.shop.entries import Entry, category_entry, dependents, entry_of, product_entry
from target_app.shop.models import Category, Product, ScopeVersion
from target_app.shop.unseen import unseen_write
from target_app.strategies import STRATEGIES
from tests.contract.strategy_bench import let_late_work_end

STRATEGY = STRATEGIES[shop_settings.CACHE_STRATEGY]
NAME = STRATEGY.name
SLUG = "moon-jar"
TTL_S, SHORT_TTL_S, HERD_S = 60, 0.4, 1
pytestmark = pytest.mark.django_db(transaction=True)


def only(*names):
    return pytest.mark.skipif(NAME not in names, reason=f"says something of {', '.join(names)}")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory):
    """A file: in SQLite's shared memory a reader under way locks writers out, which no real database here does."""
    connection.settings_dict.setdefault("TEST", {})["NAME"] = str(tmp_path_factory.mktemp("db") / "shop.sqlite3")


@pytest.fixture(autouse=True)
def shop(settings):
    """A small shop, caches empty; nothing expires in a test that does not ask for it."""
    _expiring(settings, TTL_S, HERD_S)
    catalogue.prepare(orders=200)
    caches["herd"].clear()
    with tracing(Trace(strategy=NAME)):  # Whatever is loaded or connected at first use is so from here on.
        STRATEGY.read(entry_of("home"))
        writes.note_product(SLUG, "First.")
    caches["herd"].clear()
    yield
    let_late_work_end()
    caches["herd"].clear()


def _expiring(settings, ttl_s, herd_s):
    settings.CACHE_TTL_S, settings.CACHE_HERD_TIMEOUT = ttl_s, herd_s
    settings.CACHES = dict(settings.CACHES)  # New clients: the old ones have read their settings.


@pytest.fixture
def events(tmp_path, monkeypatch):
    """What the origin did since."""
    monkeypatch.setattr(runtime, "EVENTS", EventLog(tmp_path))
    return OriginEvents(tmp_path)


def _read(entry, trace=None):
    """Value, status and version of one read, as its own request."""
    with tracing(trace or Trace(strategy=NAME)) as trace:
        value = STRATEGY.read(entry)
    return value, trace.served[0].status, trace.served[0].versions[entry.name]


def _write(price_cents):
    with tracing(Trace(strategy=NAME)):
        writes.change_product(SLUG, price_cents=price_cents, stock=3)


def _version(name):
    """The truth, past any cache."""
    with STRATEGY.past_cache():
        return ScopeVersion.objects.get(scope=name).version


@contextmanager
def _counted(monkeypatch):
    """Round trips: what is sent to the server at once counts once, however many commands it holds."""
    sent = []
    real = redis.connection.AbstractConnection.send_packed_command
    with monkeypatch.context() as patch:
        patch.setattr(
            redis.connection.AbstractConnection,
            "send_packed_command",
            lambda self, *args, **kwargs: (sent.append(1), real(self, *args, **kwargs))[1],
        )
        yield sent


def test_a_miss_stores_and_the_next_read_hits(events):
    """The same value comes back with the version it was computed from; only the miss is a recompute."""
    entry = product_entry(SLUG)
    first, second = _read(entry), _read(entry)
    assert (first[1], second[1]) == (Status.MISS, Status.HIT)
    assert first[0] == second[0]
    assert first[2] == second[2] == _version(entry.name)
    ended = [row for row in events.collect(0) if row["event"] == "recompute"]
    assert [(row["entry"], row["outcome"]) for row in ended] == [(entry.name, "stored")]


def test_a_hit_asks_the_database_nothing():
    """What is called a hit is one, whatever the library does with single queries."""
    _read(product_entry(SLUG))
    trace = Trace(strategy=NAME)
    assert _read(product_entry(SLUG), trace)[1] is Status.HIT
    assert trace.queries == 0


def test_all_dependents_are_fresh_within_the_declared_staleness(settings):
    """K = 3 entries after one write."""
    _expiring(settings, SHORT_TTL_S, HERD_S)
    with STRATEGY.past_cache():
        entries = dependents(Product.objects.get(slug=SLUG))
    for entry in entries:
        _read(entry)
    _write(1000)
    committed = time.monotonic()
    # Without a time to live only the call after the commit delays; 1 s is its client's time-out.
    bound = STRATEGY.max_staleness_s(1.0) if STRATEGY.freshness_by_ttl else 1.0
    for entry in entries:
        while _read(entry)[2] != _version(entry.name):
            assert time.monotonic() - committed < bound, f"{entry.name} is still stale"
            time.sleep(0.01)
        assert "1000" in str(_read(entry)[0])


def test_a_rolled_back_write_leaves_cache_and_version_alone(monkeypatch):
    """Invalidation waits for the commit, which never comes."""
    entry = product_entry(SLUG)
    before = _read(entry)

    def fail(*_args, **_kwargs):
        raise RuntimeError("before commit")

    monkeypatch.setattr(writes, "transaction", type("T", (), {"on_commit": staticmethod(fail)}))
    with pytest.raises(RuntimeError):
        _write(9999)
    after = _read(entry)
    assert (after[0], after[2]) == (before[0], before[2])
    assert _version(entry.name) == before[2]


def test_an_empty_value_is_a_value():
    """It would be recomputed for ever by `if not found`."""
    entry = Entry("category:seconds", lambda: dict(Category.objects.filter(slug="none").values_list("slug", "name")))
    assert _read(entry)[:2] == ({}, Status.MISS)
    assert _read(entry)[:2] == ({}, Status.HIT)


def test_declared_round_trips_are_those_counted(monkeypatch):
    """Hit, miss and write, with K = 3."""
    _read(product_entry(SLUG))
    with _counted(monkeypatch) as hit:
        assert _read(product_entry(SLUG))[1] is Status.HIT
    _write(5000)
    caches["herd"].clear()
    with _counted(monkeypatch) as miss:
        assert _read(product_entry("bud-vase"))[1] is Status.MISS
    with _counted(monkeypatch) as write:
        _write(5001)
    declared = STRATEGY.cost
    assert (len(hit), len(miss)) == (declared.read_hit, declared.read_miss)
    assert len(write) == (3 if declared.write == "K" else int(declared.write))


def test_as_many_recompute_at_once_as_declared(events):
    """Six read at the same time what nobody has stored: one computes, or all six."""
    readers, started, computing = 6, threading.Semaphore(0), []
    alone = STRATEGY.recomputes_at_once == 1
    all_in = threading.Barrier(readers)

    def compute():
        return {"rows": list(Category.objects.filter(slug="vases").values("slug", "name"))}

    def meeting(execute, sql, params, many, context):
        """Between the look into the cache and the answer of the database, whoever looks: query or entry."""
        if "shop_category" in sql:
            computing.append(1)
            if alone:
                for _ in range(readers):
                    assert started.acquire(timeout=10)
            else:
                all_in.wait(10)
        return execute(sql, params, many, context)

    statuses = []

    def one():
        connection.ensure_connection()
        started.release()
        with connection.execute_wrapper(meeting):
            statuses.append(_read(Entry("category:vases", compute))[1])
        connection.close()

    threads = [threading.Thread(target=one) for _ in range(readers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(statuses) == readers
    assert statuses.count(Status.MISS) == len(computing) == (1 if alone else readers)
    if alone:
        assert set(statuses) <= {Status.MISS, Status.WAIT, Status.HIT}
        assert Status.WAIT in statuses


@contextmanager
def _reader_under_way(entry):
    """A reader whose snapshot is taken and whose sales figures are being read, while the block runs."""
    read, go_on = threading.Event(), threading.Event()

    def pausing(execute, sql, params, many, context):
        result = execute(sql, params, many, context)
        if "shop_orderline" in sql:
            read.set()
            assert go_on.wait(10)
        return result

    def slowly():
        connection.ensure_connection()
        with connection.execute_wrapper(pausing):
            _read(entry)
        connection.close()

    reader = threading.Thread(target=slowly)
    reader.start()
    assert read.wait(10)
    yield
    go_on.set()
    reader.join(10)
    assert not reader.is_alive()


def test_the_stale_set_race_ends_as_declared():
    """A write commits while a reader's query runs. None of these libraries notices: the old result stays.

    The version served is that of the content, old with old, or staleness could not be told from outside.
    """
    with STRATEGY.past_cache():
        entry = category_entry(Product.objects.get(slug=SLUG).category_id)
    with _reader_under_way(entry):
        _write(7777)
    value, _, version = _read(entry)
    is_stale = version != _version(entry.name)
    assert is_stale != STRATEGY.fresh_after_race
    assert ("7777" in str(value)) != is_stale


def test_settling_finds_what_a_read_would_and_computes_nothing(events):
    """Entries stored are compared with the database; those that are not stored are not."""
    _read(product_entry(SLUG))
    events.collect(0)
    with tracing(Trace(strategy=NAME)):
        settled = measured.settle(1, seed=1)
    # What cachalot keeps for one piece is all that another one's page needs only in part.
    assert settled["checked"] == 1
    assert settled["mismatches"] == settled["bodies_differ"] == []
    assert events.collect(0) == []


def test_settling_finds_what_the_cache_was_not_told():
    """Rows changed by plain SQL: cachalot reads it and drops the table's queries, the others go on serving."""
    entry = product_entry(SLUG)
    _read(entry)
    with tracing(Trace(strategy=NAME)):
        unseen_write({"entry": entry.name, "seed": 1})
        settled = measured.settle(0, seed=1)
    expected = [] if NAME == "cachalot" else [entry.name]
    assert [one["entry"] for one in settled["mismatches"]] == settled["bodies_differ"] == expected
    for one in settled["mismatches"]:
        assert one["current"] == one["cached"] + 1
        assert 0 < one["ttl_s"] <= STRATEGY.max_staleness_s(0)


def test_a_slow_origin_repeats_its_work_past_the_cache(monkeypatch):
    """Three times the work is three times the queries on the order lines."""
    seen = []

    def noting(execute, sql, params, many, context):
        seen.append("shop_orderline" in sql)
        return execute(sql, params, many, context)

    monkeypatch.setattr(runtime, "origin_repeats", lambda: 3)
    with connection.execute_wrapper(noting):
        _read(category_entry("vases"))
    assert sum(seen) == 3


def test_an_override_that_needs_another_process_is_refused_in_one_sentence():
    """To and from those that patch the ORM: 409. Between the others: served."""
    caches["herd"].clear()
    for wanted in STRATEGIES:
        response = Client(headers={"X-Cache-Strategy": wanted}).get(f"/p/{SLUG}/")
        alone = [name for name in (wanted, NAME) if STRATEGIES[name].own_process and wanted != NAME]
        assert response.status_code == (409 if alone else 200), wanted
        if alone:
            assert response.json()["error"].endswith(f"start one with CACHE_STRATEGY={wanted}")
        else:
            assert response["X-Cache-Strategy"] == wanted


def test_the_process_lists_what_it_can_serve():
    """One that patches the ORM lists its own strategy alone."""
    listed = {row["name"]: row for row in measured.identity()["strategies"]}
    assert list(listed) == ([NAME] if STRATEGY.own_process else list(STRATEGIES))
    assert listed[NAME]["available"]
    assert listed[NAME]["own_process"] == STRATEGY.own_process


@only("cachalot")
def test_a_part_that_a_write_left_alone_does_not_hold_the_version_back():
    """The notice changes: one small query is asked again, the sales figures stay, and the page is of now."""
    entry = category_entry("vases")
    _read(entry)
    with tracing(Trace(strategy=NAME)):
        writes.post_notice("Closed on Monday.")
    trace = Trace(strategy=NAME)
    value, status, version = _read(entry, trace)
    assert (value["notice"], status, version) == ("Closed on Monday.", Status.MISS, _version(entry.name))
    assert trace.queries == 3  # BEGIN, the versions, and the notice.


@only("cachalot")
def test_an_outdated_part_holds_the_version_back():
    """A new price beside sales figures of before the write: the page is not of now, whatever its newest part says."""
    entry = product_entry(SLUG)
    before = _version(entry.name)
    with _reader_under_way(entry):
        _write(7777)
    value, status, version = _read(entry)
    assert (value["price_cents"], status) == (7777, Status.MISS)
    assert version == before == _version(entry.name) - 1


@only("cachalot")
def test_a_query_outside_any_entry_is_not_kept():
    """The staff page asks for the notice by the very query pages do: kept, it would be of no version."""
    Client().get("/staff/")
    assert _read(category_entry("vases"))[2] == _version("category:vases")
    assert _read(category_entry("vases"))[1] is Status.HIT


@only("cacheops")
def test_keep_fresh_would_end_the_race_but_is_not_the_default():
    """What the library can do, beside what it does unless asked."""
    from cacheops import cached_as, invalidate_obj

    def stays(**options):
        calls = []

        @cached_as(ScopeVersion.objects.filter(scope="home"), timeout=60, **options)
        def content():
            calls.append(1)
            if len(calls) == 1:
                invalidate_obj(ScopeVersion(scope="home"))
            return len(calls)

        content()
        return content() == 1

    assert stays(extra="default")
    assert not stays(extra="fresh", keep_fresh=True)


@only("herd-client")
def test_late_reads_recompute_and_what_they_computed_is_dropped(events, settings):
    """`get_or_set` adds where no key is, and the late one still is there: until it is gone, nothing new is stored."""
    _expiring(settings, 1.0, 3)
    entry = category_entry("vases")
    _read(entry)
    outcomes, deadline = [], time.monotonic() + 10
    while outcomes.count("stored") < 2:
        assert time.monotonic() < deadline, outcomes
        _read(entry)
        outcomes += [row["outcome"] for row in events.collect(0) if row["event"] == "recompute"]
    assert outcomes[0] == outcomes[-1] == "stored"
    assert len(outcomes) > 3
    assert set(outcomes[1:-1]) == {"discarded"}
