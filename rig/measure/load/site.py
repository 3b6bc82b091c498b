"""The host under load: resolved once, before anything is sent."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from typing import Any

from rig.measure.address import parse_site
from rig.measure.load.client import Address, Connection
from rig.measure.load.readiness import Readiness
from rig.measure.load.tls import TlsConnection
from rig.model import InfrastructureError


class Site:
    """Scheme, host and port of a URL, and connections to it."""

    def __init__(self, url: str) -> None:
        """Resolve the host.

        Raises:
            UsageError: not an http or https URL.
            InfrastructureError: nobody knows the host.
        """
        self._scheme, self._host, port = parse_site(url)
        try:
            found = socket.getaddrinfo(self._host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise InfrastructureError(f"{url}: host {self._host!r} cannot be resolved ({error.strerror})") from error
        self.addresses: list[Address] = [(family, address) for family, _, _, _, address in found]
        self._tls = ssl.create_default_context() if self._scheme == "https" else None

    def connection(self, loop: Any, ready: Readiness, ended: Callable[[Connection], None]) -> Connection:
        """A connection, not yet opened."""
        if self._tls is not None:
            return TlsConnection(loop, ready, self.addresses, ended, self._tls, self._host)
        return Connection(loop, ready, self.addresses, ended)
