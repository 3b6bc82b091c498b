"""A target and a browser that somebody else has started: what is asked of them before anything is measured."""

from __future__ import annotations

import json
import os
import struct
import time
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from rig.cli.browser import browser
from rig.contrib.django.state import SharedState
from rig.measure.address import own_address_towards
from rig.measure.bench import bench_for, require_reach
from rig.measure.given import Given, given_target, refuse_what_needs_own
from rig.measure.load.fleet_client import FleetClient, Watching
from rig.measure.load.hands import Hands
from rig.measure.pages.client import BrowserClient
from rig.measure.pages.serving import address_path
from rig.measure.services.app_server import free_port
from rig.measure.services.browser_place import PLACE, Place, browser_place
from rig.measure.target import Target, _server_timing
from rig.model import InfrastructureError, UsageError
from rig.plan.environment import beside_target, told
from rig.plan.plan import RunOptions
from rig.plan.profile import load_profile

URL = "http://127.0.0.1:8000"


class Answering(Target):
    """Says ``now_ns`` of a clock that is ``ahead_ns`` of ours; None: says nothing of it."""

    ahead_ns: int | None = 0

    def identity(self):
        return {} if self.ahead_ns is None else {"now_ns": time.monotonic_ns() + self.ahead_ns}


def _given(ahead_ns: int | None, events: Path = Path()) -> Given:
    kind = type("Shifted", (Answering,), {"ahead_ns": ahead_ns})
    return Given(kind(URL, "token"), events)


@pytest.mark.parametrize("missing", ["RIG_TOKEN", "RIG_EVENT_DIR", "RIG_REDIS_URL"])
def test_what_the_environment_leaves_out_is_named(missing, tmp_path):
    """Token, folder of events and cache server are the owner's to say."""
    said = {"RIG_TOKEN": "t", "RIG_EVENT_DIR": str(tmp_path), "RIG_REDIS_URL": "redis://127.0.0.1:6379/0"}
    assert given_target(f"{URL}/", said).target == Target(URL, "t")
    with pytest.raises(UsageError, match=f"{missing} is not set"):
        given_target(URL, {**said, missing: ""})


@pytest.mark.parametrize(
    "url",
    [f"{URL}/shop", f"{URL}/?strategy=lease", f"{URL}?a", f"{URL}/#top", "https://127.0.0.1:8000", "127.0.0.1:8000"],
)
def test_a_target_url_of_more_than_host_and_port_is_refused(url, tmp_path):
    """Control would drop the path that load keeps, and send the token in clear where https was asked for."""
    said = {"RIG_TOKEN": "t", "RIG_EVENT_DIR": str(tmp_path), "RIG_REDIS_URL": "redis://127.0.0.1:6379/0"}
    with pytest.raises(UsageError, match="write it like http://127"):
        given_target(url, said)


def test_what_a_target_does_not_tell_is_unknown():
    """It is not what holds for rig's own process."""
    own = {"python": "3.13.9", "packages": {"django": "5.2", "locust": "2.40"}}
    found = told({}, own)
    assert (found["python"], found["packages"]["django"], found["packages"]["locust"]) == (None, None, "2.40")
    assert found["observed_by"] == ["unknown"]
    assert told({"packages": {"redis": None}}, own)["packages"]["redis"] == "none"


@pytest.mark.parametrize("content", [b"<h1>Welcome</h1>", b"[]", b"null", b'{"contract": "\xff"}', b""])
def test_a_target_that_answers_no_json_object_is_told_so(content, monkeypatch):
    """Something else may listen there, and answer 200 to everything."""
    monkeypatch.setattr(Target, "_exchange", lambda *_: (SimpleNamespace(status=200), content))
    with pytest.raises(InfrastructureError, match="/__rig__/identity answered no JSON object"):
        Target(URL, "t").identity()


@pytest.mark.parametrize("answer", [{}, {"ok": True}, {"epoch": 1}, {"ok": True, "epoch": "new"}, {"ok": False}])
def test_a_reset_that_does_not_say_what_became_of_it_is_told_so(answer, monkeypatch):
    """A project may have written the endpoint itself."""
    monkeypatch.setattr(Target, "_exchange", lambda *_: (SimpleNamespace(status=200), json.dumps(answer).encode()))
    with pytest.raises(InfrastructureError, match="did not answer with 'ok' and 'epoch'"):
        Target(URL, "t").reset({})


