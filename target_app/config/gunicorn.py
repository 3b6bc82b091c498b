"""gunicorn's settings by which worker processes count together: ``--config python:target_app.config.gunicorn``.

Sets nothing unless ``RIG_METRICS=1``.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"

if os.environ.get("RIG_METRICS") == "1":
    # Before anything imports prometheus_client, which decides then where its numbers live.
    _MADE = None if os.environ.get(_FOLDER) else tempfile.mkdtemp(prefix="rig-metrics-")
    os.environ[_FOLDER] = _MADE or os.environ[_FOLDER]

    def on_starting(server: Any) -> None:
        """Begin at nought: what an earlier start has left would be added up too."""
        folder = Path(os.environ[_FOLDER])
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob("*.db"):
            left.unlink()

    def child_exit(server: Any, worker: Any) -> None:
        """A worker that has ended holds no recompute open."""
        from prometheus_client import multiprocess

        multiprocess.mark_process_dead(worker.pid)

    def on_exit(server: Any) -> None:
        """A folder that was made here goes with the server."""
        if _MADE:
            shutil.rmtree(_MADE, ignore_errors=True)
