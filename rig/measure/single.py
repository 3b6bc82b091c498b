"""One stretch of open-model load on any URL: what ``rig load`` does. No browser, no control endpoints, no probe."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from rig.journal import SealedTrial, TrialDir, stream_batches
from rig.measure.load.fleet_client import Crewing, FleetClient, Watching
from rig.measure.load.order import TrialOrder
from rig.measure.soundness import marks
from rig.model import TrialId
from rig.plan.environment import pinning
from rig.plan.schedule import Arrivals, ScheduleSpec

# By its path: importing it would let Locust patch this process.
LOCUSTFILE = Path(__file__).parent / "load" / "any_url.py"
_ARM = "load"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOptions:
    """What to offer, and how far to go. Seconds; requests per second."""

    url: str
    rate_rps: float
    duration_s: float
    arrivals: Arrivals = "poisson"
    curve: str = "steady"
    seed: int = 1
    headers: Mapping[str, str] = field(default_factory=dict)
    in_flight: int = 512
    at_cap: Literal["queue", "drop"] = "queue"
    timeout_s: float = 30.0
    workers: int = 0


@contextmanager
def load(
    options: LoadOptions,
    on_progress: Callable[[float, int], None],
    *,
    metrics: tuple[str, int] | None = None,
    on_metrics: Callable[[str], None] = lambda address: None,
) -> Iterator[tuple[SealedTrial, Path]]:
    """Offer the load; yields the sealed trial and its Parquet file of samples, which go with the block.

    ``metrics``: host and port at which Prometheus may ask meanwhile; ``on_metrics`` hears the address.

    Raises:
        InfrastructureError: the host cannot be resolved, or the generator ended.
    """
    parts = urlsplit(options.url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    with tempfile.TemporaryDirectory(prefix="rig-load-") as name:
        folder = TrialDir(Path(name))
        order = TrialOrder(
            url=f"{parts.scheme}://{parts.netloc}",
            strategy=None,
            headers={"User-Agent": "rig", "Accept": "*/*", **options.headers},
            spec=ScheduleSpec(
                seed=options.seed,
                round=0,
                window_s=options.duration_s,
                read_rate_rps=options.rate_rps,
                reads={path: 1.0},
                visit_paths={},
                arrivals=options.arrivals,
                curve=options.curve,
            ),
            requests_path=str(folder.requests_stream),
            in_flight=options.in_flight,
            at_cap=options.at_cap,
            timeout_s=options.timeout_s,
            about={"arm": _ARM, "round": 1},
        )
        crewing = Crewing(workers=options.workers)
        watching = Watching(metrics=metrics)
        fleet_for = FleetClient(LOCUSTFILE, logs=folder.path, cpus=pinning()[1], crewing=crewing, watching=watching)
        with fleet_for as fleet:
            fleet.wait_ready()
            if fleet.metrics_address:
                fleet.tell({"facts": {"profile": _ARM}})
                on_metrics(fleet.metrics_address)
            result = fleet.run(order, on_progress)
        facts: dict[str, Any] = {
            **result,
            "round": 1,
            "arm": _ARM,
            "marks": [
                str(mark)
                for mark in marks(stream_batches(folder.requests_stream), result, 0, in_flight=order.in_flight)
            ],
        }
        folder.seal([], facts)
        yield SealedTrial(TrialId(round=1, arm=_ARM), facts, folder.path), folder.path / "requests.parquet"
