"""lighthouse_scripts/audit.mjs, run by the Node and npm of the environment."""

import json
import os
import signal
import subprocess
import sys
import time
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from struct import pack
from subprocess import PIPE, Popen
from threading import Event, Thread

import psutil
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
        self.server.asked_for.append((self.path, self.headers.get("X-Cache-Strategy")))
        if self.path == "/never":
            self.server.over.wait(60)
        kind, body = PAGES.get(self.path, ("text/plain", b"not here"))
        self.send_response(200 if self.path in PAGES else 404)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "max-age=3600")
        self.send_header("X-Cache", "MISS")
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        known = self.headers.get("X-Rig-Token") == "token"
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked_for.append((self.path, None))
        body = b'{"ok": true, "epoch": 2, "open_recomputes": 0}'
        self.send_response(200 if known else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """Browsers that are killed in the middle are what happens here."""


@pytest.fixture(scope="module")
def server():
    """A page with one picture and a control endpoint, on loopback; /never does not answer."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.asked_for, server.over = [], Event()
        server.url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.over.set()
        server.shutdown()
        thread.join()


def _audit(*arguments, command=(str(BIN / "npm"), "run", "--silent", "audit", "--"), **env):
    environment = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"} | env
    return subprocess.run(
        [*command, *arguments],
        cwd=ROOT / "lighthouse_scripts",
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
    )


@pytest.mark.e2e
def test_a_cold_audit_under_a_strategy_is_one_json_line_with_a_summary_a_report_and_a_budget(server, tmp_path):
    """The page is read once before, in a browser context that shares nothing with the audit's: the picture is asked
    for again although it may be kept for an hour. The cache is emptied between the two, with the audit's page next.
    """
    budget = tmp_path / "budget.json"
    budget.write_text('{"all": {"cls": 1}, "cold": {"observed_lcp_ms": 0.5}, "warm": {"lcp_ms": 0}}')
    server.asked_for.clear()
    done = _audit(
        *("--url", f"{server.url}/", "--strategy", "delete-many", "--cache", "cold"),
        *("--reports", str(tmp_path / "kept"), "--budget", str(budget)),
        RIG_TOKEN="token",
    )
    audit, summary = map(json.loads, done.stdout.splitlines())

    assert (audit["type"], audit["error"], audit["x_cache"]) == ("audit", None, "MISS")
    assert (audit["url"], audit["preset"], audit["run"]) == (f"{server.url}/", "desktop", 1)
    assert (audit["strategy"], audit["cache"]) == ("delete-many", "cold")
    assert audit["lighthouse_version"].startswith("13.")
    assert {name for name in FIGURES if audit[name] is None} == set()
    assert 0 < audit["fcp_ms"] <= audit["lcp_ms"]
    assert audit["observed_lcp_ms"] > 0
    assert 0 <= audit["performance_score"] <= 1

    page = [asked for asked in server.asked_for if asked[0] in ("/", "/vase.png", "/__rig__/reset")]
    read = [("/", "delete-many"), ("/vase.png", "delete-many")]
    assert page == [*read, ("/__rig__/reset", None), *read]

    assert (summary["type"], summary["audited"], summary["median_run"]) == ("summary", 1, 1)
    assert {name: summary["figures"][name]["median"] for name in FIGURES} == {name: audit[name] for name in FIGURES}
    assert "<html" in Path(summary["report"]).read_text()[:200]
    verdicts = {one["figure"]: one["verdict"] for one in summary["budget"]}
    assert verdicts == {"cls": "pass", "observed_lcp_ms": "fail"}
    assert done.returncode == 1
    assert "delete-many, cold: observed_lcp_ms is" in done.stderr
    assert done.stderr.count("\n") == 1


def _rig(server, out, *more):
    command = [str(BIN / "rig"), "lighthouse", "--url", f"{server.url}/never", "--out", str(out), "--runs", "1"]
    return Popen([*command, *more], stdout=PIPE, stderr=PIPE, text=True)


@pytest.mark.e2e
def test_a_page_that_never_answers_ends_with_3_one_line_and_a_record(server, tmp_path):
    """The time-out is the audit's own; what was tried stands in the directory, with no figure made up."""
    with _rig(server, tmp_path, "--timeout", "2") as process:
        out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (3, "")
    fault = f"{server.url}/never could not be audited: not audited within 2 s"
    assert err.splitlines()[-1] == f"rig: Lighthouse: {fault}"
    (run,) = tmp_path.iterdir()
    audit = json.loads((run / "lighthouse.jsonl").read_text())
    assert audit["error"] == "not audited within 2 s"
    assert {audit[name] for name in FIGURES} == {None}
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["status"] == "failed"
    assert fault in manifest["error"]


@pytest.mark.e2e
def test_ctrl_c_ends_with_130_and_leaves_neither_node_nor_browser(server, tmp_path):
    """In the middle of an audit."""
    asked = len(server.asked_for)
    with _rig(server, tmp_path) as process:
        deadline = time.monotonic() + 90
        while len(server.asked_for) == asked:
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        family = psutil.Process(process.pid).children(recursive=True)
        assert len(family) > 1
        # As Ctrl-C does; but that is ignored by what a shell has started in the background.
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in err
    _, alive = psutil.wait_procs(family, timeout=20)
    assert alive == []
    (run,) = tmp_path.iterdir()
    assert json.loads((run / "manifest.json").read_text())["status"] == "interrupted"


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
        (["--url", "http://localhost/", "--strategy", "a,a"], "--strategy a: named twice"),
        (["--url", "http://localhost/", "--strategy", "a=http://shop.example"], "shop.example is not loopback"),
        (["--url", "http://localhost/", "--cache", "cool"], "--cache cool: cold, warm, as-found"),
        (["--url", "http://localhost/", "--cache", "cold"], "set RIG_TOKEN"),
        (["--url", "http://localhost/", "--timeout", "0"], "--timeout 0: seconds"),
        (["--url", "http://localhost/", "--budget", "/nonexistent"], "--budget /nonexistent: no such file"),
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
