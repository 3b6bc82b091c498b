"""A run in which everything goes wrong that can, with every real part: cache server, gunicorn, Locust."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from rig.journal import open_run
from rig.plan.disturbance import KINDS

pytestmark = pytest.mark.e2e

PROFILE = """
from rig.measure.load.users import users
from rig.plan.disturbance import Disturbance
from rig.plan.profile import Profile

PROFILE = Profile(
    name="everything",
    summary="every kind of disturbance, one after the other",
    reads={"/p/moon-jar/": 1.0},
    entries={"/p/moon-jar/": "product:moon-jar"},
    visits={"/p/moon-jar/": 1.0},
    write_forms={},
    hot_writes=0,
    other_writes=0,
    dependents=3,
    disturbances=(
        Disturbance(kind="unseen-write", at=0.1, entry="product:moon-jar"),
        Disturbance(kind="flush", at=0.22),
        Disturbance(kind="slow-origin", at=0.32, lasts=0.2, factor=4),
        Disturbance(kind="cache-outage", at=0.7, lasts=0.15),
    ),
)

Shopper, Visitor = users(PROFILE)
"""


@pytest.fixture(scope="module")
def trial(tmp_path_factory):
    """Its first trial, sound or not: on a busy machine the generator may be late. TTL 1 s: recomputes all along."""
    folder = tmp_path_factory.mktemp("disturbed")
    own = folder / "everything.py"
    own.write_text(PROFILE)
    command = [sys.executable, "-m", "rig", "run", "--profile", str(own), "--strategies", "fixed-timeout", "--rounds"]
    command += ["1", "--no-pages", "--window", "16", "--rate", "10", "--ttl", "1", "--out", str(folder), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.stdout, done.stderr[-2000:]
    summary = json.loads(done.stdout)
    assert Path(summary["run_dir"]).name.split("-")[1] == "everything"
    return open_run(Path(summary["run_dir"])).trials[0]


def test_every_disturbance_happened_and_says_when(trial):
    """In order, without an error; momentary ones have no end."""
    seen = trial.facts["disturbances"]
    assert [one["kind"] for one in seen] == ["unseen-write", "flush", "slow-origin", "cache-outage"]
    # Those two need writes, and kill what the others are measured on: test_faults.py has them.
    assert {one["kind"] for one in seen} == set(KINDS) - {"slow-commit", "kill-holder"}
    for one in seen:
        assert one["error"] is None
        assert one["begin_s"] >= one["planned_s"]
        assert (one["end_s"] is not None) == KINDS[one["kind"]].lasting


def test_the_unseen_write_is_a_write_that_nothing_invalidated(trial):
    """Its versions are in the journal, so staleness is judged by it."""
    origin = trial.frame("origin")
    (write,) = origin[origin["event"] == "write"].to_dict("records")
    assert "product:moon-jar=" in write["versions"]
    assert not (origin["event"] == "invalidate").any()


def test_the_slow_origin_did_its_work_several_times_and_only_then(trial):
    """Four times the queries of a recompute outside the phase; counted, not timed."""
    origin, slow = trial.frame("origin"), trial.facts["disturbances"][2]
    recomputes = origin[origin["event"] == "recompute"]
    once, begin_s = recomputes["queries"].min(), recomputes["begin_ns"] / 1e9
    during = recomputes[(begin_s >= slow["begin_s"]) & (begin_s <= slow["end_s"])]
    assert during["queries"].max() > 2 * once
    later = recomputes[begin_s > slow["end_s"]]
    assert len(later) and later["queries"].max() < 2 * once


def test_while_the_cache_server_is_dead_reads_fail_and_afterwards_they_succeed(trial):
    """The shop answers with errors; once the server is back, it serves again, and the cache could be checked."""
    requests, outage = trial.frame("requests"), trial.facts["disturbances"][3]
    failed = requests[requests["cause"] == "status"]
    # A slow target may answer now what was sent before.
    assert len(failed) and (failed["done_s"] >= outage["begin_s"]).all()
    # On a very busy machine the server may be back only when all has been sent.
    after = requests[requests["sent_s"] > outage["end_s"]]
    assert after.empty or after["cause"].isna().any()
    assert trial.facts["settle"]["checked"] is not None


def test_counters_across_the_restart_are_null(trial):
    """They began anew: a difference would be wrong."""
    assert trial.facts["cache_commands"] is trial.facts["cache_round_trips"] is None
    assert trial.facts["cpu_s"]["cache"] is None
    assert trial.facts["cpu_s"]["app"] > 0
