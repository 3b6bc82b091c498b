"""Who watches a conducted run is told an address that answers."""

from __future__ import annotations

import socket

import pytest
from locust.env import Environment

from rig.measure.load.live.conducted import let_watch
from rig.measure.services.app_server import free_port
from rig.model import InfrastructureError


def test_the_address_told_is_open_at_once():
    environment = Environment()
    port = free_port()
    addresses = let_watch(environment, ui_port=port, metrics=None, events=None)
    try:
        assert addresses.ui == f"http://127.0.0.1:{port}/"
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    finally:
        environment.web_ui.stop()


def test_a_port_that_somebody_took_meanwhile_is_an_error_not_an_address():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InfrastructureError, match=f"port {port} on 127.0.0.1"):
            let_watch(Environment(), ui_port=port, metrics=None, events=None)
