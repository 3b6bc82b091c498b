"""The lean HTTP client of the generator: one keep-alive connection, one exchange at a time, no hidden retries.

geventhttpclient's parser on a gevent socket of our own: what is sent is one prepared byte string, what failed is
known by its cause, and nothing is sent twice.
"""

from __future__ import annotations

import contextlib
import errno
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

import gevent.socket
from gevent.select import select
from geventhttpclient.response import HTTPParseError, HTTPResponse

_BLOCK = 65536


class ExchangeError(Exception):
    """An exchange that gave no complete response. ``cause`` is one word of the journal's column."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


class Response(HTTPResponse):
    """A response whose body is consumed and counted, not kept."""

    def __init__(self) -> None:
        super().__init__()
        self.body_bytes = 0

    def _on_body(self, buf: bytearray) -> None:
        self.body_bytes += len(buf)

    def header(self, name: str) -> str | None:
        """One header's value; None where it is absent, the first where it is repeated."""
        value = self.get(name)
        return value[0] if isinstance(value, list) else value


class Connection:
    """One connection to one host, opened when needed."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._socket: gevent.socket.socket | None = None

    def exchange(self, request: bytes, deadline_s: float) -> Response:
        """Send ``request`` and read its whole response until ``deadline_s`` (monotonic).

        Raises:
            ExchangeError: refused, reset, truncated, protocol, timeout or connect_timeout.
        """
        sock = self._connected(deadline_s)
        response = Response()
        received = False
        try:
            sock.settimeout(_left(deadline_s))
            sock.sendall(request)
            while not response.message_complete:
                sock.settimeout(_left(deadline_s))
                data = sock.recv(_BLOCK)
                if not data:
                    _end_of_stream(response, received)
                    break
                received = True
                response.feed(data)
        except TimeoutError as error:
            self.close()
            raise ExchangeError("timeout") from error
        except HTTPParseError as error:
            self.close()
            raise ExchangeError("protocol") from error
        except OSError as error:
            self.close()
            raise ExchangeError("truncated" if received else "reset") from error
        except BaseException:
            self.close()
            raise
        if response.should_close():
            self.close()
        return response

    def close(self) -> None:
        """Close the connection; the next exchange opens a new one."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.close()
            self._socket = None

    def _connected(self, deadline_s: float) -> gevent.socket.socket:
        # A server may have closed an idle connection. Seen before anything is sent, that is no failed request.
        if self._socket is not None and select([self._socket], [], [], 0)[0]:
            self.close()
        if self._socket is None:
            try:
                self._socket = gevent.socket.create_connection(self._address, timeout=_left(deadline_s))
                self._socket.setsockopt(gevent.socket.IPPROTO_TCP, gevent.socket.TCP_NODELAY, 1)
            except TimeoutError as error:
                raise ExchangeError("connect_timeout") from error
            except OSError as error:
                cause = "refused" if error.errno == errno.ECONNREFUSED else "connect"
                raise ExchangeError(cause) from error
        return self._socket


def _left(deadline_s: float) -> float:
    left = deadline_s - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _end_of_stream(response: Response, received: bool) -> None:
    """The server closed. A body without a length ends so; anything else was cut off."""
    length_known = response.header("content-length") is not None or response.header("transfer-encoding") is not None
    if not received:
        raise ExchangeError("reset")
    if not response.headers_complete or length_known:
        raise ExchangeError("truncated")


def prepare(method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """One HTTP/1.1 request as bytes."""
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"{method} {target} HTTP/1.1", f"Host: {parts.netloc}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body:
        lines += [f"Content-Length: {len(body)}", "Content-Type: application/x-www-form-urlencoded"]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
