"""Every query of every Grafana panel, asked of a real Prometheus that scrapes a small real run."""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import psutil
import pytest

from rig.measure.services.app_server import free_port
from tests.processes import poll

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).parents[2]
DASHBOARDS = sorted((ROOT / "dashboards/grafana/dashboards").glob("*.json"))
RUN = [sys.executable, "-m", "rig", "run", "--quick", "--strategies", "single-flight", "--metrics-port", "0"]
SCRAPE_S = 0.5
DEADLINE_S = 240
"""For a busy machine."""


def queries():
    return [
        (f"{path.stem}: {panel['title']} {target['refId']}", target["expr"])
        for path in DASHBOARDS
        for panel in json.loads(path.read_text())["panels"]
        for target in panel["targets"]
    ]


def filled(expression):
    """As Grafana fills it in with "All" chosen: its rate interval is four scrapes, or a scrape and a step."""
    found = re.sub(r"\$(strategy|profile|round)\b", ".*", expression.replace("$__rate_interval", f"{4 * SCRAPE_S:g}s"))
    assert "$" not in found, f"a variable the test does not know: {found}"
    return found


def get(url):
    with urllib.request.urlopen(url, timeout=10) as response:
        return response.read()


@pytest.fixture
def prometheus(tmp_path):
    """Its command, with the repository's own configuration; what it asks comes from a file written later."""
    command = shutil.which("prometheus")
    if command is None:
        message = "no prometheus on PATH: install the system's package of that name"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return command


@contextlib.contextmanager
def scraping(command, folder, addresses):
    """Prometheus that asks ``addresses`` instead of those of docker-compose.yml."""
    text = (ROOT / "dashboards/prometheus/prometheus.yml").read_text()
    for name, address in addresses.items():
        assert f'"{name}"' in text, f"{name} is not scraped any more"
        text = text.replace(f'"{name}"', f'"{address}"')
    text = re.sub(r"scrape_(interval|timeout): \S+", rf"scrape_\1: {SCRAPE_S * 1000:.0f}ms", text)
    (folder / "prometheus.yml").write_text(text)
    port = free_port()
    arguments = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    arguments += [f"--web.listen-address=127.0.0.1:{port}"]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen([command, *arguments], stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{port}"
        assert poll(lambda: answers(f"{url}/-/ready"), 60), (folder / "prometheus.log").read_text()
        yield url
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def running(folder):
    """A run with metrics, and where to ask instead of where docker-compose.yml says; broken off at the end."""
    env, log = {**os.environ, "RIG_METRICS": "1"}, folder / "run.log"
    with log.open("wb") as stream:
        run = subprocess.Popen([*RUN, "--out", str(folder / "runs")], stdout=stream, stderr=stream, env=env)
    try:

        def address():
            return re.search(r"metrics for Prometheus: http://(\S+)/metrics", log.read_text())

        assert poll(lambda: address() or run.poll() is not None, DEADLINE_S)
        assert address(), log.read_text()
        yield run, {"master:9646": address()[1], "target:8000": target_of(run)}
    finally:
        run.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            run.wait(60)
        run.kill()
        run.wait()


def answers(url):
    try:
        return bool(get(url))
    except OSError:
        return False


def target_of(run):
    """Where the shop of that run listens."""
    for process in psutil.Process(run.pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            command = process.cmdline()
            if "target_app.config.wsgi:application" in command:
                return command[command.index("--bind") + 1]
    pytest.fail("the run has no app server")


def has_data(url, expression, begin_s):
    """Whether a panel over the run would show a number; NaN is a gap."""
    asked = {"query": filled(expression), "start": begin_s, "end": time.time(), "step": SCRAPE_S}
    try:
        answer = json.loads(get(f"{url}/api/v1/query_range?{urllib.parse.urlencode(asked)}"))
    except urllib.error.HTTPError as error:
        pytest.fail(f"{expression}: {error.read().decode()}")
    series = answer["data"]["result"]
    return any(math.isfinite(float(number)) for one in series for _, number in one["values"])


def test_every_query_of_every_panel_returns_data(prometheus, tmp_path):
    """One strategy with a lock under the hot key, the target with RIG_METRICS=1: nothing that is drawn stays empty."""
    begin_s, missing = time.time(), dict(queries())
    assert len(missing) > 20
    with running(tmp_path) as (run, asked), scraping(prometheus, tmp_path, asked) as url:

        def ask():
            over = run.poll() is not None  # Asked before: what came last is still found.
            for name in list(missing):
                if has_data(url, missing[name], begin_s):
                    del missing[name]
            return not missing or over

        poll(ask, DEADLINE_S)
        assert not missing, f"without data: {sorted(missing)}"