@pytest.mark.parametrize(
    ("header", "found"),
    [('db, origin;dur="2.5"', 2.5), ("origin;dur=3", 3.0), ("origin;dur=soon", None), ("origin;dur=inf", None)],
)
def test_an_origin_time_may_be_quoted_and_is_a_number_or_unknown(header, found):
    assert _server_timing(header, "origin") == found


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    """Before a run is begun that would see no recompute."""
    said = {"RIG_TOKEN": "t", "RIG_EVENT_DIR": str(tmp_path / "none"), "RIG_REDIS_URL": "redis://x"}
    with pytest.raises(UsageError, match=r"RIG_EVENT_DIR=.*none"):
        given_target(URL, said)


@pytest.mark.parametrize(
    ("ahead_ns", "words"), [(10**9, "has another clock"), (-(10**9), "another"), (None, "no clock")]
)
def test_a_target_of_another_clock_is_not_measured(ahead_ns, words):
    """Its events could not be set beside our requests; nor is a clock assumed that nobody told."""
    _given(0).require_measurable()
    with pytest.raises(InfrastructureError, match=words):
        _given(ahead_ns).require_measurable()


def test_a_folder_no_event_comes_to_is_the_wrong_one(tmp_path):
    """Also where an earlier run has left some."""
    given, old = _given(0, tmp_path), tmp_path / "events-7.jsonl"
    with pytest.raises(InfrastructureError, match="left no event there"):
        given.require_events(time.time())
    old.write_text("{}\n")
    os.utime(old, (1, 1))
    with pytest.raises(InfrastructureError, match="left no event there"):
        given.require_events(time.time())
    (tmp_path / "events-8.jsonl").write_text("{}\n")
    given.require_events(time.time())


def test_event_files_of_another_user_are_refused_by_name(tmp_path, monkeypatch):
    """The target keeps them to its own user; the folder alone may be open to all."""
    file = tmp_path / "events-8.jsonl"
    file.write_text("{}\n")
    monkeypatch.setattr(os, "access", lambda path, _: path != file)
    with pytest.raises(InfrastructureError, match=rf"{file}: .*uid {os.geteuid()}; start both as the same user"):
        _given(0, tmp_path).require_events(time.time())


@pytest.mark.parametrize(
    ("profile", "kind"), [("cache-outage", "cache-outage"), ("cold-start", "flush"), ("faults", "kill")]
)
def test_profiles_that_kill_or_empty_need_what_rig_has_started(profile, kind):
    """What others own is theirs to end."""
    refuse_what_needs_own(load_profile("slow-origin"))
    with pytest.raises(UsageError, match=rf"{kind}.*leave --target-url out"):
        refuse_what_needs_own(load_profile(profile))


def test_where_the_master_listens():
    """A port may follow the address; without --master a free one on loopback."""
    assert RunOptions().master_address == ("127.0.0.1", 0)
    assert RunOptions(master="10.0.0.5").master_address == ("10.0.0.5", 5557)
    assert RunOptions(master="10.0.0.5:6000").master_address == ("10.0.0.5", 6000)
    for wrong in ("10.0.0.5:", "10.0.0.5:x", "10.0.0.5:0", "10.0.0.5:65536"):
        with pytest.raises(UsageError, match="is no port"):
            RunOptions(master=wrong)


def test_the_printed_command_names_an_address_that_can_be_connected_to():
    """0.0.0.0 is where one listens, not where one goes."""
    ready = {"cpus": "", "logs": Path()}
    assert "10.0.0.5" in Hands(Path("x.py"), "10.0.0.5", 5557, **ready).command()
    assert "0.0.0.0" not in Hands(Path("x.py"), "0.0.0.0", 5557, **ready).command()


def test_a_browser_that_is_elsewhere_is_named_by_its_address(monkeypatch):
    """No browser of this machine is looked for then."""
    monkeypatch.setenv("RIG_BROWSER_URL", "ws://browser:9222")
    place = browser_place()
    assert (place.where, place.version, place.elsewhere) == ("ws://browser:9222", None, True)
    monkeypatch.setenv("RIG_BROWSER_URL", "http://browser:9222")
    with pytest.raises(UsageError, match="like ws://"):
        browser_place()


AFAR = Place(where="ws://192.0.2.7:9222/secret", version=None)


