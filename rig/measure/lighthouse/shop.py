"""The target of audits: cache server and shop as in a run, in measurement mode, without load or browser."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rig.measure.services import app_server
from rig.measure.services.cache_server import cache_server
from rig.measure.target import Target
from rig.plan.environment import pinning
from rig.plan.pick import pick_strategies

TTL_S = 600.0
"""A warm entry must outlive the time between the read that stores it and the audit's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """A running shop. ``own``: the URLs of strategies that need a process of their own."""

    url: str
    token: str
    strategies: Sequence[str]
    own: dict[str, str]
    cache_server: str


@contextmanager
def shop_for(wanted: str | None, logs: Path, work: Path) -> Iterator[Shop]:
    """Start it for the strategies ``wanted`` means (None: the seed), and end it whatever happens.

    Raises:
        UsageError: a strategy the shop does not offer.
        InfrastructureError: a part of it did not start.
    """
    cpus, _ = pinning()
    token = secrets.token_urlsafe(24)
    with ExitStack() as stack:
        cache = stack.enter_context(cache_server(logs, cpus))
        events = work / "events"
        events.mkdir(parents=True)
        env = {"RIG_MEASURE": "1", "RIG_TOKEN": token, "RIG_EVENT_DIR": str(events), "CACHE_TTL_S": str(TTL_S)}
        env |= {**cache.env, "DJANGO_ALLOWED_HOSTS": "127.0.0.1,localhost"}
        if app_server.database_name() == "sqlite":
            app_server.copy_database(work / "shop.sqlite3")
            env["SHOP_DB"] = str(work / "shop.sqlite3")

        def start(name: str, **own: str) -> str:
            app = app_server.app_server(
                host="127.0.0.1", port=app_server.free_port(), env=env | own, logs=logs, cpus=cpus, name=name
            )
            return stack.enter_context(app).url

        url = start("app")
        identity = Target(url, token).identity()
        names = pick_strategies(wanted, "seed", identity["strategies"], identity["seed_strategies"])
        apart = {row["name"] for row in identity["strategies"] if row.get("own_process")}
        own = {name: start(f"app-{name}", CACHE_STRATEGY=name) for name in names if name in apart}
        yield Shop(url=url, token=token, strategies=names, own=own, cache_server=cache.version)
