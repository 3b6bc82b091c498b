"""The process that serves the control page (see :mod:`rig.measure.pages.control`), beside the instrument."""

from __future__ import annotations

import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rig.measure.services.app_server import ROOT, free_port
from rig.measure.services.process import Service

_READY_S = 15.0


@contextmanager
def control_page(logs: Path, cpus: str | None, host: str = "127.0.0.1") -> Iterator[str]:
    """Serve the page for as long as the block lasts; yields its address. ``host``: where the browser finds it.

    Raises:
        InfrastructureError: it does not come up.
    """
    port = free_port(host)
    # By its name: services stand below pages, and import nothing of them.
    command = [sys.executable, "-m", "rig.measure.pages.control", "--host", host, "--port", str(port)]
    url = f"http://{host}:{port}/"
    with Service("control page", command, log=logs / "control-page.log", cpus=cpus, cwd=ROOT) as service:
        service.wait_ready(lambda: _answers(url), _READY_S)
        yield url


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310 - our own address
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False
