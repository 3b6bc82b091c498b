"""A small HTTP server whose behaviour the path scripts, and which counts what it answered. A process of its own.

``python -m rig.selftest.scripted_server [FREEZE_EVERY_S FREEZE_FOR_S [COUNT_FILE]]`` prints its port, then serves until
its input ends. The count of requests it read and of responses it began lies in a mapped file, so that it can be read
when the server is dead.
"""

from __future__ import annotations

import asyncio
import contextlib
import mmap
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from rig.measure.services.supervisor import pin

_COUNTS = struct.Struct("<qq")


class _Counts:
    """Requests read and responses begun, in memory or in a mapped file."""

    def __init__(self, path: str | None) -> None:
        self.read = self.answered = 0
        self._map: mmap.mmap | bytearray = bytearray(_COUNTS.size)
        if path:
            with Path(path).open("w+b") as stream:
                stream.write(bytes(_COUNTS.size))
                stream.flush()
                self._map = mmap.mmap(stream.fileno(), _COUNTS.size)

    def add(self, *, read: int = 0, answered: int = 0) -> None:
        self.read += read
        self.answered += answered
        _COUNTS.pack_into(self._map, 0, self.read, self.answered)


_COUNTED = _Counts(None)


async def _client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            path = head.split(b" ", 2)[1].decode()
            length = next(
                (
                    int(line.split(b":")[1])
                    for line in head.split(b"\r\n")
                    if line.lower().startswith(b"content-length")
                ),
                0,
            )
            await reader.readexactly(length)
            if path != "/count":
                _COUNTED.add(read=1)
            if not await _answer(path, writer):
                break
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def _answer(path: str, writer: asyncio.StreamWriter) -> bool:
    """Write what ``path`` asks for; whether the connection stays open."""
    verb, _, argument = path.strip("/").partition("/")
    match verb:
        case "hang":
            await asyncio.sleep(3600)
        case "reset":
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
            return False
        case "truncated":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
            await writer.drain()
            return False
        case "garbage":
            writer.write(b"this is not HTTP\r\n\r\n")
            await writer.drain()
            return False
        case "die":
            os._exit(1)
        case "slow":
            await asyncio.sleep(float(argument) / 1000)
    status = int(argument) if verb == "status" else 200
    body = str(_COUNTED.read).encode() if verb == "count" else b"x" * 200
    headers = f"X-Cache: HIT\r\nX-Cache-Strategy: {argument if verb == 'arm' else 'a'}\r\nX-Content-Version: p=3\r\n"
    headers += "Server-Timing: cache;dur=0.1, total;dur=1.5\r\n"
    close = "Connection: close\r\n" if verb == "close" else ""
    if verb != "count":
        _COUNTED.add(answered=1)
    writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n{headers}{close}\r\n".encode() + body)
    await writer.drain()
    return verb != "close"


async def _main(freeze_every_s: float, freeze_for_s: float) -> None:
    server = await asyncio.start_server(_client, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    loop = asyncio.get_running_loop()
    loop.add_reader(0, lambda: os._exit(0) if not os.read(0, 1) else None)
    if freeze_for_s:
        loop.call_later(freeze_every_s / 2, _freeze, loop, freeze_every_s, freeze_for_s)
    await server.serve_forever()


def _freeze(loop: asyncio.AbstractEventLoop, every_s: float, for_s: float) -> None:
    loop.call_later(every_s, _freeze, loop, every_s, for_s)
    time.sleep(for_s)


@dataclass(frozen=True, slots=True)
class Scripted:
    """A running server. ``count_file`` holds what :func:`counted` reads, also after its death."""

    url: str
    process: subprocess.Popen[str]
    count_file: Path

    def counted(self) -> tuple[int, int]:
        """How many requests it read, and how many responses it began."""
        read, answered = _COUNTS.unpack(self.count_file.read_bytes())
        return read, answered


@contextlib.contextmanager
def serving(freeze_every_s: float = 0, freeze_for_s: float = 0, cpus: str | None = None) -> Iterator[Scripted]:
    """The server, for as long as the block lasts, on ``cpus`` where the platform can pin."""
    with tempfile.TemporaryDirectory(prefix="rig-scripted-") as folder:
        count_file = Path(folder) / "counts"
        options = [str(freeze_every_s), str(freeze_for_s), str(count_file), cpus or ""]
        command = [sys.executable, "-m", "rig.selftest.scripted_server", *options]
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


if __name__ == "__main__":
    every, lasts, counts, pinned = (*sys.argv[1:], *["0", "0", "", ""][len(sys.argv) - 1 :])
    pin(pinned)
    _COUNTED = _Counts(counts or None)
    asyncio.run(_main(float(every), float(lasts)))
