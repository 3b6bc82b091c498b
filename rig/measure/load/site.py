"""The host under load: resolved once, before anything is sent."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from rig.measure.load.client import Address, Connection
from rig.measure.load.tls import TlsConnection
from rig.model import InfrastructureError, UsageError

_PORTS = {"http": 80, "https": 443}


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

    def connection(self, loop: Any, ended: Callable[[Connection], None]) -> Connection:
        """A connection, not yet opened."""
        if self._tls is not None:
            return TlsConnection(loop, self.addresses, ended, self._tls, self._host)
        return Connection(loop, self.addresses, ended)


def parse_site(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of ``url``.

    Raises:
        UsageError: it is not a complete http or https URL.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UsageError(f"{url}: not a URL ({error})") from error
    if parts.scheme not in _PORTS or not parts.hostname:
        raise UsageError(f"{url}: not a complete URL; write it like http://127.0.0.1:8000/path")
    return parts.scheme, parts.hostname, port or _PORTS[parts.scheme]
