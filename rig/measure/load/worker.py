"""A worker's side of a distributed trial: takes its share of the schedule, sends it, ships samples to the master."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import time
from typing import Any

import gevent
import pyarrow as pa
import pyarrow.ipc as ipc
from locust.runners import WorkerRunner

from rig.measure.load import locust_stats
from rig.measure.load.clock import clock_id, same_clock
from rig.measure.load.messages import CANCEL, DONE, GO, ORDER, READY, SAMPLES
from rig.measure.load.order import order_from
from rig.measure.load.trial import Trial
from rig.measure.services.supervisor import pin
from rig.plan.environment import beside_target

_log = logging.getLogger("rig")


def take_orders(runner: WorkerRunner) -> None:
    """Serve the master's orders for as long as this Locust worker lives."""
    pin(beside_target())
    _settle_down()
    worker = _Worker(runner)
    runner.register_message(ORDER, worker.prepare, concurrent=True)
    runner.register_message(GO, worker.go, concurrent=True)
    runner.register_message(CANCEL, worker.cancel, concurrent=True)


class _Worker:
    """At most one share at a time."""

    def __init__(self, runner: WorkerRunner) -> None:
        self._runner = runner
        self._number = -1
        self._trial: Trial | None = None
        self._sending: gevent.Greenlet | None = None

    def prepare(self, environment: Any, msg: Any, **_: Any) -> None:
        """Build the share; say that it is ready, or what is wrong."""
        number = self._number = msg.data["trial"]
        error = None
        try:
            self._trial = trial = Trial(order_from(msg.data["order"]), lambda batch: self._ship(number, trial, batch))
        except Exception as caught:
            self._trial, error = None, f"{type(caught).__name__}: {caught}"
            _log.exception("the order cannot be carried out")
        self._runner.send_message(READY, {"trial": number, "clock": clock_id(), "error": error})

    def go(self, environment: Any, msg: Any, **_: Any) -> None:
        """Send the share from the instant the master fixed."""
        if self._trial is None or msg.data["trial"] != self._number:
            return
        self._sending = gevent.getcurrent()
        number, trial, start_s = self._number, self._trial, msg.data["start_s"]
        if not same_clock(msg.data["clock"], clock_id()):
            # Another host: its instant is this far from now, give or take the way of one message.
            start_s = time.monotonic() + (start_s - msg.data["now_s"])
        begin_cpu_s = time.process_time()
        try:
            trial.begin(start_s)
            trial.send_requests(lambda batch: locust_stats.feed(environment, batch))
        except Exception as caught:
            trial.error = f"{type(caught).__name__}: {caught}"
            _log.exception("the trial broke")
        counts = trial.counts
        self._runner.send_message(
            DONE,
            {
                "trial": number,
                "sent": counts.sent if counts else 0,
                "dropped": counts.dropped if counts else 0,
                "recorded": trial.recorder.count,
                "drained_s": counts.drained_s - trial.start_s if counts else None,
                "cpu_s": time.process_time() - begin_cpu_s,
                "error": trial.error,
            },
        )

    def cancel(self, environment: Any, msg: Any, **_: Any) -> None:
        """Stop sending: the master has given the trial up."""
        if msg.data["trial"] == self._number and self._sending is not None:
            self._sending.kill(block=False)

    def _ship(self, number: int, trial: Trial, batch: pa.RecordBatch) -> None:
        stream = pa.BufferOutputStream()
        with ipc.new_stream(stream, batch.schema) as writer:
            writer.write_batch(batch)
        data = {"trial": number, "start_s": trial.start_s, "batch": stream.getvalue().to_pybytes()}
        self._runner.send_message(SAMPLES, data)


def _settle_down() -> None:
    """What is loaded by now stays, and what is sent goes out on time."""
    with contextlib.suppress(PermissionError):
        os.nice(-5)
    gc.collect()
    gc.freeze()
