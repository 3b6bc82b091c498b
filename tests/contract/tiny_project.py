"""A web project of a few lines for the gate to start: ``python tiny_project.py PORT``; behaves as its environment says.

``TINY_PAGE`` what it shows · ``TINY_STATUS`` of what it answers once under load · ``TINY_REQUESTS`` how many it
answers before it dies
"""

from __future__ import annotations

import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

PAGE = f"<title>Tiny</title><h1>{os.environ.get('TINY_PAGE', 'Tiny')}</h1>".encode()
CALM = 20
"""Requests before it is under load."""
LIFE = int(os.environ.get("TINY_REQUESTS", "1000000"))
STATUS = int(os.environ.get("TINY_STATUS", "200"))
served = count(1)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        number = next(served)
        if number > LIFE:
            os._exit(1)
        self.send_response(STATUS if number > CALM else 200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
