"""A server that misbehaves on purpose, for the browser to visit."""

from __future__ import annotations

import ssl
import threading
import time
from collections import Counter
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from rig.measure.pages.calibration import noise_png

DEADLINE_S = 20.0
IMAGE = noise_png(320, 200)
SERVER_TIMING = 'cache;desc="hit";dur=0.25, db;dur=1.5;desc="3 queries", total;dur=12.75'

PAGES = {
    "/plain": "<h1>Plain</h1>",
    "/empty": "",
    "/alert": "<script>alert('hello')</script><h1>After the dialog</h1>",
    "/leave": "<script>addEventListener('beforeunload', (e) => { e.preventDefault(); })</script><h1>Stay?</h1>",
    "/hung": "<h1>Hung</h1><script>for (;;);</script>",
    "/never-loads": "<h1>Text</h1><img src='/silent'>",
    "/hero": "<h1>Hero</h1><img src='/image?delay_ms=150' width=320 height=200>",
    "/lazy": "<h1>Lazy</h1><img loading=lazy src='/image?delay_ms=300' width=320 height=200>",
    "/slow-style": "<link rel=stylesheet href='/style?delay_ms=600'><h1>Styled</h1>",
    "/busy": "<h1 id=t></h1><script>setTimeout(() => {const end = performance.now() + 500;"
    " while (performance.now() < end); t.textContent = 'Busy';})</script>",
    "/storage": "<h1>Storage</h1><script>fetch('/seen?' + [sessionStorage.a, localStorage.a]);"
    " sessionStorage.a = localStorage.a = document.cookie = 'a=1';</script>",
    "/click": "<h1>Click</h1><details><summary>More</summary><p>More</p></details>",
    "/slow-click": "<h1>Click</h1><form><button>Send</button></form><button type=button onclick='"
    "const end = performance.now() + 150; while (performance.now() < end); this.textContent = 1'>Slow</button>",
    "/named": "<h1>Named</h1><button type=button onclick='fetch(\"/first\")'>First</button><p style='height:3000px'>"
    "<button type=button data-rig-interaction onclick='fetch(\"/clicked\")'>Mine</button>",
    "/no-click": "<h1>None</h1><form action=/sent><button>Send</button><input type=submit></form>"
    "<a href=/left><button>In a link</button></a><a href=/left role=button>Link</a><button disabled>Off</button>"
    "<button hidden>Hidden</button><p style='height:3000px'></p><button>Out of view</button>",
    "/click-away": "<h1>Away</h1><button onclick='location = \"/plain\"'>Away</button>",
    "/click-alert": "<h1>Alert</h1><button onclick='alert(1)'>Alert</button>",
    "/click-file": "<h1>File</h1><button onclick='location = \"/file\"'>File</button>",
    "/click-hangs": "<h1>Hangs</h1><button onclick='for (;;);'>Hang</button>",
    "/work": "<h1 id=t></h1><script>let n = 0; for (let i = 0; i < 3e7; i++) n += i % 7; t.textContent = n</script>",
    "/size": "<meta name=viewport content='width=device-width'><h1>Size</h1>"
    "<script>fetch(`/seen?${innerWidth}x${innerHeight}`)</script>",
    "/many": "<h1>Many</h1><script src=/script></script>" + "<img src='/image?n=%d'>" * 60 % tuple(range(60)),
    "/elsewhere": "<h1>Elsewhere</h1><script>location = '/plain'</script><img src='/silent'>",
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        site: Site = self.server.site  # type: ignore[attr-defined]
        parts = urlsplit(self.path)
        site.paths[parts.path] += 1
        site.requests.append((self.path, dict(self.headers)))
        time.sleep(float(parse_qs(parts.query).get("delay_ms", ["0"])[0]) / 1000)
        if parts.path == "/silent":
            site.over.wait(DEADLINE_S * 2)
            self.close_connection = True
        elif parts.path == "/half":
            self.answer(200, "text/html", b"<h1>Half</h1>", length=5000)
            self.close_connection = True
        elif parts.path == "/image":
            self.answer(200, "image/png", IMAGE, {"Cache-Control": "max-age=3600"})
        elif parts.path == "/redirect":
            self.answer(302, "text/plain", b"", {"Location": "/plain"})
        elif parts.path == "/away":
            self.answer(302, "text/plain", b"", {"Location": parts.query})
        elif parts.path == "/framing":
            self.answer(200, "text/html", f"<h1>Framing</h1><iframe src='{parts.query}'></iframe>".encode())
        elif parts.path == "/script":
            self.answer(200, "text/javascript", b"0")
        elif parts.path == "/style":
            self.answer(200, "text/css", b"h1 { color: navy }")
        elif parts.path == "/file":
            self.answer(200, "application/octet-stream", b"x" * 100, {"Content-Disposition": "attachment"})
        elif parts.path == "/failing":
            self.answer(500, "text/html", b"<h1>Sorry</h1>", {"X-Cache": "BYPASS"})
        elif parts.path in PAGES:
            body = f"<!doctype html><title>test</title>{PAGES[parts.path]}".encode()
            facts = {
                "Server-Timing": SERVER_TIMING,
                "X-Cache": "HIT",
                "X-Cache-Strategy": self.headers.get("X-Cache-Strategy", "default"),
                "X-Content-Version": "product:7=3",
                "Age": "4",
            }
            self.answer(200, "text/html", body, facts)
        else:
            self.answer(204, "text/plain", b"")

    def answer(
        self, status: int, kind: str, body: bytes, headers: dict[str, str] | None = None, length: int | None = None
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


class QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that hangs up in the middle is what these tests are about."""


class Site:
    """The test server, with a record of what was asked of it. ``certificate``: a PEM file with its key, for https."""

    def __init__(self, certificate: Path | None = None) -> None:
        self.paths: Counter[str] = Counter()
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.over = threading.Event()
        self._server = QuietServer(("127.0.0.1", 0), Handler)
        self._server.site = self  # type: ignore[attr-defined]
        self._scheme = "https" if certificate else "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            # In the thread of the connection: one that is refused must not stop the others.
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def url(self, path: str) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_port}{path}"

    def close(self) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()


def answered(visit: Mapping[str, Any]) -> bool:
    """The visit has its LCP. On a busy machine a frame may be late: that is said, and no fault here."""
    return visit["outcome"] in ("measured", "starved") and visit["lcp_ms"] > 0
