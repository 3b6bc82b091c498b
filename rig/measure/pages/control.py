"""The control page: one image, ready-made, with no cache, no database and no server of the target behind it.

``python -m rig.measure.pages.control --port N [--host ADDRESS]``. Whatever moves its LCP while a target is
loaded is the load's and the rig's own: the processors they share, not the cache strategy.
"""

from __future__ import annotations

import argparse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from rig.measure.pages.calibration import noise_png

WIDTH, HEIGHT = 640, 400
_IMAGE = noise_png(WIDTH, HEIGHT)
_PAGE = (
    "<!doctype html><html lang='en'><title>control page</title><h1>Control page</h1>"
    f"<img src='/image.png' width={WIDTH} height={HEIGHT} alt=''>"
).encode()
_CONTENT = {"/": ("text/html; charset=utf-8", _PAGE), "/image.png": ("image/png", _IMAGE)}


class Handler(BaseHTTPRequestHandler):
    """Answers from memory."""

    protocol_version = "HTTP/1.1"
    # Head and body in one segment: in two, the second waits 40 ms for the first's delayed acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """The page, its image, or 404."""
        if self.path not in _CONTENT:
            self.send_error(404)
            return
        content_type, body = _CONTENT[self.path]
        self.send_response(200)
        # Isolated, the page sees paint times to the fraction of a millisecond; otherwise to 4 ms.
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: a line for each visit would tell nobody anything."""


def main() -> None:
    """Serve until ended; on loopback unless the browser is elsewhere."""
    parser = argparse.ArgumentParser(prog="python -m rig.measure.pages.control")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    server = ThreadingHTTPServer((options.host, options.port), Handler)
    server.daemon_threads = True
    server.serve_forever()


if __name__ == "__main__":
    main()
