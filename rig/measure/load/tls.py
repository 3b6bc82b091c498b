"""A connection under TLS: the same exchange, between buffers instead of on a blocking socket.

The server's certificate is verified; one that can't be is cause ``tls``.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from typing import Any

from rig.measure.load.client import Address, Connection
from rig.measure.load.readiness import Readiness

_BLOCK = 65536


class TlsConnection(Connection):
    """One keep-alive HTTPS connection."""

    def __init__(
        self,
        loop: Any,
        ready: Readiness,
        addresses: Sequence[Address],
        ended: Callable[[Connection], None],
        context: ssl.SSLContext,
        host: str,
    ) -> None:
        super().__init__(loop, ready, addresses, ended)
        self._context, self._host = context, host
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls: ssl.SSLObject | None = None
        self._shaken = False

    def close(self) -> None:
        """Close the connection; what is still held of it belongs to no exchange."""
        super().close()
        self._shaken = False

    def _greet(self) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = self._context.wrap_bio(self._incoming, self._outgoing, server_hostname=self._host)
        self._shaken = False
        self._shake_hands()

    def _shake_hands(self) -> None:
        assert self._tls is not None
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._ready.hurry(self)  # The server waits for our part of it.
            super()._say(self._outgoing.read())
        except ssl.SSLError:
            self._fail("tls")
        else:
            self._ready.urgent.discard(self)
            self._shaken = True
            self._say(self._request)

    def _say(self, data: bytes) -> None:
        assert self._tls is not None
        self._tls.write(data)
        super()._say(self._outgoing.read())

    def _was_closed(self) -> bool:
        """Also by a word that came with the last response and has not been looked at."""
        return super()._was_closed() or not self._tolerates(b"")

    def _tolerates(self, data: bytes) -> bool:
        """Session tickets come when the server likes; a response nobody asked for does not."""
        assert self._tls is not None
        self._incoming.write(data)
        try:
            self._tls.read(_BLOCK)
        except ssl.SSLWantReadError:
            return True
        except ssl.SSLError:
            pass
        return False

    def _take(self, data: bytes) -> None:
        assert self._tls is not None
        self._incoming.write(data)
        if not self._shaken:
            self._shake_hands()
        while self._shaken and self.busy:
            try:
                plain = self._tls.read(_BLOCK)
            except ssl.SSLWantReadError:
                return
            except ssl.SSLZeroReturnError:
                self._end_of_stream()
                return
            except ssl.SSLError:
                self._fail("tls")
                return
            if not plain:
                self._end_of_stream()
                return
            super()._take(plain)
