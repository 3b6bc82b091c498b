"""Open-model load beside an audit: offered from before the audit until after it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rig.analysis.audits import load_figures
from rig.journal import read_stream
from rig.measure.load.fleet_client import FleetClient
from rig.measure.load.order import TrialOrder
from rig.measure.single import LOCUSTFILE
from rig.model import InfrastructureError
from rig.plan.environment import pinning
from rig.plan.schedule import ScheduleSpec, build
from rig.samples import REQUESTS

_BEGIN_S = 30.0


@contextmanager
def nothing() -> Iterator[dict[str, Any]]:
    """At rest."""
    yield {"load_rps": None, "load": None}


@contextmanager
def offered(
    url: str, headers: Mapping[str, str], rate_rps: float, seed: int, timeout_s: float, folder: Path
) -> Iterator[dict[str, Any]]:
    """Reads of ``url`` at ``rate_rps``, as ``rig load`` sends them, for as long as the block lasts (``timeout_s`` is
    more than that). The yielded facts are complete once it has been left: the rate that came and its response times.

    Raises:
        InfrastructureError: the generator did not start.
    """
    parts = urlsplit(url)
    stream = folder / "requests.arrows"
    order = TrialOrder(
        url=f"{parts.scheme}://{parts.netloc}",
        strategy=None,
        headers={"User-Agent": "rig", "Accept": "*/*", **headers},
        spec=ScheduleSpec(
            seed=seed,
            round=0,
            window_s=timeout_s,
            read_rate_rps=rate_rps,
            reads={(parts.path or "/") + (f"?{parts.query}" if parts.query else ""): 1.0},
            visit_paths={},
        ),
        requests_path=str(stream),
    )
    begun, began_s, problem = threading.Event(), list[float](), list[str]()
    facts: dict[str, Any] = {"load_rps": rate_rps, "load": None}
    with FleetClient(LOCUSTFILE, logs=folder, cpus=pinning()[1]) as fleet:
        fleet.wait_ready()

        def started(start_s: float) -> None:
            began_s.append(start_s)
            begun.set()

        def run() -> None:
            try:
                fleet.run(order, on_start=started)
            except InfrastructureError as error:
                # Also how it ends each time: in the middle, when the audit is over.
                problem.append(str(error))
                begun.set()

        sending = threading.Thread(target=run, daemon=True)
        sending.start()
        if not begun.wait(_BEGIN_S) or problem:
            raise InfrastructureError(problem[0] if problem else f"load: did not begin within {_BEGIN_S:g} s")
        from_s = time.monotonic()
        yield facts
        until_s = time.monotonic()
        if problem:
            raise InfrastructureError(problem[0])
    sending.join()
    with contextlib.suppress(FileNotFoundError):
        # Samples reach the file once a second: the last one's are not there.
        due_s = began_s[0] + build(order.spec).at_s
        facts["load"] = load_figures(read_stream(stream, REQUESTS), due_s, from_s, max(from_s, until_s - 1.0))
