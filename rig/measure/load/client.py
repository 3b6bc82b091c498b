"""The lean HTTP client of the generator: one keep-alive connection, one exchange at a time, no hidden retries.

A socket of our own on gevent's loop and a library's parser. What is sent is one prepared byte string, what failed is
known by its cause, and nothing is sent twice. There is no greenlet behind a connection: the loop calls it when there
is something to read, which costs a fraction of a switch. So nothing here may block.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

import httptools
from gevent import monkey

from rig.measure.address import authority
from rig.measure.load.readiness import Readiness

_WRITE = 2
_NEVER = float("inf")
_LITTLE = 4096
"""As much as a server may say between exchanges, and more."""
_LARGE = 16384
"""Of responses so large the next may not fit what the system holds unread for us; then none may wait any more."""
_KEPT = frozenset(
    (b"x-cache", b"x-cache-strategy", b"x-content-version", b"server-timing", b"content-length", b"transfer-encoding")
)
_SAFE = "%/:?#[]@!$&'()*+,;=~|^`{}\\\"<>"
"""What a request's target may hold as it is; blanks and what is not ASCII go escaped."""
_CAUSES = {errno.ECONNREFUSED: "refused", errno.ECONNRESET: "reset", errno.ETIMEDOUT: "connect_timeout"}
_MAY_HAVE_BODY = frozenset(("POST", "PUT", "PATCH"))

Address = tuple[int, Any]
"""Address family and what ``connect`` takes."""


