"""The fleet's conversation with its conductor, whatever happens to one of them or is said in between."""

from __future__ import annotations

import os
import signal

import pytest

from rig.measure.load.fleet_client import FleetClient
from rig.measure.load.order import TrialOrder
from rig.measure.single import LOCUSTFILE
from rig.model import InfrastructureError
from rig.plan.schedule import ScheduleSpec
from rig.selftest.scripted_server import scripted_server

SPEC = ScheduleSpec(seed=1, round=0, window_s=0.5, read_rate_rps=40.0, reads={"/ok": 1.0}, visit_paths={})

TALKATIVE = """
import os
from locust import events
from rig.measure.load.users import users

Shopper, Visitor = users(None)
print("said at import")
os.write(1, b"said to the descriptor\\n")


@events.test_start.add_listener
def talk(**_):
    print("said by a listener")
"""


def test_a_fleet_that_was_killed_is_told_as_ended(tmp_path):
    """Not as a pipe that broke, neither when it is asked nor when it is stopped."""
    with pytest.raises(InfrastructureError, match="fleet: ended"), FleetClient(LOCUSTFILE, logs=tmp_path) as fleet:
        fleet.wait_ready()
        os.kill(fleet._process.pid, signal.SIGKILL)
        fleet._process.wait()
        fleet.rest("http://127.0.0.1:1/")


def test_what_a_locustfile_prints_is_for_the_log(tmp_path):
    """The conductor hears only what is meant for it."""
    locustfile = tmp_path / "talkative.py"
    locustfile.write_text(TALKATIVE)
    with scripted_server() as url, FleetClient(locustfile, logs=tmp_path) as fleet:
        fleet.wait_ready()
        assert fleet.run(TrialOrder(url=url, strategy=None, spec=SPEC))["requests"]["sent"] > 0
    log = (tmp_path / "fleet.log").read_text()
    for words in ("at import", "to the descriptor", "by a listener"):
        assert f"said {words}" in log
