"""The crew: several Locust workers that share each trial's schedule. The master's side.

Samples come in batches over Locust's own messages. A worker that is lost in a trial costs its own samples and nothing
else: what came is kept, the trial says who was lost, and the next one is shared among those who are there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import gevent
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc as ipc
from locust.env import Environment
from locust.runners import STATE_MISSING

from rig.measure.load.clock import clock_id, same_clock
from rig.measure.load.messages import CANCEL, DONE, GO, ORDER, READY, SAMPLES
from rig.measure.load.trial import LEAD_S, Trial
from rig.model import InfrastructureError

_PREPARE_S = 30.0
_LATE_S = 15.0
"""After window and drain: how long a worker may take to say that it is done before it counts as lost."""
_POLL_S = 0.2


@dataclass(slots=True)
class _Share:
    """One worker's share of the trial under way."""

    worker: int
    node: str
    ready: bool = False
    foreign: bool = False
    done: dict[str, Any] | None = None
    lost: bool = False
    error: str | None = None
    received: int = 0
    sent: int = 0


class Crew:
    """The workers connected to a Locust master. Port 0 takes a free one."""

    def __init__(self, environment: Environment, host: str, port: int) -> None:
        self.runner = environment.create_master_runner(host, port)
        self.port: int = self.runner.server.port
        self.before_trial: Callable[[], None] = lambda: None
        self._clock = clock_id()
        self._trial = 0
        self._shares: dict[str, _Share] = {}
        self._start_s = 0.0
        self._take: Callable[[pa.RecordBatch], None] = lambda batch: None
        for message, answer in ((READY, self._on_ready), (SAMPLES, self._on_samples), (DONE, self._on_done)):
            self.runner.register_message(message, answer)

    @property
    def connected(self) -> list[str]:
        """Names of the workers that are there, in a stable order."""
        return sorted(node.id for node in self.runner.clients.all if node.state != STATE_MISSING)

    @property
    def one_clock(self) -> bool:
        """Whether all who share the trial read the clock of this host."""
        return not any(share.foreign for share in self._shares.values())

    def wait_for(self, workers: int, deadline_s: float, tell: Callable[[int], None]) -> None:
        """Block until ``workers`` are connected; ``tell`` hears how many are, whenever that changes.

        Raises:
            InfrastructureError: too few after ``deadline_s`` seconds.
        """
        end, seen = time.monotonic() + deadline_s, -1
        while (there := len(self.connected)) < workers:
            if there != seen:
                tell(there)
                seen = there
            if time.monotonic() > end:
                raise InfrastructureError(f"workers: {there} of {workers} connected within {deadline_s:.0f} s")
            gevent.sleep(_POLL_S)

    def prepare(self, trial: Trial) -> None:
        """Give every worker its share and wait until all are ready. Who is lost before it was is done without.

        Raises:
            InfrastructureError: no worker is there, or one cannot carry the order out.
        """
        self.before_trial()
        silent: set[str] = set()
        while nodes := [node for node in self.connected if node not in silent]:
            self._hand_out(trial, nodes)
            self._wait(lambda share: share.ready, time.monotonic() + _PREPARE_S)
            if errors := [share.error for share in self._shares.values() if share.error]:
                raise InfrastructureError(f"worker: {errors[0]}")
            silent |= {share.node for share in self._shares.values() if share.lost}
            if not silent & set(nodes):
                return
        raise InfrastructureError("workers: none is connected any more")

    def _hand_out(self, trial: Trial, nodes: Sequence[str]) -> None:
        self._trial += 1
        self._shares = {node: _Share(worker, node) for worker, node in enumerate(nodes)}
        for share in self._shares.values():
            order = replace(trial.order, worker=share.worker, workers=len(nodes), requests_path=None, pages_path=None)
            self.runner.send_message(ORDER, {"trial": self._trial, "order": order.as_dict()}, share.node)

    def go(self, take: Callable[[pa.RecordBatch], None]) -> float:
        """Fix the clock and let everyone begin; returns the window's start. ``take`` gets every batch of samples."""
        self._take = take
        self._start_s = time.monotonic() + LEAD_S
        go = {"trial": self._trial, "start_s": self._start_s, "now_s": time.monotonic(), "clock": self._clock}
        for share in self._shares.values():
            self.runner.send_message(GO, go, share.node)
        return self._start_s

    def wait_done(self, trial: Trial, stop: Callable[[], bool]) -> None:
        """Block until every share has ended or its worker is lost."""
        limits = trial.limits
        self._wait(lambda share: share.done is not None, trial.end_s + limits.drain_s + _LATE_S, stop)
        for share in self._shares.values():
            if share.lost:
                self.runner.send_message(CANCEL, {"trial": self._trial}, share.node)

    def result(self, scheduled: int) -> dict[str, Any]:
        """The trial's counts: what workers say of themselves; of a lost one, what came."""
        shares = self._shares.values()
        done = [share.done for share in shares if share.done]
        lost = [share for share in shares if share.lost]
        sent = sum(said["sent"] for said in done) + sum(share.sent for share in lost)
        errors = [said["error"] for said in done if said["error"]]
        ends = [said["drained_s"] for said in done if said["drained_s"] is not None]
        return {
            "requests": {
                "scheduled": scheduled,
                "sent": sent,
                "dropped": sum(said["dropped"] for said in done),
                "recorded": sum(share.received for share in shares),
            },
            "drained_s": self._start_s + max(ends, default=0.0),
            "cpu_s": sum(said["cpu_s"] for said in done) if not lost else None,
            "workers": len(self._shares),
            "lost_workers": [share.worker for share in lost],
            "foreign_workers": [share.worker for share in shares if share.foreign],
            "error": errors[0] if errors else None,
        }

    def _wait(
        self, over: Callable[[_Share], bool], deadline_s: float, stop: Callable[[], bool] = lambda: False
    ) -> None:
        while waiting := [share for share in self._shares.values() if not share.lost and not over(share)]:
            there = set(self.connected)
            late = time.monotonic() > deadline_s
            for share in waiting:
                share.lost = late or share.node not in there
            if stop():
                return
            gevent.sleep(_POLL_S)

    def _share(self, msg: Any) -> _Share | None:
        """Whose message it is; None where it belongs to a trial that is over."""
        return self._shares.get(msg.node_id) if msg.data["trial"] == self._trial else None

    def _on_ready(self, environment: Any, msg: Any, **_: Any) -> None:
        if share := self._share(msg):
            share.ready, share.error = True, msg.data["error"]
            share.foreign = not same_clock(msg.data["clock"], self._clock)

    def _on_samples(self, environment: Any, msg: Any, **_: Any) -> None:
        if share := self._share(msg):
            batch = ipc.open_stream(msg.data["batch"]).read_next_batch()
            if share.foreign:
                batch = _shifted(batch, self._start_s - msg.data["start_s"])
            share.received += batch.num_rows
            share.sent += batch.num_rows - batch["sent_s"].null_count
            self._take(batch)

    def _on_done(self, environment: Any, msg: Any, **_: Any) -> None:
        if share := self._share(msg):
            share.done = msg.data


def _shifted(batch: pa.RecordBatch, by_s: float) -> pa.RecordBatch:
    """The same with its times moved, so that the trial's start is the trial's start. Differences stay as measured."""
    for name in ("intended_s", "sent_s", "done_s"):
        batch = batch.set_column(
            batch.schema.get_field_index(name), batch.schema.field(name), pc.add(batch[name], by_s)
        )
    return batch
