"""outbox: what a write orders is carried out, once it is committed and never before, whoever dies."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
import redis
from django.db import connection, transaction

from rig.contrib.django import Trace, immediate
from rig.contrib.django.trace import tracing
from target_app.shop import outbox, writes
from target_app.shop.entries import product_entry
from target_app.shop.models import OutboxRow
from target_app.strategies import STRATEGIES
from tests.contract.interleaving import elsewhere, is_stale
from tests.contract.strategy_bench import SLUG, _read, _write, wait_until

ROOT = Path(__file__).parents[2]
OUTBOX = STRATEGIES["outbox"]
in_this_process = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("shop")]


def _marked(test):
    for mark in in_this_process:
        test = mark(test)
    return test


def _order():
    """A write that waits for nobody to carry out what it leaves."""
    with tracing(Trace(strategy="outbox")):
        writes.change_product(SLUG, price_cents=7777, stock=3)


@pytest.fixture
def no_worker(monkeypatch):
    """Rows stay until the test drains them."""
    OUTBOX.worker.stop()
    monkeypatch.setattr(OUTBOX.worker, "start", lambda: None)


@_marked
def test_a_rolled_back_write_leaves_no_order(no_worker):
    """The row is of the same transaction: it goes with it."""
    with tracing(Trace(strategy="outbox")), pytest.raises(RuntimeError), transaction.atomic():
        writes.note_product(SLUG, "Back in June.")
        assert OutboxRow.objects.count() == 1
        raise RuntimeError("before the commit")
    assert not OutboxRow.objects.exists()


@_marked
def test_an_order_is_not_carried_out_before_its_commit(no_worker, monkeypatch):
    """A worker that looks between the last statement and the COMMIT sees no row."""
    seen, delivered = [], []
    real = OUTBOX.before_commit

    def then_a_worker(entries):
        real(entries)
        elsewhere(lambda: seen.append(outbox.drain(delivered.append)))

    monkeypatch.setattr(OUTBOX, "before_commit", then_a_worker)
    _order()
    assert (seen, delivered) == ([0], [])
    assert outbox.drain(delivered.append) == 1
    assert delivered == [[f"product:{SLUG}", "category:vases", "home"]]


@_marked
def test_a_worker_that_failed_leaves_the_row_for_the_next(no_worker):
    """The cache did not answer: nothing is forgotten."""
    entry = product_entry(SLUG)
    _read(OUTBOX, entry)
    _order()

    def fail(_names):
        raise redis.ConnectionError("nobody there")

    with pytest.raises(redis.ConnectionError):
        outbox.drain(fail)
    assert is_stale(OUTBOX, entry)
    assert outbox.drain(OUTBOX.worker._deliver) == 1
    assert not is_stale(OUTBOX, entry)


@_marked
def test_the_delete_is_recorded_in_the_epoch_and_under_the_strategy_of_its_write(no_worker, recorded):
    """Carried out late, in another trial, it touches that trial's entries as little as its figures."""
    with tracing(Trace(strategy="outbox", epoch=0)):
        writes.note_product(SLUG, "Back in June.")
    with tracing(Trace(strategy="outbox", epoch=1)) as later:
        OUTBOX.read(product_entry(SLUG))
        outbox.drain(OUTBOX.worker._deliver)
        OUTBOX.read(product_entry(SLUG))
    assert [served.status for served in later.served] == ["MISS", "HIT"]
    deleted = [row for row in recorded() if row["event"] == "invalidate"]
    assert [(row["epoch"], row["strategy"], row["entries"]) for row in deleted] == [(0, "outbox", [f"product:{SLUG}"])]


@_marked
def test_the_worker_of_the_writing_process_is_woken(monkeypatch):
    """It does not wait for its poll: that would take longer than this test allows."""
    monkeypatch.setattr(outbox, "POLL_S", 60.0)
    OUTBOX.worker.stop()
    entry = product_entry(SLUG)
    _read(OUTBOX, entry)
    _write(OUTBOX, 7777)
    wait_until(lambda: not is_stale(OUTBOX, entry), "the worker slept on")


@_marked
def test_a_worker_finds_by_itself_what_another_process_left():
    """The row comes from nobody who could wake it; the poll interval is 0.2 s, the deadline 10 s."""
    entry = product_entry(SLUG)
    _read(OUTBOX, entry)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(OUTBOX.worker, "wake", lambda: None)
        _write(OUTBOX, 7777)
    wait_until(lambda: not is_stale(OUTBOX, entry), "nobody looked")


@_marked
def test_two_workers_do_not_carry_out_one_order_twice(no_worker):
    """A row one worker is at is skipped by the other, which does not wait either."""
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has no row locks; its workers exclude each other")
    _order()
    others, delivered = [], []

    def meanwhile(names):
        delivered.append(names)
        elsewhere(lambda: others.append(outbox.drain(delivered.append)))

    assert outbox.drain(meanwhile) == 1
    assert (others, len(delivered)) == ([0], 1)


@_marked
def test_an_idle_worker_holds_up_no_writer(no_worker):
    """It looks without a lock: on SQLite, a writer has the only one."""
    seen = []
    with immediate(), transaction.atomic():
        elsewhere(lambda: seen.append(outbox.drain(seen.append)))
    assert seen == [0]


@pytest.fixture
def elsewhere_env(server, tmp_path):
    """Where processes of their own find a SQLite file and the cache server."""
    return {
        **{name: value for name, value in os.environ.items() if name != "DATABASE_URL"},
        "DJANGO_SETTINGS_MODULE": "target_app.config.settings",
        "SHOP_DATA_DIR": str(tmp_path),
        "RIG_REDIS_URL": server.url,
        "PYTHONPATH": str(ROOT),
    }


def _killed_between_commit_and_delete(strategy, env):
    child = [sys.executable, str(Path(__file__).with_name("outbox_child.py")), strategy]
    done = subprocess.run(child, env=env, cwd=ROOT, timeout=60, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr


def _cached(server, strategy):
    with redis.Redis.from_url(server.url) as client:
        return list(client.scan_iter(f"*:{strategy}:product:moon-jar"))


def _orders(env):
    with sqlite3.connect(Path(env["SHOP_DATA_DIR"]) / "shop.sqlite3") as database:
        return database.execute("SELECT count(*) FROM shop_outbox").fetchone()[0]


def test_what_a_killed_process_left_another_one_carries_out(server, elsewhere_env):
    """kill -9 between COMMIT and delete: the row is there, the old value too, until a worker elsewhere comes."""
    _killed_between_commit_and_delete("outbox", elsewhere_env)
    assert _orders(elsewhere_env) == 1
    assert _cached(server, "outbox")
    command = [sys.executable, "-m", "django", "outbox_worker"]
    with subprocess.Popen(command, env=elsewhere_env, cwd=ROOT) as worker:
        try:
            deadline = time.monotonic() + 30
            while _cached(server, "outbox") or _orders(elsewhere_env):
                assert time.monotonic() < deadline, "the order was not carried out"
                time.sleep(0.02)
        finally:
            worker.kill()


def test_a_delete_after_commit_is_lost_with_its_process(server, elsewhere_env):
    """The same death without an outbox: nobody knows that the old value should go."""
    _killed_between_commit_and_delete("delete-many", elsewhere_env)
    assert _cached(server, "delete-many")
    assert _orders(elsewhere_env) == 0
