"""The shop as it is measured: gunicorn with two worker processes, a real cache server, a small SQLite database."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rig.measure.origin_events import OriginEvents
from rig.measure.services.app_server import ROOT, app_server, free_port
from rig.measure.services.cache_server import cache_server
from rig.measure.services.process import Service
from rig.measure.target import Target

TOKEN = "a-token"
ORDERS = 20_000
"""Enough that a recompute is nearly all work over the order lines, few enough to be made in a second."""
FILL = "import django; django.setup(); from target_app.shop import catalogue; catalogue.prepare(orders={orders})"
DEADLINE_S = 30.0


@dataclass
class Shop:
    """The running shop, and the events of its workers."""

    target: Target
    events: OriginEvents
    event_dir: Path
    app: Service

    def get(self, path: str, strategy: str) -> Any:
        """Headers of one read, on a connection of its own."""
        request = urllib.request.Request(self.target.url + path, headers={"X-Cache-Strategy": strategy})
        with urllib.request.urlopen(request, timeout=DEADLINE_S) as response:
            response.read()
            return response.headers

    def disturb(self, **body: Any) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{self.target.url}/__rig__/disturb", json.dumps(body).encode(), {"X-Rig-Token": TOKEN}
        )
        with urllib.request.urlopen(request, timeout=DEADLINE_S) as response:
            answer: dict[str, Any] = json.load(response)
            return answer

    def post(self, path: str, **form: Any) -> int:
        """Status of one staff write."""
        body = urllib.parse.urlencode(form).encode()
        request = urllib.request.Request(self.target.url + path, body, {"X-Rig-Token": TOKEN})
        with urllib.request.urlopen(request, timeout=DEADLINE_S) as response:
            return int(response.status)

    def reset(self, ttl_s: float = 3600.0) -> int:
        """A new epoch; what came before is of no interest."""
        epoch = self.target.reset({"ttl_s": ttl_s})
        self.events.collect(epoch - 1)
        return epoch

    def begun(self, epoch: int) -> int:
        """Recomputes that began in ``epoch``, open ones included."""
        lines = [line for path in self.event_dir.glob("events-*.jsonl") for line in path.read_text().splitlines()]
        events = [json.loads(line) for line in lines]
        return sum(1 for event in events if event["event"] == "recompute.begin" and event["epoch"] == epoch)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A small shop of its own on SQLite."""
    folder = tmp_path_factory.mktemp("shop")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DATABASE_URL", raising=False)
        own = {"SHOP_DB": str(folder / "shop.sqlite3"), "PYTHONPATH": str(ROOT)}
        env = {**os.environ, **own, "DJANGO_SETTINGS_MODULE": "target_app.config.settings"}
        for command in (["-m", "django", "migrate", "-v0"], ["-c", FILL.format(orders=ORDERS)]):
            subprocess.run([sys.executable, *command], env=env, cwd=ROOT, check=True, timeout=120)
        with cache_server(folder, None) as cache:
            env = {"SHOP_DB": own["SHOP_DB"], "RIG_REDIS_URL": cache.url, "RIG_MEASURE": "1", "RIG_TOKEN": TOKEN}
            events = folder / "events"
            env["RIG_EVENT_DIR"] = str(events)
            with app_server(host="127.0.0.1", port=free_port(), env=env, logs=folder, cpus=None) as app:
                yield Shop(Target(app.url, TOKEN), OriginEvents(events), events, app.service)
