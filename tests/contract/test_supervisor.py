"""Services end: when told, when their starter is gone, and when their supervisor is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import psutil
import pytest

from rig.measure.services.process import Service
from rig.model import InfrastructureError
from tests.processes import gone, poll

SLEEPER = (
    "import subprocess,sys,time; subprocess.Popen([sys.executable,'-c','import time; time.sleep(300)']);time.sleep(300)"
)
GONE_WITHIN_S = 5.0
STUBBORN = "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(300)"


def _tree(service, count):
    """The command's processes as soon as there are so many."""
    family = []

    def complete():
        family[:] = service.tree()
        return len(family) == count

    assert poll(complete, 10), family
    return family


def test_stop_ends_the_whole_group(tmp_path):
    """Children of the command end too."""
    with Service("s", [sys.executable, "-c", SLEEPER], log=tmp_path / "log") as service:
        family = _tree(service, 2)
    assert gone(family, GONE_WITHIN_S)


def test_a_command_that_ignores_sigterm_is_killed(tmp_path):
    """The grace period ends."""
    with Service("s", [sys.executable, "-c", STUBBORN], log=tmp_path / "log") as service:
        service.wait_ready(lambda: "up" in (tmp_path / "log").read_text(), 10)
        family = _tree(service, 1)
    assert gone(family, GONE_WITHIN_S)


def test_kill_9_of_the_starter_ends_its_services(tmp_path):
    """The pipe to the supervisor closes with the starter, whatever ended it."""
    code = (
        "import sys,time;from pathlib import Path;from rig.measure.services.process import Service;"
        f"s=Service('s',[sys.executable,'-c',{SLEEPER!r}],log=Path({str(tmp_path / 'log')!r}));"
        "exec('while len(s.tree())<2: time.sleep(0.02)');"
        "print(*[p.pid for p in s.tree()],flush=True);time.sleep(300)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as starter:
        family = [psutil.Process(int(pid)) for pid in starter.stdout.readline().split()]
        starter.send_signal(signal.SIGKILL)
    assert len(family) == 2
    assert gone(family, GONE_WITHIN_S)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can tell a child of its parent's death")
def test_kill_9_of_the_supervisor_ends_the_command(tmp_path):
    """PR_SET_PDEATHSIG."""
    with Service("s", [sys.executable, "-c", STUBBORN], log=tmp_path / "log") as service:
        family = _tree(service, 1)
        os.kill(service._process.pid, signal.SIGKILL)
        assert gone(family, GONE_WITHIN_S)


def test_a_command_that_ends_while_starting_is_quoted(tmp_path):
    """The error names the service and the end of its log."""
    with (
        Service("shop", [sys.executable, "-c", "raise SystemExit('no such port')"], log=tmp_path / "log") as service,
        pytest.raises(InfrastructureError, match=r"shop: ended while starting.*no such port"),
    ):
        service.wait_ready(lambda: False, 10)


def test_a_service_that_never_gets_ready_is_an_error(tmp_path):
    """Readiness has a deadline; measuring what is not there is no option."""
    with (
        Service("shop", [sys.executable, "-c", STUBBORN], log=tmp_path / "log") as service,
        pytest.raises(InfrastructureError, match="not ready"),
    ):
        service.wait_ready(lambda: False, 0.2)
