"""A small HTTP server whose behaviour the path scripts, and which counts what it answered. A process of its own.

It prints its port, then serves until its input ends. The count of requests it read and of responses it began lies in a
mapped file, so that it can be read when the server is dead.
"""

from __future__ import annotations

import asyncio
import contextlib
import mmap
import os
import re
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from rig.measure.services.supervisor import pin

_COUNTS = struct.Struct("<qq")
_FREEZE = struct.Struct("<dd")
_MOST_FREEZES = 16
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_HEADERS = b"X-Cache: HIT\r\nX-Content-Version: p=3\r\nServer-Timing: cache;dur=0.1, total;dur=1.5\r\n\r\n"
_BODY = b"x" * 200


class _Counts:
    """Requests read, responses begun, and when it froze, in memory or in a mapped file."""

    def __init__(self, path: str | None = None) -> None:
        self.read = self.answered = self._freezes = 0
        size = _COUNTS.size + _MOST_FREEZES * _FREEZE.size
        self._map: mmap.mmap | bytearray = bytearray(size)
        if path:
            with Path(path).open("w+b") as stream:
                stream.write(bytes(size))
                stream.flush()
                self._map = mmap.mmap(stream.fileno(), size)

    def add(self, *, read: int = 0, answered: int = 0) -> None:
        self.read += read
        self.answered += answered
        _COUNTS.pack_into(self._map, 0, self.read, self.answered)

    def froze(self, begin_s: float, end_s: float) -> None:
        if self._freezes < _MOST_FREEZES:
            _FREEZE.pack_into(self._map, _COUNTS.size + self._freezes * _FREEZE.size, begin_s, end_s)
            self._freezes += 1


_COUNTED = _Counts()


class _Client(asyncio.Protocol):
    """One connection. A protocol, not streams: after a freeze all that waited must be served in a few milliseconds,
    or the server's own catching up would be measured.
    """

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self._held = b""

    def data_received(self, data: bytes) -> None:
        self._held += data
        head, end, rest = self._held.partition(b"\r\n\r\n")
        if not end:
            return
        length = _LENGTH.search(head)
        if len(rest) < (body := int(length[1]) if length else 0):
            return
        self._held = rest[body:]
        path = head.split(b" ", 2)[1].decode()
        if path != "/count":
            _COUNTED.add(read=1)
        self._answer(path)

    def _answer(self, path: str) -> None:
        """Do what ``path`` asks for."""
        verb, _, argument = path.strip("/").partition("/")
        match verb:
            case "hang":
                pass
            case "reset":
                linger = struct.pack("ii", 1, 0)
                self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self._transport.abort()
            case "truncated":
                self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
                self._transport.close()
            case "garbage":
                self._transport.write(b"this is not HTTP\r\n\r\n")
                self._transport.close()
            case "die":
                os._exit(1)
            case "slow":
                asyncio.get_running_loop().call_later(float(argument) / 1000, self._respond, verb, argument)
            case _:
                self._respond(verb, argument)

    def _respond(self, verb: str, argument: str) -> None:
        """A whole response."""
        if self._transport.is_closing():
            return
        if verb == "count":
            body = str(_COUNTED.read).encode()
        else:
            body = _BODY
            _COUNTED.add(answered=1)
        status, arm = (argument if verb == "status" else "200"), (argument if verb == "arm" else "a")
        close = "Connection: close\r\n" if verb == "close" else ""
        head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\nX-Cache-Strategy: {arm}\r\n{close}"
        self._transport.write(head.encode() + _HEADERS + body)
        if close:
            self._transport.close()


async def _main(freeze_every_s: float, freeze_for_s: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Client, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    loop.add_reader(0, lambda: os._exit(0) if not os.read(0, 1) else None)
    if freeze_for_s:
        loop.call_later(freeze_every_s / 2, _freeze, loop, freeze_every_s, freeze_for_s)
    await server.serve_forever()


def _freeze(loop: asyncio.AbstractEventLoop, every_s: float, for_s: float) -> None:
    loop.call_later(every_s, _freeze, loop, every_s, for_s)
    begin_s = time.monotonic()
    time.sleep(for_s)
    _COUNTED.froze(begin_s, time.monotonic())


@dataclass(frozen=True, slots=True)
class Scripted:
    """A running server. ``count_file`` holds what :func:`counted` reads, also after its death."""

    url: str
    process: subprocess.Popen[str]
    count_file: Path

    def counted(self) -> tuple[int, int]:
        """How many requests it read, and how many responses it began."""
        read, answered = _COUNTS.unpack_from(self.count_file.read_bytes())
        return read, answered

    def freezes(self) -> list[tuple[float, float]]:
        """When it stood still: begin and end, monotonic seconds."""
        found = _FREEZE.iter_unpack(self.count_file.read_bytes()[_COUNTS.size :])
        return [(begin_s, end_s) for begin_s, end_s in found if end_s]


@contextlib.contextmanager
def serving(freeze_every_s: float = 0, freeze_for_s: float = 0, cpus: str | None = None) -> Iterator[Scripted]:
    """The server, for as long as the block lasts, on ``cpus`` where the platform can pin."""
    with tempfile.TemporaryDirectory(prefix="rig-scripted-") as folder:
        count_file = Path(folder) / "counts"
        options = [str(freeze_every_s), str(freeze_for_s), str(count_file), cpus or ""]
        command = [sys.executable, "-c", f"from {__name__} import main; main()", *options]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdin and process.stdout
            yield Scripted(f"http://127.0.0.1:{process.stdout.readline().strip()}", process, count_file)
            process.stdin.close()


@contextlib.contextmanager
def scripted_server(freeze_every_s: float = 0, freeze_for_s: float = 0) -> Iterator[str]:
    """The server's base URL, for as long as the block lasts."""
    with serving(freeze_every_s, freeze_for_s) as server:
        yield server.url


def requests_served(url: str) -> int:
    """How many requests the server read."""
    with urlopen(f"{url}/count") as response:  # noqa: S310  our own loopback server
        return int(response.read())


def main() -> None:
    """Entry point of the server's process."""
    global _COUNTED
    every_s, for_s, count_file, cpus = sys.argv[1:]
    pin(cpus)
    _COUNTED = _Counts(count_file)
    asyncio.run(_main(float(every_s), float(for_s)))
