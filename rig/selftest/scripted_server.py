"""A small HTTP server whose behaviour the path scripts; counts what it was asked. Runs as a process of its own.

``python tests/scripted_server.py [FREEZE_EVERY_S FREEZE_FOR_S]`` prints its port, then serves until its input ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

_SERVED = {"requests": 0}


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
                _SERVED["requests"] += 1
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
    body = str(_SERVED["requests"]).encode() if verb == "count" else b"x" * 200
    headers = f"X-Cache: HIT\r\nX-Cache-Strategy: {argument if verb == 'arm' else 'a'}\r\nX-Content-Version: p=3\r\n"
    headers += "Server-Timing: cache;dur=0.1, total;dur=1.5\r\n"
    close = "Connection: close\r\n" if verb == "close" else ""
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


@contextlib.contextmanager
def scripted_server(freeze_every_s: float = 0, freeze_for_s: float = 0) -> Iterator[str]:
    """The server's base URL, for as long as the block lasts."""
    command = [sys.executable, str(Path(__file__)), str(freeze_every_s), str(freeze_for_s)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin and process.stdout
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        process.stdin.close()


def requests_served(url: str) -> int:
    """How many requests the server read."""
    with urlopen(f"{url}/count") as response:  # noqa: S310  our own loopback server
        return int(response.read())


if __name__ == "__main__":
    arguments = [float(argument) for argument in sys.argv[1:]] or [0.0, 0.0]
    asyncio.run(_main(*arguments))