@pytest.mark.parametrize(
    ("options", "remedy"),
    [(RunOptions(), "--master"), (RunOptions(target_url=URL, master="192.0.2.5"), "--target-url")],
)
def test_a_browser_of_another_host_must_reach_the_target(options, remedy, tmp_path):
    """Every visit would fail, and the run end without LCP. The secret in its address is not told."""
    with (
        pytest.raises(UsageError, match=rf"on 192\.0\.2\.7 can't open pages on 127\.0\.0\.1; give {remedy}") as caught,
        bench_for(SimpleNamespace(path=tmp_path), options, AFAR, Watching(), None),
    ):
        pass
    assert "secret" not in str(caught.value)


def test_a_browser_that_can_reach_the_target_is_let():
    """One of this host, or a target that listens to others."""
    require_reach(Place(where="ws://127.0.0.1:9222/secret", version=None), RunOptions())
    require_reach(AFAR, RunOptions(master="192.0.2.5"))
    require_reach(AFAR, RunOptions(target_url="http://192.0.2.5:8000"))


class _Started(Exception):
    """Command and environment of a process that was to be started."""


def test_the_address_of_a_browser_stands_on_no_command_line(monkeypatch, tmp_path):
    """Every user may read those; it ends in a secret. A fleet without a browser inherits none."""

    def start(command, **how):
        raise _Started(command, how["env"])

    for module in ("subprocess", "gevent.subprocess"):
        monkeypatch.setattr(f"{module}.Popen", start)
    monkeypatch.setenv(PLACE, "inherited")
    for begin in (
        lambda: FleetClient(Path("x.py"), logs=tmp_path, browser=AFAR.where),
        lambda: BrowserClient(AFAR.where, log_path=tmp_path / "log").start(),
    ):
        with pytest.raises(_Started) as caught:
            begin()
        command, env = caught.value.args
        assert "secret" not in " ".join(command)
        assert env[PLACE] == AFAR.where
    with pytest.raises(_Started) as caught:
        FleetClient(Path("x.py"), logs=tmp_path)
    assert PLACE not in caught.value.args[1]


def test_a_served_browser_is_found_by_who_is_told_its_address_only(monkeypatch):
    """Random unless somebody else must know it beforehand, and what is printed is what is served."""
    assert address_path({"RIG_BROWSER_PATH": "known-1"}) == "known-1"
    assert address_path({}) != address_path({"RIG_BROWSER_PATH": ""})
    assert len(address_path({})) >= 32
    with pytest.raises(UsageError, match="RIG_BROWSER_PATH"):
        address_path({"RIG_BROWSER_PATH": "a/b?"})

    served = []

    @contextmanager
    def server(path, host, port, secret):
        served.append(f"ws://{host}:{port}/{secret}")
        yield SimpleNamespace(wait_ended=lambda: None, last_words=lambda: "")

    monkeypatch.delenv("RIG_BROWSER_PATH", raising=False)
    monkeypatch.setattr("rig.measure.pages.serving.served_browser", server)
    monkeypatch.setattr("rig.measure.services.browser.find_browser", lambda: SimpleNamespace(path="x", version="1"))
    monkeypatch.setattr("signal.signal", lambda *_: None)
    said = CliRunner().invoke(browser, ["serve", "--port", str(free_port()), "--json"]).stdout
    assert json.loads(said)["url"] == served[0]


def test_who_is_started_beside_the_target_keeps_off_its_cpu(monkeypatch):
    """Under `rig run` all do; what starts by itself is told. Elsewhere it may use the whole host."""
    monkeypatch.setattr("rig.plan.environment.cpus", lambda: [0, 1, 2])
    monkeypatch.setattr(os, "sched_setaffinity", lambda *_: None, raising=False)
    monkeypatch.delenv("RIG_BESIDE_TARGET", raising=False)
    assert beside_target() is None
    monkeypatch.setenv("RIG_BESIDE_TARGET", "1")
    assert beside_target() == "1,2"


def test_our_address_towards_somebody_is_the_one_he_would_see():
    """A browser on this host finds our control page on loopback; one that is not there is an error."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert own_address_towards(f"ws://localhost:{port}/") == "127.0.0.1"
    with pytest.raises(InfrastructureError, match="nobody answers there"):
        own_address_towards(f"ws://127.0.0.1:{port}/")


def test_what_a_killed_process_left_open_is_not_its_successors(tmp_path):
    """In a container the next process soon has the same number: a reset would wait for its recompute for ever."""
    (tmp_path / f"open-{os.getpid()}.bin").write_bytes(struct.pack("<q", 3))
    assert SharedState(tmp_path).open_recomputes() == 0
