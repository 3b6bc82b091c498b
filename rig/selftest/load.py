"""The load side against a server whose behaviour is known: freezes, delays, failures, and its own count."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from rig.analysis import requests
from rig.journal import SealedTrial, TrialDir
from rig.measure.load.fleet_client import FleetClient
from rig.measure.load.order import TrialOrder
from rig.measure.single import LOCUSTFILE
from rig.model import TrialId
from rig.plan.environment import pinning
from rig.plan.schedule import ScheduleSpec
from rig.selftest.check import Check, at_most, exactly, within
from rig.selftest.scripted_server import Scripted, serving

_SPEC = ScheduleSpec(
    seed=1, round=0, window_s=3.0, read_rate_rps=200.0, reads={"/ok": 1.0}, visit_paths={}, arrivals="uniform"
)
_NO_RESPONSE = ("refused", "reset", "truncated", "connect", "connect_timeout")


@dataclass(frozen=True, slots=True)
class _Generator:
    """A fleet that stays for all checks."""

    fleet: FleetClient
    folder: Path

    def offer(
        self, url: str, spec: ScheduleSpec, on_start: Callable[[float], None] = lambda _: None
    ) -> tuple[dict[str, Any], SealedTrial]:
        """Offer ``spec`` to ``url``; returns the figures of ``rig load`` and the trial they are of."""
        journal = TrialDir(Path(tempfile.mkdtemp(dir=self.folder)))
        order = TrialOrder(url=url, strategy=None, spec=spec, requests_path=str(journal.requests_stream), timeout_s=5)
        result = self.fleet.run(order, on_start=on_start)
        journal.seal([], result)
        trial = SealedTrial(TrialId(round=1, arm="selftest"), result, journal.path)
        return requests.figures([trial], window_s=spec.window_s), trial


def checks(say: Callable[[str], None]) -> Iterator[Check]:
    """All checks of the load side, one after the other; ``say`` hears what is being measured. About a minute."""
    target_cpus, own_cpus = pinning()
    with (
        tempfile.TemporaryDirectory(prefix="rig-selftest-") as name,
        FleetClient(LOCUSTFILE, logs=Path(name), cpus=own_cpus) as fleet,
    ):
        say("generator starts")
        fleet.wait_ready()
        generator = _Generator(fleet, Path(name))
        for check in (_freezes, _delays, _failures, _dying):
            yield from check(generator, target_cpus, say)


def _freezes(generator: _Generator, cpus: str | None, say: Callable[[str], None]) -> Iterator[Check]:
    """1 s frozen of every 10 s, seen from uniform arrivals: p99 = S − 0.01·T, mean = S²/2T above the service time.

    A closed-loop generator sees next to nothing of it (Locust's own p95: 8 ms where the truth is 500).
    """
    say("30 s of load on a server that freezes 1 s in every 10")
    spec = replace(_SPEC, window_s=30.0)
    with serving(freeze_every_s=10, freeze_for_s=1, cpus=cpus) as server:
        figures, trial = generator.offer(server.url, spec)
        answered, freezes = server.counted()[1], server.freezes()
    # The server says itself how long it stood still; a busy machine makes its second a little longer.
    lasted = [end_s - begin_s for begin_s, end_s in freezes]
    response_ms = figures["response_ms"]
    truth = 1000 * (sum(lasted) / len(lasted) - 0.01 * 10)
    yield within("freeze: response p99", response_ms["p99"], truth, "ms", 0.03)
    waited_ms = 1000 * sum(length**2 for length in lasted) * spec.read_rate_rps / 2 / figures["scheduled"]
    yield within("freeze: response mean", response_ms["mean"], waited_ms + _calm_mean_ms(trial, freezes), "ms", 0.05)
    yield exactly("freeze: scheduled", figures["scheduled"], 6000, "requests")
    yield exactly("freeze: sent + dropped", figures["sent"] + figures["dropped"], figures["scheduled"], "requests")
    yield exactly("freeze: the server's own count", answered, figures["sent"], "requests")


def _calm_mean_ms(trial: SealedTrial, freezes: list[tuple[float, float]]) -> float:
    """Mean response time of the requests that met no freeze: what the analytic mean comes on top of."""
    frame = trial.frame("requests", ["intended_s", "done_s"])
    calm = pd.Series(True, index=frame.index)
    for begin_s, end_s in freezes:
        calm &= (frame["done_s"] < begin_s) | (frame["intended_s"] > end_s)
    return float((frame["done_s"] - frame["intended_s"])[calm].mean() * 1000)


def _delays(generator: _Generator, cpus: str | None, say: Callable[[str], None]) -> Iterator[Check]:
    """A server that takes 100 ms, and one that answers at once: what the generator adds is its slip."""
    say("delays of 0 and 100 ms")
    with serving(cpus=cpus) as server:
        slow, _ = generator.offer(server.url, replace(_SPEC, read_rate_rps=50.0, reads={"/slow/100": 1.0}))
        quick, _ = generator.offer(server.url, _SPEC)
    # asyncio's timer wakes up to a millisecond late, and the answer comes after it.
    yield within("delay of 100 ms: service p50", slow["service_ms"]["p50"], 100.0, "ms", 0.03)
    # 5 ms is where a trial would be marked "late generator".
    yield at_most("slip p99 at 200/s", quick["slip_ms"]["p99"], 5.0, "ms")


def _failures(generator: _Generator, cpus: str | None, say: Callable[[str], None]) -> Iterator[Check]:
    """Every way to fail has its cause, and each is counted."""
    say("failures of every kind")
    for path, cause in (
        ("/status/503", "status"),
        ("/reset", "reset"),
        ("/truncated", "truncated"),
        ("/garbage", "protocol"),
    ):
        with serving(cpus=cpus) as server:
            figures, _ = generator.offer(server.url, replace(_SPEC, window_s=0.5, reads={path: 1.0}))
        yield exactly(f"failures by cause: {cause}", figures["failures"].get(cause, 0), 100, "requests")


def _dying(generator: _Generator, cpus: str | None, say: Callable[[str], None]) -> Iterator[Check]:
    """A server killed half-way: what it answered is what was sent less what failed without a response."""
    say("a server that is killed half-way")
    with serving(cpus=cpus) as server:
        figures, _ = generator.offer(server.url, _SPEC, lambda start_s: _kill_at(server, start_s + _SPEC.window_s / 2))
        answered = server.counted()[1]
    unanswered = sum(figures["failures"].get(cause, 0) for cause in _NO_RESPONSE)
    yield exactly("killed server: its own count", answered, figures["sent"] - unanswered, "requests")
    yield exactly(
        "killed server: sent + dropped", figures["sent"] + figures["dropped"], figures["scheduled"], "requests"
    )
    yield within("killed server: answered", answered, figures["scheduled"] / 2, "requests", 0.1)


def _kill_at(server: Scripted, at_s: float) -> None:
    timer = threading.Timer(at_s - time.monotonic(), server.process.kill)
    timer.daemon = True
    timer.start()
