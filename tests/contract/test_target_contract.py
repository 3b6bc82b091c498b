"""The target contract, held against a project that is not the shop: ten lines of its own and rig.contrib.django."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
from http_sf import parse

from rig.measure.origin_events import OriginEvents
from rig.measure.services.app_server import ROOT, free_port
from rig.measure.services.process import Service
from rig.measure.target import Target
from rig.model import InfrastructureError
from rig.plan.environment import fingerprint, told

TOKEN = "a-token"


def _get(url, headers=None, path="/", method="GET", body=None):
    import http.client
    from urllib.parse import urlsplit

    connection = http.client.HTTPConnection(urlsplit(url).hostname, urlsplit(url).port, timeout=10)
    connection.request(method, path, body, headers or {})
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response, content


@contextmanager
def _served(tmp_path, **env):
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "django.core.wsgi:get_wsgi_application()",
        "--bind",
        f"127.0.0.1:{port}",
    ]
    command += ["--worker-class", "gthread", "--threads", "2", "--no-control-socket"]
    settings = {"DJANGO_SETTINGS_MODULE": "tests.contract.ten_lines.settings", "PYTHONPATH": str(ROOT)}
    url = f"http://127.0.0.1:{port}"

    def ready():
        try:
            return _get(url)[0].status == 200
        except OSError:
            return False

    with Service("ten lines", command, log=tmp_path / "log", env={**settings, **env}, cwd=ROOT) as service:
        service.wait_ready(ready, 20)
        yield url


@pytest.fixture
def measured(tmp_path):
    """The project in measurement mode."""
    events = tmp_path / "events"
    with _served(tmp_path, RIG_MEASURE="1", RIG_TOKEN=TOKEN, RIG_EVENT_DIR=str(events)) as url:
        yield Target(url, TOKEN), events


def test_a_miss_and_a_hit_say_so_in_every_header(measured):
    """X-Cache, Cache-Status, Age and Server-Timing tell the same story."""
    target, _ = measured
    target.reset({})
    miss, _ = _get(target.url)
    hit, _ = _get(target.url)
    assert (miss.headers["X-Cache"], hit.headers["X-Cache"]) == ("MISS", "HIT")
    assert (miss.headers["Age"], hit.headers["Age"]) == ("0", "0")
    name, facts = parse(miss.headers["Cache-Status"].encode(), tltype="list")[0]
    assert str(name) == "django"
    assert str(facts["fwd"]) == "miss"
    _, facts = parse(hit.headers["Cache-Status"].encode(), tltype="list")[0]
    assert facts["hit"] is True
    assert facts["key"] == "page"
    names = re.findall(r"(?:^|, )(\w+)[;,]", hit.headers["Server-Timing"])
    assert names == ["cache", "lock", "origin", "db", "render", "total"]


def test_reset_begins_an_epoch_with_an_empty_cache(measured):
    """After reset the next read is a miss, and the epoch is one higher."""
    target, _ = measured
    first = target.reset({})
    _get(target.url)
    assert target.reset({"ttl_s": 1}) == first + 1
    assert _get(target.url)[0].headers["X-Cache"] == "MISS"


def test_recomputes_appear_in_the_event_files(measured):
    """One row with begin and end, in the epoch it began in."""
    target, events = measured
    epoch = target.reset({})
    _get(target.url)
    _get(target.url)
    rows = OriginEvents(events).collect(epoch)
    assert [(row["event"], row["entry"], row["outcome"], row["ttl_s"]) for row in rows] == [
        ("recompute", "page", "stored", 60)
    ]
    assert rows[0]["begin_ns"] < rows[0]["end_ns"]


def test_control_endpoints_hide_from_who_has_no_token(measured):
    """404, not 403: their existence is nobody's business."""
    target, _ = measured
    for token, name in itertools.product((None, "", "wrong"), ("reset", "disturb")):
        headers = {"X-Rig-Token": token} if token is not None else {}
        assert _get(target.url, headers, f"/__rig__/{name}", "POST", "{}")[0].status == 404
    with pytest.raises(InfrastructureError, match="RIG_TOKEN"):
        Target(target.url, "wrong").identity()


def test_what_the_project_has_no_function_for_is_not_measured(measured):
    """seed and settle answer 404; identity still names the contract."""
    target, _ = measured
    assert target.identity()["contract"] == "rig.target/1"
    with pytest.raises(InfrastructureError, match="settle"):
        target.settle("x", 0, 0)


