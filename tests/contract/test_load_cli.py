"""``rig load`` as other programs call it: JSON on stdout, counts that add up, exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from rig.cli.main import _run
from rig.selftest.scripted_server import Scripted, serving

KEYS = {
    *("scheduled", "sent", "dropped", "failed", "failures", "statuses", "rate_rps"),
    *("response_ms", "service_ms", "slip_ms", "cpu_us_per_request"),
}


def _load(*arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and error of ``rig load``; in this process, for the sake of time."""
    runner = CliRunner()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("sys.argv", ["rig", "load", *arguments])
        with runner.isolation() as streams:
            code = _run()
            return code, streams[0].getvalue().decode(), streams[1].getvalue().decode()


def _figures(*arguments: str):
    code, out, said = _load(*arguments, "--json")
    assert code == 0, said
    return json.loads(out)


@pytest.fixture(scope="module")
def server():
    with serving() as one:
        yield one


def test_the_figures_of_a_healthy_server(server: Scripted, tmp_path):
    """The contract's keys; what the server counted is what was sent; every sample is kept on request."""
    before, _ = server.counted()
    samples = tmp_path / "samples.parquet"
    found = _figures(f"{server.url}/ok", "--rate", "100", "--duration", "2s", "--samples", str(samples))
    assert set(found) >= KEYS
    assert found["scheduled"] == found["sent"] + found["dropped"] > 150
    assert server.counted()[0] - before == found["sent"]
    assert (found["failed"], found["failures"]) == (0, {})
    assert found["statuses"] == {"200": found["sent"]}
    assert (
        set(found["response_ms"])
        == set(found["service_ms"])
        == {
            *("mean", "p50", "p90", "p95", "p99", "p999", "max"),
        }
    )
    assert found["response_ms"]["p50"] >= found["service_ms"]["p50"] > 0
    assert pq.read_metadata(samples).num_rows == found["scheduled"]


def test_uniform_arrivals_and_a_curve_change_what_is_offered(server: Scripted):
    """A ramp from a tenth to the whole offers 55 % of it, and uniform arrivals offer exactly that."""
    ramp = _figures(
        *(f"{server.url}/ok", "--rate", "100", "--duration", "1s", "--arrivals", "uniform", "--curve", "ramp")
    )
    assert ramp["scheduled"] == 55


def test_nothing_but_the_schedule_is_sent(server: Scripted):
    """No probe, no warm-up, and a redirect is a response like any other."""
    before, _ = server.counted()
    found = _figures(f"{server.url}/status/302", "--rate", "50", "--duration", "1s")
    assert server.counted()[0] - before == found["sent"]
    assert found["statuses"] == {"302": found["sent"]}
    assert found["failed"] == 0


def test_bad_statuses_are_failures_and_no_reason_to_fail(server: Scripted):
    """A measurement that completed exits 0, however bad the target."""
    found = _figures(f"{server.url}/status/503", "--rate", "50", "--duration", "1s")
    assert found["failed"] == found["sent"] == found["failures"]["status"]
    assert found["response_ms"]["p50"] is not None


def test_a_server_that_dies_half_way_is_counted_out():
    """Exit 0; the server's own count is what was sent less what failed without a response."""
    with serving() as server:

        def kill_when_busy() -> None:
            deadline = time.monotonic() + 60
            while server.counted()[1] < 100 and time.monotonic() < deadline:
                time.sleep(0.01)
            server.process.kill()

        threading.Thread(target=kill_when_busy, daemon=True).start()
        found = _figures(f"{server.url}/ok", "--rate", "100", "--duration", "3s")
        answered = server.counted()[1]
    assert found["scheduled"] == found["sent"] + found["dropped"]
    assert found["failed"] == sum(found["failures"].values()) > 0
    assert set(found["failures"]) <= {"refused", "reset", "truncated"}
    assert answered == found["sent"] - found["failed"] == found["statuses"]["200"]


def test_time_outs_count_at_their_deadline(server: Scripted):
    """Someone waited that long; leaving them out would flatter the target."""
    found = _figures(f"{server.url}/hang", "--rate", "20", "--duration", "1s", "--timeout", "500ms")
    assert found["failures"] == {"timeout": found["sent"]}
    assert found["service_ms"]["p50"] == pytest.approx(500, abs=1)


def test_at_the_cap_requests_wait_or_are_dropped(server: Scripted):
    """Queueing keeps their due time; dropping counts them."""
    slow = (f"{server.url}/slow/200", "--rate", "50", "--duration", "1s", "--in-flight", "2")
    queued = _figures(*slow)
    dropped = _figures(*slow, "--at-cap", "drop")
    assert queued["dropped"] == 0
    assert queued["response_ms"]["max"] > 1000
    assert dropped["dropped"] > dropped["sent"] > 0
    assert dropped["response_ms"]["max"] < queued["response_ms"]["max"]


def test_two_workers_share_the_load(server: Scripted):
    """The same schedule, sent by two Locust workers."""
    shared = _figures(f"{server.url}/ok", "--rate", "100", "--duration", "1s", "--workers", "2")
    assert shared["scheduled"] == shared["sent"] == shared["statuses"]["200"] > 50
    assert shared["warnings"] == [] or all("late generator" in warning for warning in shared["warnings"])


def test_a_target_never_reached_is_no_measurement():
    """Exit 3, naming what was tried and why it failed."""
    with serving() as server:
        pass
    code, out, said = _load(f"{server.url}/ok", "--rate", "20", "--duration", "500ms", "--json")
    assert code == 3
    assert out == ""
    assert "never reached (refused" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["http://192.0.2.7/", "--rate", "5"], "--allow-host 192.0.2.7"),
        (["127.0.0.1:8000", "--rate", "5"], "write it like http://"),
        (["http://127.0.0.1:99999/", "--rate", "5"], "not a URL"),
        (["http://127.0.0.1/", "--rate", "0"], "--rate"),
        (["http://127.0.0.1/", "--rate", "nan"], "--rate nan"),
        (["http://127.0.0.1/", "--rate", "inf"], "--rate inf"),
        (["http://127.0.0.1/", "--rate", "5", "--samples", "nowhere/all.parquet"], "there is no folder nowhere"),
        (["http://127.0.0.1/", "--rate", "5", "--samples", "/"], "name a file in it"),
        (["http://127.0.0.1/", "--rate", "5", "--duration", "0"], "above 0"),
        (["http://127.0.0.1/", "--rate", "0.01", "--duration", "1s"], "offer at least one"),
        (["http://127.0.0.1/", "--rate", "5", "--curve", "steps"], "steady, ramp, spike, soak"),
        (["http://127.0.0.1/", "--rate", "5", "--header", "no colon"], "Accept-Language"),
    ],
)
def test_what_cannot_be_offered_is_refused_before_anything_is_sent(arguments, said):
    """Exit 2, with the remedy."""
    code, out, complaint = _load(*arguments, "--json")
    assert code == 2
    assert said in complaint
    assert out == ""


def test_the_command_itself(server: Scripted):
    """As a program calls it: one JSON object on stdout, all that is meant for people on stderr."""
    command = [sys.executable, "-m", "rig", "load", f"{server.url}/ok", "--rate", "50", "--duration", "1s"]
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0
    assert json.loads(done.stdout)["url"] == f"{server.url}/ok"
    assert "offering load for 1 s" in done.stderr
    told = subprocess.run(command, capture_output=True, text=True, timeout=120).stdout
    assert "scheduled" in told
    assert max(map(len, told.splitlines())) <= 80
