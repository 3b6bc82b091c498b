"""``manage outbox_worker``: one more worker of the outbox, in a process of its own."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from target_app.strategies.outbox import Outbox


class Command(BaseCommand):
    """Each server process has such a worker already; this one is there when none of them is."""

    help = "carry out what writes under the strategy 'outbox' have left to be deleted, until interrupted"

    def handle(self, *_: Any, **__: Any) -> None:
        """Run until the process is ended."""
        Outbox.worker.run()
