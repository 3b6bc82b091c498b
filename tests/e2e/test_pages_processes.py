"""The browser process, and Chromium, when they are killed, hang or end: what it costs, and that nothing is left."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import gevent
import psutil
import pytest

from rig.measure.pages.client import BrowserClient
from rig.model import InfrastructureError
from tests.misbehaving import DEADLINE_S, Site, answered
from tests.processes import alive, is_chromium, is_kind, marked, poll

pytestmark = pytest.mark.e2e


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no CPU pinning on this platform")
def test_the_browser_stays_on_its_cpu(browser_path: str, tmp_path: Path, mark: str) -> None:
    """Pinned is the process with all it starts."""
    cpu = min(os.sched_getaffinity(0))
    with BrowserClient(browser_path, cpus={cpu}, log_path=tmp_path / "log") as client:
        assert client.ready["cpus"] == [cpu]
        processes = marked(mark)
        assert any(map(is_chromium, processes))
        assert {tuple(process.cpu_affinity()) for process in processes} == {(cpu,)}


def test_a_hung_page_does_not_go_on(browser_path: str, site: Site, tmp_path: Path) -> None:
    """A page left in an endless loop is ended, not abandoned with a CPU of its own."""
    with BrowserClient(browser_path, log_path=tmp_path / "log") as client:
        assert client.visit(site.url("/hung"), {}, 1.0)["cause"] == "timeout"
        assert answered(client.visit(site.url("/plain"), {}, DEADLINE_S))

        def idle() -> bool:
            before = client.cpu_s()
            gevent.sleep(1.0)
            after = client.cpu_s()
            # A loop takes all it can get, on a machine shared by many a tenth of a CPU at least.
            return before is not None and after is not None and after - before < 0.1

        assert poll(idle, DEADLINE_S)


def test_cpu_is_accounted_for(shared: BrowserClient, site: Site) -> None:
    """A visit uses CPU time, and the count never falls."""
    before = shared.cpu_s()
    shared.visit(site.url("/plain"), {}, DEADLINE_S)
    after = shared.cpu_s()
    assert before is not None and after is not None
    assert after > before


def test_a_crashed_page_costs_its_own_visit(browser_path: str, site: Site, tmp_path: Path, mark: str) -> None:
    """A renderer killed under a visit fails that visit; the browser stays."""
    with BrowserClient(browser_path, log_path=tmp_path / "log") as client:
        client.visit(site.url("/plain"), {}, DEADLINE_S)
        visiting = gevent.spawn(client.visit, site.url("/never-loads"), {}, DEADLINE_S)
        assert poll(lambda: site.paths["/silent"] > 0, DEADLINE_S)
        for process in marked(mark):
            if is_kind(process, "--type=renderer"):
                process.kill()
        visit = visiting.get(timeout=DEADLINE_S)
        assert (visit["outcome"], visit["cause"]) == ("failed", "page_crashed")
        assert answered(client.visit(site.url("/plain"), {}, DEADLINE_S))
        assert client.restarts == 0


@pytest.mark.parametrize("victim", ["process", "chromium"])
def test_a_killed_browser_costs_only_what_was_in_flight(
    browser_path: str, site: Site, tmp_path: Path, mark: str, victim: str
) -> None:
    """Whether our process or Chromium is killed: visits in flight fail, the next ones go on in a new one."""
    with BrowserClient(browser_path, pages=2, log_path=tmp_path / "log") as client:
        client.visit(site.url("/plain"), {}, DEADLINE_S)
        old = marked(mark)
        flying = [gevent.spawn(client.visit, site.url("/silent"), {}, DEADLINE_S) for _ in range(2)]
        assert poll(lambda: site.paths["/silent"] == 2, DEADLINE_S)
        own = psutil.Process(client.ready["pid"])
        (own if victim == "process" else next(filter(is_chromium, old))).kill()
        ends = [greenlet.get(timeout=DEADLINE_S) for greenlet in flying]
        assert [(v["outcome"], v["cause"]) for v in ends] == [("failed", "browser_crashed")] * 2
        assert answered(client.visit(site.url("/plain"), {}, DEADLINE_S * 2))
        assert client.restarts == 1
        # Ours end with the pipe from their parent; those of the new process are not meant.
        assert poll(lambda: not alive(old), 5.0), alive(old)
        new = marked(mark)
    assert poll(lambda: not alive(new), 1.0), alive(new)


def test_nothing_is_left_after_close(browser_path: str, site: Site, tmp_path: Path, mark: str) -> None:
    """Closing ends Chromium and all its helpers, also under a visit."""
    client = BrowserClient(browser_path, log_path=tmp_path / "log")
    client.start()
    processes = marked(mark)
    assert any(map(is_chromium, processes))
    visiting = gevent.spawn(client.visit, site.url("/silent"), {}, DEADLINE_S)
    assert poll(lambda: site.paths["/silent"] == 1, DEADLINE_S)
    client.close()
    assert visiting.get(timeout=DEADLINE_S)["cause"] == "browser_crashed"
    # Helpers that Chromium does not wait for end within a moment of it.
    assert poll(lambda: not alive(processes | marked(mark)), 1.0), alive(processes)


def test_the_browser_ends_with_its_killed_parent(browser_path: str, tmp_path: Path, mark: str) -> None:
    """After kill -9 of the parent nothing is left within five seconds."""
    script = (
        "import sys, gevent\nfrom pathlib import Path\nfrom rig.measure.pages.client import BrowserClient\n"
        "client = BrowserClient(sys.argv[1], log_path=Path(sys.argv[2]))\nclient.start()\n"
        "print('ready', flush=True)\ngevent.sleep(600)\n"
    )
    command = [sys.executable, "-c", script, browser_path, str(tmp_path / "log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"ready\n"
        processes = marked(mark)
        assert any(map(is_chromium, processes))
        parent.kill()
    assert poll(lambda: not alive(processes), 5.0), alive(processes)


def test_a_browser_that_does_not_start_is_named(tmp_path: Path) -> None:
    """The error says what was to be started and where its own words are."""
    client = BrowserClient("/nowhere/chromium", log_path=tmp_path / "log")
    with pytest.raises(InfrastructureError, match="/nowhere/chromium"):
        client.start()
