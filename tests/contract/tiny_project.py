"""A web project of a few lines for the gate to start: ``python tiny_project.py PORT``; behaves as its environment says.

``TINY_PAGE`` what it shows · ``TINY_STATUS`` of what it answers once under load · ``TINY_REQUESTS`` how many it
answers before it dies · ``TINY_DELAY_MS`` how long it takes once under load · ``TINY_PEAK`` how many recompute at once
after a write; it takes none without
"""

from __future__ import annotations

import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path

from rig.contrib.django.events import EventLog, now_ns

PAGE = f"<title>Tiny</title><h1>{os.environ.get('TINY_PAGE', 'Tiny')}</h1>".encode()
CALM = 20
"""Requests before it is under load."""
LIFE = int(os.environ.get("TINY_REQUESTS", "1000000"))
STATUS = int(os.environ.get("TINY_STATUS", "200"))
DELAY_S = float(os.environ.get("TINY_DELAY_MS", "0")) / 1000
PEAK = int(os.environ.get("TINY_PEAK", "0"))
EVENTS = EventLog(Path(os.environ["RIG_EVENT_DIR"]) if PEAK and "RIG_EVENT_DIR" in os.environ else None)
served = count(1)


def recompute(at_once: int) -> None:
    """As events tell it."""
    common = {"epoch": 0, "strategy": "tiny", "entry": "page"}
    begun = [{"id": EVENTS.new_id(), **common} for _ in range(at_once)]
    for one in begun:
        EVENTS.append({"event": "recompute.begin", **one, "t_ns": now_ns(), "hint": None})
    for one in begun:
        EVENTS.append({"event": "recompute.end", **one, "t_ns": now_ns(), "outcome": "stored"})


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        number = next(served)
        if number > LIFE:
            os._exit(1)
        if number > CALM:
            time.sleep(DELAY_S)
        self._answer(STATUS if number > CALM else 200)

    def do_POST(self) -> None:
        if not PEAK:
            self.send_error(501)
            return
        self.rfile.read(int(self.headers["Content-Length"]))
        began_ns = now_ns()
        committed = {"begin_ns": began_ns, "end_ns": now_ns(), "outcome": "committed"}
        EVENTS.append({"event": "write", "id": EVENTS.new_id(), "epoch": 0, "strategy": "tiny", **committed})
        recompute(PEAK)
        self._answer(200)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


if __name__ == "__main__":
    if PEAK:
        recompute(9)  # Of its start, before anyone asks.
    told = {name: os.environ.get(name) for name in ("CACHE_STRATEGY", "RIG_TOKEN", "TINY_CACHE", "TINY_DATA")}
    with Path("started.jsonl").open("a") as stream:
        stream.write(json.dumps({"port": sys.argv[1], **told}) + "\n")
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