class Connection:
    """One connection to one host, opened when needed. ``ended`` is called with it at the end of each exchange.

    After an exchange ``cause`` is None and ``status`` and ``headers`` are the response's, or ``cause`` is one word of
    the journal's column and there was no complete response: refused, reset, truncated, protocol, connect, timeout,
    connect_timeout, tls.
    """

    def __init__(
        self, loop: Any, ready: Readiness, addresses: Sequence[Address], ended: Callable[[Connection], None]
    ) -> None:
        self._loop, self._ready, self._addresses, self._ended = loop, ready, addresses, ended
        self._socket: socket.socket | None = None
        self._arrived_s = float("nan")
        self._writer: Any = None
        self._parser: httptools.HttpResponseParser | None = None
        self._request = self._unsent = b""
        self._next_address = 0
        self._connected = self._received = self._past_headers = self._complete = self._reusable = False
        self._hung_up = False
        self.busy = False
        self.deadline_s = _NEVER
        self.index = -1
        self.sent_s = self.done_s = float("nan")
        self.status = 0
        self.cause: str | None = None
        self.headers: dict[bytes, bytes] = {}

    def begin(self, index: int, request: bytes, sent_s: float, deadline_s: float) -> None:
        """Send ``request``; its whole response is wanted before ``deadline_s`` (monotonic)."""
        self.index, self.sent_s, self.deadline_s = index, sent_s, deadline_s
        self.busy, self._received, self._past_headers, self._complete = True, False, False, False
        self.status, self.cause = 0, None
        self.headers.clear()
        self._request = request
        if self._socket is not None and self._was_closed():
            self.close()
        if self._socket is None:
            self._next_address = 0
            self._open()
        else:
            self._say(request)

    def expire(self) -> None:
        """The deadline has passed: end the exchange there."""
        self._fail("timeout" if self._connected else "connect_timeout", at_s=self.deadline_s)

    def close(self) -> None:
        """Close the connection; the next exchange opens a new one."""
        if self._writer is not None:
            self._writer.stop()
            self._writer.close()
            self._writer = None
        self._ready.urgent.discard(self)
        if self._socket is not None:
            self._ready.remove(self._socket.fileno())
            self._socket.close()
        self._socket, self._parser, self._connected, self._unsent = None, None, False, b""

    # What the parser says.

    def on_message_begin(self) -> None:
        """A response begins. Behind a whole one it is noise: what was asked for is there."""
        if self._complete:
            self._reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep the few headers that are journalled; the first where one is repeated."""
        name = name.lower()
        if name in _KEPT:
            self.headers.setdefault(name, value)

    def on_headers_complete(self) -> None:
        """All headers are there: from here on the stream's end may be the body's."""
        self._past_headers = True

    def on_message_complete(self) -> None:
        """The response is whole, unless it was an interim one (1xx)."""
        assert self._parser is not None
        status = self._parser.get_status_code()
        if status < 200:
            self.headers.clear()
            self._past_headers = False
        elif not self._complete:
            # The parser knows this only now; a moment later it has forgotten.
            self.status, self._complete, self._reusable = status, True, self._parser.should_keep_alive()

    # What the loop says. An exception here is a fault of ours: it must end the trial, not a turn of the loop.

    def _readable(self, hung_up: bool) -> None:
        assert self._socket is not None
        self._hung_up = hung_up
        try:
            data, self._arrived_s = self._ready.receive(self._socket)
        except BlockingIOError:
            return
        except OSError:
            self._fail("truncated" if self._received else "reset")
            return
        if not self.busy:
            # The server closed an idle connection, or spoke unasked. Seen before anything is sent: no failed request.
            if not (data and self._tolerates(data)):
                self.close()
        elif data:
            self._take(data)
        else:
            self._end_of_stream()

    def _writable(self) -> None:
        if self._connected:
            self._transmit()
            return
        assert self._socket is not None
        if problem := self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._open_failed(problem)
        else:
            self._opened()

    # Opening.

    def _open(self) -> None:
        family, address = self._addresses[self._next_address]
        # Locust has patched the standard library; under the patch a socket blocks its greenlet, and we have none.
        try:
            made: socket.socket = monkey.get_original("socket", "socket")(family, socket.SOCK_STREAM)
        except OSError as error:  # No descriptor is left: fewer in flight, or a higher limit, would help.
            self._open_failed(error.errno or 0)
            return
        made.setblocking(False)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = made
        problem = made.connect_ex(address)
        if problem in (0, errno.EINPROGRESS):
            self._write_when_possible()
        else:
            self._open_failed(problem)

    def _open_failed(self, problem: int) -> None:
        self.close()
        self._next_address += 1
        if self._next_address < len(self._addresses):
            self._open()
        else:
            self._fail(_CAUSES.get(problem, "connect"))

    def _opened(self) -> None:
        assert self._socket is not None
        self._connected = True
        self._parser = httptools.HttpResponseParser(self)
        self._ready.add(self._socket, self._readable)
        self._greet()

    def _was_closed(self) -> bool:
        """Whether the server closed this idle connection in the moment before the loop could say so."""
        assert self._socket is not None
        try:
            data = self._socket.recv(_LITTLE)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return not (data and self._tolerates(data))

    def _tolerates(self, data: bytes) -> bool:
        """Whether the connection is still good although ``data`` came between exchanges."""
        return False

    # Sending and receiving.

    def _greet(self) -> None:
        """The connection stands."""
        self._say(self._request)

    def _say(self, data: bytes) -> None:
        self._unsent += data
        self._transmit()

    def _transmit(self) -> None:
        """Hand what is unsent to the system; the rest when it takes more."""
        assert self._socket is not None
        try:
            sent = self._socket.send(self._unsent)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._fail("reset")
            return
        self._unsent = self._unsent[sent:]
        if self._unsent:
            self._write_when_possible()
        elif self._writer is not None:
            self._writer.stop()

    def _write_when_possible(self) -> None:
        assert self._socket is not None
        if self._writer is None:
            self._writer = self._loop.io(self._socket.fileno(), _WRITE)
        if not self._writer.active:
            self._writer.start(self._ready.guarded(self._writable))

    def _take(self, data: bytes) -> None:
        """Feed the parser; end the exchange when the response is whole."""
        assert self._parser is not None
        self._received = True
        if len(data) >= _LARGE:
            self._ready.hurry(_LARGE)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            # What follows a whole response may be anything; the response stands, the connection does not.
            if not self._complete:
                self._fail("protocol")
                return
            self._reusable = False
        if self._complete:
            self._succeed()
        else:
            # The server can't send more than its window; left unread, that would slow it down.
            self._ready.hurry(self)

    def _end_of_stream(self) -> None:
        """The server closed. A body without a length ends so; anything else was cut off."""
        assert self._parser is not None
        length_known = b"content-length" in self.headers or b"transfer-encoding" in self.headers
        if not self._received:
            self._fail("reset")
        elif length_known or not self._past_headers:
            self._fail("truncated")
        else:
            self.status, self._reusable = self._parser.get_status_code(), False
            # The end of a stream bears no stamp: where that ends responses, no reading may wait any more.
            self._ready.hurry(Connection)
            self._succeed()

    def _succeed(self) -> None:
        self.done_s = max(self._arrived_s, self.sent_s)
        if self.done_s > self.deadline_s:
            self.expire()
            return
        if not self._reusable or self._hung_up:
            self.close()
        self._ready.urgent.discard(self)
        self._finish()

    def _fail(self, cause: str, at_s: float = float("nan")) -> None:
        self.close()
        self.cause, self.done_s, self.status = cause, at_s, 0
        self._finish()

    def _finish(self) -> None:
        self.busy, self.deadline_s = False, _NEVER
        self._ended(self)


def prepare(method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """One HTTP/1.1 request as bytes."""
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"{method} {quote(target, safe=_SAFE)} HTTP/1.1"]
    if not any(name.lower() == "host" for name in headers):
        lines.append(f"Host: {authority(url)}")
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body or method in _MAY_HAVE_BODY:
        lines.append(f"Content-Length: {len(body)}")
    if body:
        lines.append("Content-Type: application/x-www-form-urlencoded")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
