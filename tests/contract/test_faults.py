"""What the profile ``faults`` does to the shop: commits that wait, entries forgotten, holders killed."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from rig.measure.holder import kill_holder
from rig.model import InfrastructureError
from tests.contract.measured_shop import DEADLINE_S, shop

__all__ = ["shop"]
HOT, HOT_PATH = "product:moon-jar", "/p/moon-jar/"


def _writes(shop, epoch):
    return [row for row in shop.events.collect(epoch) if row["event"] == "write"]


def test_a_slow_commit_lets_readers_in_between_work_and_commit(shop):
    """The write's row is changed and not committed: who misses then reads the old one, and is not held up."""
    epoch = shop.reset()
    shop.get(HOT_PATH, "delete-many")
    shop.disturb(kind="slow-commit", pause_ms=1500)
    with ThreadPoolExecutor(1) as pool:
        before = shop.get(HOT_PATH, "delete-many")["X-Content-Version"]
        writing = pool.submit(shop.post, "/staff/p/moon-jar/", price_cents=4000, stock=4)
        shop.disturb(kind="forget", entry=HOT, strategy="delete-many")
        meanwhile = shop.get(HOT_PATH, "delete-many")
        assert not writing.done()
        assert writing.result(DEADLINE_S) == 204
    assert (meanwhile["X-Cache"], meanwhile["X-Content-Version"]) == ("MISS", before)
    shop.disturb(kind="forget", entry=HOT, strategy="delete-many")
    assert shop.get(HOT_PATH, "delete-many")["X-Content-Version"] != before
    (row,) = _writes(shop, epoch)
    # The pause lies between begin and COMMIT, which itself stays short: reads are judged by its interval.
    assert (row["commit_begin_ns"] - row["begin_ns"]) / 1e6 >= 1500
    assert (row["commit_end_ns"] - row["commit_begin_ns"]) / 1e6 < 1500


def test_a_reset_ends_slow_commits(shop):
    """Nobody has to end them before the next trial."""
    shop.reset()
    shop.disturb(kind="slow-commit", pause_ms=2000)
    epoch = shop.reset()
    shop.post("/staff/p/moon-jar/", price_cents=4100, stock=4)
    (row,) = _writes(shop, epoch)
    assert (row["commit_end_ns"] - row["begin_ns"]) / 1e6 < 2000


@pytest.mark.parametrize("strategy", ["delete-many", "versioned-keys"])
def test_what_is_forgotten_is_one_entry_alone(shop, strategy):
    """As an eviction: the next read misses, its neighbours hit."""
    shop.reset()
    for path in (HOT_PATH, "/"):
        shop.get(path, strategy)
    shop.disturb(kind="forget", entry=HOT, strategy=strategy)
    assert shop.get("/", strategy)["X-Cache"] == "HIT"
    assert shop.get(HOT_PATH, strategy)["X-Cache"] == "MISS"


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "forget", "entry": "product:no-such"},
        {"kind": "forget"},
        {"kind": "slow-commit", "pause_ms": -1},
        {"kind": "slow-commit", "pause_ms": 10_001},
        {"kind": "slow-commit", "pause_ms": 0.5},
    ],
)
def test_what_cannot_be_is_refused(shop, body):
    """400 with one sentence that names the parameter."""
    with pytest.raises(urllib.error.HTTPError) as refused:
        shop.disturb(**body)
    assert refused.value.code == 400
    assert ("entry is" if body["kind"] == "forget" else "pause_ms is") in json.load(refused.value)["error"]


def test_the_process_that_recomputes_is_killed_and_another_takes_its_place(shop):
    """Its recompute never ends; the read it served fails; the server goes on with a new worker."""
    epoch = shop.reset()
    shop.get(HOT_PATH, "delete-many")
    shop.disturb(kind="slow-origin", factor=1000)  # The recompute is open for as long as it takes to be killed.
    master = next(process for process in shop.app.tree() if process.children())
    before = {process.pid for process in master.children()}
    read_failed = threading.Event()

    def forget():
        forgotten_s = shop.target.disturb("forget", "delete-many", entry=HOT)
        threading.Thread(target=read, daemon=True).start()
        return forgotten_s

    def read():
        try:
            shop.get(HOT_PATH, "delete-many")
        except OSError:
            read_failed.set()

    kill_holder(HOT, shop.event_dir, shop.app, forget)
    assert read_failed.wait(DEADLINE_S)
    deadline = time.monotonic() + DEADLINE_S
    while len(after := {process.pid for process in master.children()}) < len(before) or after == before:
        assert time.monotonic() < deadline, "no new worker"
        time.sleep(0.05)
    assert len(before - after) == 1
    shop.disturb(kind="slow-origin", factor=1)
    assert shop.target.reset({}) == epoch + 1
    killed = [row for row in shop.events.collect(epoch) if row["event"] == "recompute" and row["end_ns"] is None]
    assert [(row["entry"], row["pid"]) for row in killed] == [(HOT, (before - after).pop())]


def test_nobody_is_killed_who_is_not_a_worker_of_the_target(shop, tmp_path, monkeypatch):
    """An event file may name any process, the server's master or this one: none of them is touched."""
    monkeypatch.setattr("rig.measure.holder._READ_WITHIN_S", 0.3)
    master = next(process for process in shop.app.tree() if process.children())
    me = psutil.Process()

    def forget():
        lines = [{"event": "recompute.begin", "id": str(pid), "entry": HOT, "pid": pid} for pid in (master.pid, me.pid)]
        (tmp_path / "events-1.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        return 0.0

    with pytest.raises(InfrastructureError, match="nobody recomputed"):
        kill_holder(HOT, tmp_path, shop.app, forget)
    assert master.is_running()


def test_all_bodies_are_compared_where_the_sample_is_null(shop):
    """Not one of those whose version is right: every one."""
    shop.reset()
    shop.target.seed("delete-many", dict.fromkeys([HOT, "home", "category:seconds"]))
    assert shop.target.settle("delete-many", None, 1)["bodies_checked"] == 3
    assert shop.target.settle("delete-many", 1, 1)["bodies_checked"] == 1
