"""Where load goes: URLs taken apart, and the rule that only this machine is loaded unasked."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Collection
from urllib.parse import urlsplit

from rig.model import InfrastructureError, UsageError

_PORTS = {"http": 80, "https": 443}
_CONNECT_S = 10.0
_LAST_PORT = 65535


def parse_site(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of ``url``. The host is as it goes over the wire: in ASCII (``xn--…``).

    Raises:
        UsageError: it is not a complete http or https URL.
    """
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").encode("idna").decode(), parts.port
    except ValueError as error:
        raise UsageError(f"{url}: not a URL ({error})") from error
    if parts.scheme not in _PORTS or not host:
        raise UsageError(f"{url}: not a complete URL; write it like http://127.0.0.1:8000/path")
    if parts.username is not None:
        raise UsageError("URL: with user and password they would stand in results; use --header 'Authorization: …'")
    return parts.scheme, host, port or _PORTS[parts.scheme]


def authority(url: str) -> str:
    """Host and port of ``url`` as the header ``Host`` has them.

    Raises:
        UsageError: as of :func:`parse_site`.
    """
    _, host, _ = parse_site(url)
    port = urlsplit(url).port
    return (f"[{host}]" if ":" in host else host) + ("" if port is None else f":{port}")


def parse_listen(option: str, text: str) -> tuple[str, int]:
    """Where to listen: ``9646`` is loopback, ``0.0.0.0:9646`` every address of this machine; port 0 takes a free one.

    Raises:
        UsageError: it is neither; names ``option``.
    """
    host, _, port = text.strip().rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not port.isascii() or not port.isdecimal() or int(port) > _LAST_PORT:
        raise UsageError(f"{option} {text}: write a port from 0 to {_LAST_PORT}, like 9646, or 0.0.0.0:9646")
    return host or "127.0.0.1", int(port)


def require_allowed(url: str, allowed: Collection[str]) -> None:
    """Refuse to put load on a host that isn't loopback, unless the user named it in so many words.

    Raises:
        UsageError: the URL is not complete, or its host is neither loopback nor in ``allowed``.
    """
    _, host, _ = parse_site(url)
    if not {host, urlsplit(url).hostname} & set(allowed) and not is_loopback(host):
        raise UsageError(f"{url}: {host} is not this machine; if you may put load on it, add --allow-host {host}")


def own_address_towards(url: str) -> str:
    """The address of ours under which the host of ``url`` finds us: the one a connection to it comes from.

    Raises:
        InfrastructureError: nobody answers there.
    """
    parts = urlsplit(url)
    try:
        with socket.create_connection((parts.hostname or "", parts.port or 80), timeout=_CONNECT_S) as connection:
            return str(connection.getsockname()[0])
    except (OSError, UnicodeError) as error:
        # Without its path, which is nobody else's business where a browser is meant.
        where = f"{parts.scheme}://{parts.netloc}"
        raise InfrastructureError(
            f"{where}: nobody answers there ({error}); start it, or correct the address"
        ) from error


def is_loopback(host: str) -> bool:
    """Whether every address of ``host`` is loopback; what nobody can resolve is not."""
    try:
        found = socket.getaddrinfo(host, None)
    except (OSError, UnicodeError):
        return False
    return all(ipaddress.ip_address(str(address[0]).partition("%")[0]).is_loopback for *_, address in found)
