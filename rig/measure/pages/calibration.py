"""Pages whose LCP is known: what is painted is released a chosen delay after it was asked for.

LCP against delay is a line of slope 1; what lies above the delay is the browser's own.
"""

from __future__ import annotations

import random
import struct
import threading
import time
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qs, urlsplit

WIDTH, HEIGHT = 320, 200
_BODIES = {
    "image": f"<img src='{{}}' width={WIDTH} height={HEIGHT} alt=''>",
    "style": "<link rel=stylesheet href='{}'><h1>Styled</h1>",
}


def noise_png(width: int, height: int) -> bytes:
    """A grey image of noise: one with less than 0.05 bit a pixel would be no LCP candidate."""
    source = random.Random(1)
    rows = b"".join(b"\0" + source.randbytes(width) for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 1)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


class CalibrationServer:
    """Serves the pages on a free loopback port: ``with CalibrationServer() as server: server.url(400)``.

    ``server_timing`` is the header of that name on every page. ``held`` is set each time an image or a stylesheet is
    asked for; who waits for it clears it.
    """

    def __init__(self, server_timing: str = "") -> None:
        self.held = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.held, self._server.server_timing = self.held, server_timing
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def url(self, delay_ms: float) -> str:
        """The page whose image is released ``delay_ms`` after its request came in."""
        return f"http://127.0.0.1:{self._server.server_port}/?delay_ms={delay_ms:g}"

    def styled_url(self, delay_ms: float) -> str:
        """A page of text that may not be painted before its stylesheet, released after ``delay_ms``."""
        return f"http://127.0.0.1:{self._server.server_port}/styled?delay_ms={delay_ms:g}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    held: threading.Event
    server_timing: str


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    # Head and body in one segment: in two, the second waits 40 ms for the first's delayed acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True
    image = noise_png(WIDTH, HEIGHT)

    def do_GET(self) -> None:
        asked_s = time.monotonic()
        parts = urlsplit(self.path)
        delay_ms = float(parse_qs(parts.query).get("delay_ms", ["0"])[0])
        match parts.path:
            case "/":
                self._page("image", f"/image.png?delay_ms={delay_ms:g}")
            case "/styled":
                self._page("style", f"/style.css?delay_ms={delay_ms:g}")
            case "/image.png":
                self._hold(asked_s + delay_ms / 1000)
                self._answer("image/png", self.image)
            case "/style.css":
                self._hold(asked_s + delay_ms / 1000)
                self._answer("text/css", b"h1 { color: navy }")
            case _:
                self.send_error(404)

    def _hold(self, until_s: float) -> None:
        self.server.held.set()
        time.sleep(max(0.0, until_s - time.monotonic()))

    def _page(self, kind: str, part: str) -> None:
        page = f"<!doctype html><title>calibration</title>{_BODIES[kind].format(part)}"
        # The part is asked for at once, so that how long the page takes to parse adds no scatter.
        headers = [("Link", f"<{part}>; rel=preload; as={kind}")]
        if self.server.server_timing:
            headers.append(("Server-Timing", self.server.server_timing))
        self._answer("text/html; charset=utf-8", page.encode(), *headers)

    def _answer(self, content_type: str, body: bytes, *headers: tuple[str, str]) -> None:
        self.send_response(200)
        # Isolated, the page sees paint times to the fraction of a millisecond; otherwise to 4 ms.
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the browser's probes are of no interest."""
