"""Locust workers that share a schedule: nothing is sent twice, nothing left out, and a lost one costs only its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pytest

from rig.journal import read_stream, stream_batches
from rig.measure.load.clock import clock_id, same_clock
from rig.measure.load.fleet_client import Crewing, FleetClient
from rig.measure.load.order import TrialOrder
from rig.measure.single import LOCUSTFILE
from rig.measure.soundness import marks
from rig.model import Mark
from rig.plan.schedule import ScheduleSpec
from rig.samples import REQUESTS
from rig.selftest.scripted_server import scripted_server

SPEC = ScheduleSpec(
    seed=5, round=0, window_s=2.0, read_rate_rps=150.0, reads={"/ok": 0.7, "/slow/20": 0.3}, visit_paths={}
)


def _run(fleet: FleetClient, url: str, folder: Path, on_start: Callable[[float], None] = lambda _: None, **more: Any):
    journal = folder / "requests.arrows"
    order = TrialOrder(url=url, strategy=None, spec=SPEC, requests_path=str(journal), **more)
    result = fleet.run(order, on_start=on_start)
    return result, read_stream(journal, REQUESTS).to_pandas(), marks(stream_batches(journal), result, 0)


def _offered(frame: pd.DataFrame, result: dict[str, Any]) -> list[tuple[int, str, float]]:
    """What was offered: position, path, and instant after the start, to the microsecond."""
    at = (frame["intended_s"] - result["start_s"]).round(6)
    return sorted(zip(frame["index"], frame["path"].astype(str), at, strict=True))


def _workers_of(fleet: FleetClient) -> list[psutil.Process]:
    """Locust worker processes below the fleet; their supervisors are left out."""
    below = psutil.Process(fleet._process.pid).children(recursive=True)
    return [process for process in below if "--worker" in process.cmdline() and "locust" in process.cmdline()[2]]


@pytest.fixture
def crew(tmp_path):
    with FleetClient(LOCUSTFILE, logs=tmp_path, crewing=Crewing(workers=2)) as fleet:
        fleet.wait_ready()
        yield fleet


def test_two_workers_offer_what_one_process_offers(crew, tmp_path):
    """The same schedule to the last instant, and the union of their samples, each journalled once."""
    with scripted_server() as url:
        shared, samples, found = _run(crew, url, tmp_path)
        with FleetClient(LOCUSTFILE, logs=tmp_path) as alone:
            alone.wait_ready()
            single, wanted, _ = _run(alone, url, tmp_path)
    assert Mark.LOST_SAMPLES not in found
    assert shared["schedule_digest"] == single["schedule_digest"]
    assert _offered(samples, shared) == _offered(wanted, single)
    assert shared["requests"]["sent"] == shared["requests"]["recorded"] == len(wanted)
    assert set(samples["worker"]) == {0, 1}
    assert (samples["status"] == 200).all()
    assert shared["lost_workers"] == shared["foreign_workers"] == []


def test_a_worker_killed_in_a_trial_is_survived(crew, tmp_path):
    """The trial is marked and keeps what came; the next one is whole, by two workers again."""

    def kill_one_after(start_s: float) -> None:
        victim = _workers_of(crew)[0]
        threading.Timer(1.6, victim.send_signal, [signal.SIGKILL]).start()

    with scripted_server() as url:
        result, samples, found = _run(crew, url, tmp_path, kill_one_after)
        assert len(result["lost_workers"]) == 1
        assert found[0] is Mark.LOST_WORKER
        assert result["requests"]["sent"] <= result["requests"]["recorded"] == len(samples)
        survivor = 1 - result["lost_workers"][0]
        assert (samples["worker"] == survivor).sum() == len(range(survivor, result["requests"]["scheduled"], 2))
        # What the lost one had flushed before it died is kept.
        assert (samples["worker"] == result["lost_workers"][0]).any()

        again, whole, found = _run(crew, url, tmp_path)
    assert again["lost_workers"] == []
    assert Mark.LOST_WORKER not in found
    assert set(whole["worker"]) == {0, 1}
    assert len(whole) == again["requests"]["scheduled"]


def _waiting_fleet(folder: Path) -> FleetClient:
    return FleetClient(LOCUSTFILE, logs=folder, crewing=Crewing(workers=1, remote=True))


@pytest.mark.parametrize("shift_s", [0, 86_400])
def test_a_worker_started_by_hand_joins_by_the_printed_command(tmp_path, shift_s):
    """With another clock its samples are moved to the trial's start, and named: nothing is guessed from them."""
    launcher = []
    if shift_s:
        launcher = ["unshare", "--time", "--monotonic", str(shift_s), "--fork", "--kill-child"]
        if not shutil.which("unshare") or subprocess.run([*launcher, "true"], capture_output=True).returncode:
            pytest.skip("this machine lets nobody shift a clock (unshare --time)")
    hands: list[subprocess.Popen[bytes]] = []

    def start_it(waiting: Any) -> None:
        if not hands:
            command = [*launcher, *waiting["command"]]
            hands.append(subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True))

    try:
        with scripted_server() as url, _waiting_fleet(tmp_path) as fleet:
            fleet.wait_ready(start_it)
            result, samples, _ = _run(fleet, url, tmp_path)
    finally:
        for hand in hands:
            os.killpg(hand.pid, signal.SIGKILL)
            hand.wait()
    assert result["foreign_workers"] == ([0] if shift_s else [])
    assert len(samples) == result["requests"]["scheduled"]
    assert np.all(samples["intended_s"] >= result["start_s"])
    assert np.all(samples["intended_s"] <= result["end_s"])
    assert np.all(samples["done_s"] > samples["sent_s"])


def test_an_unknown_clock_is_another_clock():
    """What is not known is not assumed."""
    assert same_clock(clock_id(), clock_id())
    assert not same_clock(None, None)
    assert not same_clock("boot/time:[1]", "boot/time:[2]")


def test_workers_that_do_not_come_end_the_wait_with_a_reason(tmp_path, monkeypatch):
    """No run hangs for a worker that can't start."""
    broken = tmp_path / "broken.py"
    broken.write_text("raise RuntimeError('no such thing')\n")
    from rig.model import InfrastructureError

    fleet = FleetClient(broken, logs=tmp_path, crewing=Crewing(workers=1))
    with fleet, pytest.raises(InfrastructureError, match="no such thing"):
        fleet.wait_ready()
