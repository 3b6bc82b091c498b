"""lighthouse_scripts/audit.mjs, run by the Node and npm of the environment."""

import json
import os
import subprocess
import sys
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from struct import pack
from threading import Thread

import pytest

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
FIGURES = {
    "lcp_ms",
    "observed_lcp_ms",
    "fcp_ms",
    "ttfb_ms",
    "server_response_ms",
    "speed_index_ms",
    "tbt_ms",
    "cls",
    "performance_score",
}


def _png(width, height):
    """A picture with enough in it to count as contentful: Chromium ignores nearly empty ones for LCP."""

    def chunk(kind, data):
        return pack(">I", len(data)) + kind + data + pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes(x * y % 251 for x in range(3 * width)) for y in range(height))
    header = pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


PAGES = {
    "/": ("text/html", b"<!doctype html><title>Shop</title><p>Vase</p><img src=/vase.png width=400 height=300>"),
    "/vase.png": ("image/png", _png(400, 300)),
}


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked_for.append(self.path)
        kind, body = PAGES.get(self.path, ("text/plain", b"not here"))
        self.send_response(200 if self.path in PAGES else 404)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def server():
    """A page with one picture, on loopback."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.asked_for = []
        server.url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def _audit(*arguments, command=(str(BIN / "npm"), "run", "--silent", "audit", "--")):
    environment = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(
        [*command, *arguments],
        cwd=ROOT / "lighthouse_scripts",
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
    )


@pytest.mark.e2e
def test_an_audit_is_one_json_line_with_what_lighthouse_measured(server):
    done = _audit("--url", f"{server.url}/", "--preset", "desktop")
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    audit = json.loads(line)

    assert audit["error"] is None
    assert (audit["url"], audit["preset"], audit["run"]) == (f"{server.url}/", "desktop", 1)
    assert audit["lighthouse_version"].startswith("13.")
    assert {name for name in FIGURES if audit[name] is None} == set()
    assert 0 < audit["fcp_ms"] <= audit["lcp_ms"]
    assert audit["observed_lcp_ms"] > 0
    assert 0 <= audit["performance_score"] <= 1
    assert "/vase.png" in server.asked_for


@pytest.mark.e2e
def test_a_page_that_fails_has_no_figures_and_ends_with_3(server):
    done = _audit("--url", f"{server.url}/gone")
    assert done.returncode == 3
    audit = json.loads(done.stdout)
    assert "404" in audit["error"]
    assert {audit[name] for name in FIGURES} == {None}
    assert done.stderr == f"audit: {server.url}/gone could not be audited: {audit['error']}\n"


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ([], "--url is missing"),
        (["--url", "shop"], "--url shop: not a URL"),
        (["--url", "file:///etc/hosts"], "only http and https"),
        (["--url", "http://shop.example/"], "shop.example is not loopback"),
        (["--url", "http://shop.example/", "--allow-host", "other.example"], "shop.example is not loopback"),
        (["--url", "http://127.0.0.1.shop.example/"], "127.0.0.1.shop.example is not loopback"),
        (["--url", "http://localhost/", "--runs", "0"], "--runs 0: a whole number"),
        (["--url", "http://localhost/", "--preset", "tv"], "--preset tv: desktop or mobile"),
        (["--url", "http://localhost/", "--speed"], "Unknown option '--speed'"),
    ],
)
def test_a_call_that_makes_no_sense_is_refused_in_one_line_before_any_browser_starts(arguments, fault):
    done = _audit(*arguments, command=(str(BIN / "node"), "audit.mjs"))
    assert done.returncode == 2
    assert done.stdout == ""
    assert fault in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_named_browser_that_does_not_exist_is_an_error_and_not_replaced_by_another(monkeypatch):
    monkeypatch.setenv("RIG_BROWSER", "/nonexistent/chromium")
    done = _audit("--url", "http://127.0.0.1:1/", command=(str(BIN / "node"), "audit.mjs"))
    assert (done.returncode, done.stdout) == (3, "")
    assert "RIG_BROWSER=/nonexistent/chromium: no such file" in done.stderr
