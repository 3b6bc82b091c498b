"""The least that offering load from Python can cost: wait for the instant, send, read what came back. No parser, no
journal, no check, one connection. Prints microseconds of processor time a request: nothing that also looks at the
answers can be cheaper on this machine.
"""

from __future__ import annotations

import contextlib
import random
import select
import socket
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from rig.measure.load.alarm import _timer_file

REQUEST = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n\r\n"


def main(url: str, rate: float, window_s: float) -> float:
    """Offer Poisson arrivals; returns microseconds a request."""
    site = urlsplit(url)
    connection = socket.create_connection((site.hostname, site.port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setblocking(False)
    timer, arm = _timer_file()
    poll = select.epoll()
    poll.register(timer, select.EPOLLIN)
    chance, start_s = random.Random(1), time.monotonic() + 0.3
    due_s = [start_s]
    while due_s[-1] < start_s + window_s:
        due_s.append(due_s[-1] + chance.expovariate(rate))
    begun_cpu_s, position = time.process_time(), 0
    arm(due_s[0])
    while position < len(due_s):
        poll.poll()
        with contextlib.suppress(BlockingIOError):
            connection.recv(65536)
        now_s = time.monotonic()
        while position < len(due_s) and due_s[position] <= now_s:
            connection.send(REQUEST)
            position += 1
        if position < len(due_s):
            arm(due_s[position])
    return (time.process_time() - begun_cpu_s) / position * 1e6


if __name__ == "__main__":
    print(main(sys.argv[1], float(sys.argv[2]), float(sys.argv[3])))
