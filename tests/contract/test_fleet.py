"""The fleet's conversation with its conductor, whatever happens to one of them or is said in between."""

from __future__ import annotations

import os
import signal

import pytest

from rig.measure.load.fleet_client import FleetClient
from rig.measure.single import LOCUSTFILE
from rig.model import InfrastructureError


def test_a_fleet_that_was_killed_is_told_as_ended(tmp_path):
    """Not as a pipe that broke, neither when it is asked nor when it is stopped."""
    with pytest.raises(InfrastructureError, match="fleet: ended"), FleetClient(LOCUSTFILE, logs=tmp_path) as fleet:
        fleet.wait_ready()
        os.kill(fleet._process.pid, signal.SIGKILL)
        fleet._process.wait()
        fleet.rest("http://127.0.0.1:1/")
