"""docker-compose.yml does what it says: its own commands, variables and health checks, started here without containers.

PostgreSQL, cache server, shop, browser, master and two workers run a small profile and leave a run directory.
"""

from __future__ import annotations

import copy
import http.client
import json
import re
import shutil
import urllib.request
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from rig.journal import open_run
from rig.measure.services.app_server import DATA
from rig.model import Mark, RunStatus
from tests import compose, postgres

yaml = pytest.importorskip("yaml")
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(postgres.missing() is not None, reason=str(postgres.missing())),
]
SMALL = "--quick --strategies fixed-timeout --window 6 --rate 20 --writes 0.02 --ttl 3"


@pytest.fixture(scope="module")
def services(tmp_path_factory):
    """Of a newcomer who asks for a small run."""
    found = compose.implementation(tmp_path_factory.mktemp("compose"))
    if found is None:
        pytest.skip("neither 'docker compose' nor podman-compose is installed")
    done = compose.config(found, COMPOSE_PROFILES="everything", RIG_ARGS=SMALL, RIG_WORKERS="2")
    assert done.returncode == 0, done.stderr
    return yaml.safe_load(done.stdout)["services"]


@pytest.fixture(scope="module")
def up(services):
    """The target and what it waits for, running."""
    with compose.Natively(services) as natively:
        # Made by a step of the set-up here; drawing them again takes half a minute and shows nothing.
        if (DATA / "images").is_dir():
            (natively.folder / "shop" / "images").symlink_to(DATA / "images")
        natively.up("browser")  # Beside the others, as compose would.
        natively.up("target")
        natively.wait("target", "service_healthy")
        yield natively


def test_a_run_by_two_workers_leaves_a_sound_run_directory(up):
    """Every service's command and variables as in the file; what one does not do is missing in the summary."""
    watched = shutil.which("prometheus") is not None
    if watched:
        up.up("prometheus")
    up.up("worker", scale=2)
    up.wait("worker", "service_healthy")
    if watched:
        up.wait("prometheus", "service_healthy")
    code = up.ended("master", 240)
    said = up.said("master")
    if watched:
        query = f"{up.url('9090')}/api/v1/query?query=max_over_time(up[5m])"
        with urllib.request.urlopen(query, timeout=30) as response:
            seen = json.load(response)["data"]["result"]
        assert {one["metric"]["job"]: one["value"][1] for one in seen} == {"target": "1", "rig": "1"}
    (path,) = (up.folder / "runs").iterdir()
    run, summary = open_run(path), json.loads((path / "summary.json").read_text())
    assert run.status is RunStatus.COMPLETE, said
    marks = {mark for trial in run.trials for mark in trial.facts["marks"]}
    # A busy machine may make the generator late, and nothing else is its fault.
    assert marks <= {Mark.LATE_GENERATOR}, said
    assert code == (0 if summary["valid"] else 3), said
    assert (path / "report.html").stat().st_size > 100_000

    facts, origin, pages = run.trials[0].facts, run.trials[0].frame("origin"), run.trials[0].frame("pages")
    counted = facts["requests"]
    assert counted["scheduled"] == counted["sent"] + counted["dropped"] == len(run.trials[0].frame("requests"))
    assert facts["workers"] == 2
    assert facts["foreign_workers"] == facts["lost_workers"] == []
    assert facts["cache_commands"] > 0
    assert facts["cpu_s"]["app"] is None, "nobody could measure what runs in another container"
    # From the shared volume, with a token both ends have.
    assert {"recompute", "write"} <= set(origin["event"])
    assert facts["settle"]["checked"] > 0
    # The browser that is elsewhere opened the pages of the shop, and the master's control page.
    assert (pages["outcome"] == "measured").any()
    assert facts["control_at_rest_ms"]
    assert run.manifest["environment"]["browser"]
    assert run.manifest["environment"]["observed_by"] == ["RIG_METRICS"]
    assert run.manifest["plan"]["database"] == "postgresql"
    assert run.manifest["plan"]["threads"] == 16
    assert run.manifest["plan"]["arms"][0]["url"].startswith("http://127.0.0.1:")


def test_the_browser_is_driven_by_who_knows_its_address_only(up):
    """A page that is opened may connect to any port, and says so by no header that Playwright minds."""
    up.wait("browser", "service_healthy")
    secret = (up.folder / "secrets/browser/RIG_BROWSER_PATH").read_text()
    assert [_answer_to_socket(up.url("9222"), path) for path in ("/", f"/{secret}")] == [400, 101]


def _answer_to_socket(url: str, path: str) -> int:
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=30)
    asking = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    connection.request("GET", path, headers={**asking, "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="})
    status = connection.getresponse().status
    connection.close()
    return status


def _in_command(name: str, old: str, new: str) -> Callable[[dict], None]:
    def change(services: dict) -> None:
        before = compose.words(services[name]["command"])
        after = [word.replace(old, new) for word in before]
        assert after != before
        services[name]["command"] = after

    return change


def _in_environment(name: str, variable: str, value: str | None) -> Callable[[dict], None]:
    def change(services: dict) -> None:
        given = compose.environment_of(services[name])
        assert variable in given
        services[name]["environment"] = {**given, variable: value} if value is not None else _without(given, variable)

    return change


def _without(given: dict[str, str], variable: str) -> dict[str, str]:
    return {name: value for name, value in given.items() if name != variable}


BROKEN = {
    "secrets' command": ("secrets", _in_command("secrets", "make-secrets", "make-secret"), "make-secret"),
    "cache's command": ("cache", _in_command("cache", "allkeys-lru", "all-keys"), "all-keys"),
    "postgres' password": ("postgres", _in_environment("postgres", "POSTGRES_PASSWORD_FILE", "/nowhere"), "nowhere"),
    "worker's command": ("worker", _in_command("worker", "any_url.py", "any.py"), "any.py"),
    "browser's command": ("browser", _in_command("browser", "serve", "server"), "server"),
    "master's secrets": ("master", lambda services: services["master"].pop("entrypoint"), "RIG_TOKEN is not set"),
    "master's events": ("master", _in_environment("master", "RIG_EVENT_DIR", "/nowhere"), "RIG_EVENT_DIR=/nowhere"),
    "master's cache": ("master", _in_environment("master", "RIG_REDIS_URL", None), "RIG_REDIS_URL is not set"),
    "master's browser": ("master", _in_environment("master", "RIG_BROWSER_URL", "browser"), "RIG_BROWSER_URL=browser"),
    "master's target": ("master", _in_command("master", "target:8000", "targets:8000"), "targets is not this machine"),
}


@pytest.mark.parametrize(("name", "change", "said"), BROKEN.values(), ids=BROKEN)
def test_what_is_broken_in_the_file_ends_the_service(services, name, change, said):
    """A wrong command or variable of a service ends it, and what it says names the thing."""
    changed = copy.deepcopy(services)
    change(changed)
    with compose.Natively(changed) as natively:
        (natively.folder / "secrets/target/RIG_TOKEN").write_text("token")
        with pytest.raises(compose.BrokenError, match=re.escape(said)):
            natively.start(name)
            natively.wait(name, "service_completed_successfully", deadline_s=60)