@pytest.mark.parametrize("observers", [[], ["RIG_METRICS"]])
def test_the_target_tells_what_it_runs_on_and_who_watches_it(tmp_path, monkeypatch, observers):
    """Recorded as it tells it, whatever rig's own environment says."""
    monkeypatch.setenv("RIG_OTEL", "1")
    env = {"RIG_MEASURE": "1", "RIG_TOKEN": TOKEN, "RIG_EVENT_DIR": str(tmp_path / "events"), "RIG_OTEL": "0"}
    with _served(tmp_path, **env, **dict.fromkeys(observers, "1")) as url:
        identity = Target(url, TOKEN).identity()
    assert identity["observed_by"] == observers
    own = fingerprint()
    assert told(identity, {**own, "python": "1.0", "packages": {**own["packages"], "django": "1.0"}}) == {
        "python": own["python"],
        "packages": own["packages"],
        **({"observed_by": observers} if observers else {}),
    }


def test_a_body_that_is_no_json_is_refused(measured):
    """400 with a reason."""
    target, _ = measured
    response, content = _get(target.url, {"X-Rig-Token": TOKEN}, "/__rig__/reset", "POST", "{")
    assert response.status == 400
    assert "JSON" in json.loads(content)["error"]


@pytest.mark.parametrize("body", ["[]", "1", "null"])
def test_a_body_that_is_no_object_is_refused(measured, body):
    """JSON all right, but without names."""
    target, _ = measured
    response, content = _get(target.url, {"X-Rig-Token": TOKEN}, "/__rig__/disturb", "POST", body)
    assert response.status == 400
    assert "JSON object" in json.loads(content)["error"]


def test_what_can_go_wrong_is_offered_by_name(measured):
    """identity lists it, disturb brings it about, and says since when."""
    target, _ = measured
    target.reset({})
    assert target.identity()["disturbances"] == ["slow-origin"]
    body = json.dumps({"kind": "slow-origin", "factor": 3})
    begin = time.monotonic_ns()
    response, content = _get(target.url, {"X-Rig-Token": TOKEN}, "/__rig__/disturb", "POST", body)
    answer = json.loads(content)
    assert response.status == 200
    assert (answer["kind"], answer["factor"]) == ("slow-origin", 3)
    assert begin < answer["at_ns"] < time.monotonic_ns()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "no kind None here; there are slow-origin"),
        ({"kind": "earthquake"}, "no kind 'earthquake' here; there are slow-origin"),
        ({"kind": ["slow-origin"]}, "no kind"),
        ({"kind": "slow-origin"}, "factor is None"),
        ({"kind": "slow-origin", "factor": 0}, "factor is 0; give a whole number from 1"),
    ],
)
def test_a_disturbance_nobody_offers_is_refused_in_one_sentence(measured, body, said):
    """400 names the fact and the remedy."""
    target, _ = measured
    response, content = _get(target.url, {"X-Rig-Token": TOKEN}, "/__rig__/disturb", "POST", json.dumps(body))
    assert response.status == 400
    assert said in json.loads(content)["error"]


@pytest.mark.parametrize("env", [{}, {"RIG_MEASURE": "1"}, {"RIG_TOKEN": TOKEN}])
def test_outside_measurement_mode_there_are_no_endpoints(tmp_path, env):
    """Both the switch and the token are needed; headers are there all the same."""
    with _served(tmp_path, RIG_EVENT_DIR=str(tmp_path / "events"), **env) as url:
        assert _get(url, {"X-Rig-Token": TOKEN}, "/__rig__/identity", "POST", "{}")[0].status == 404
        assert _get(url)[0].headers["X-Cache"] == "HIT"


def test_the_page_of_the_documentation_is_the_one_tested():
    """docs/target-contract.md shows this project's code."""
    shown = re.search(r"```python\n(.*?)```", (ROOT / "docs/target-contract.md").read_text(), re.S)[1]
    code = (ROOT / "tests/contract/ten_lines/urls.py").read_text()
    wanted = code[code.index("def page") :]
    assert "".join(wanted.split()) in "".join(shown.split())


def test_instrumentation_needs_nothing_else_of_rig():
    """It runs inside other people's projects: importing it loads no other part of rig."""
    code = (
        "import sys, django.conf; django.conf.settings.configure(); import rig.contrib.django;"
        "print([m for m in sys.modules if m.startswith('rig.') and not m.startswith('rig.contrib')])"
    )
    env = {k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env, cwd=ROOT)
    assert done.stdout.strip() == "[]"
