"""The outbox: what a write wants done after its commit, kept in a table of the same database until it is done."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from django.db import connection, transaction

from rig.contrib.django import background, current, immediate
from target_app.shop.models import OutboxRow

POLL_S = 0.2
"""A worker that nobody wakes looks this often: the longest an order of a killed process waits for another one."""

_BATCH = 100
_log = logging.getLogger(__name__)


def write_down(entries: Sequence[str]) -> None:
    """Add a row to the transaction under way: rolled back with it, or there for as long as nobody carried it out."""
    trace = current()
    OutboxRow.objects.create(epoch=trace.epoch, strategy=trace.strategy or "", entries=list(entries))


def drain(deliver: Callable[[Sequence[str]], None]) -> int:
    """Hand the oldest rows to ``deliver`` and remove them, all or none; returns how many.

    Rows another worker is at are left to it. Each is delivered in the epoch and under the strategy of its write.
    """
    if not OutboxRow.objects.exists():  # No lock: on SQLite an idle worker would hold up every writer.
        return 0
    with immediate(), transaction.atomic():
        rows = list(OutboxRow.objects.select_for_update(skip_locked=True).order_by("id")[:_BATCH])
        for row in rows:
            with background(row.epoch, row.strategy):
                deliver(row.entries)
        OutboxRow.objects.filter(pk__in=[row.pk for row in rows]).delete()
    return len(rows)


class Worker:
    """A thread that drains the outbox: at once when this process wrote to it, else every ``POLL_S``."""

    def __init__(self, deliver: Callable[[Sequence[str]], None]) -> None:
        self._deliver = deliver
        self._wanted = threading.Event()
        self._stopping = False
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin unless it runs; also in a process that was forked from one where it ran."""
        if self._thread is not None and self._thread.is_alive():
            return
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                self._stopping = False
                self._thread = threading.Thread(target=self.run, name="outbox", daemon=True)
                self._thread.start()

    def wake(self) -> None:
        """Look now, not at the next poll."""
        self._wanted.set()

    def stop(self) -> None:
        """End the thread, and wait for what it is doing."""
        self._stopping = True
        self.wake()
        if self._thread is not None:
            self._thread.join()

    def run(self) -> None:
        """Drain for ever, in the calling thread. What fails stays in the table until the next poll."""
        while not self._stopping:
            try:
                while drain(self._deliver):
                    pass
            except Exception:
                _log.exception("outbox: its rows stay; next attempt in %s s", POLL_S)
            finally:
                connection.close()
            self._wanted.wait(POLL_S)
            self._wanted.clear()
