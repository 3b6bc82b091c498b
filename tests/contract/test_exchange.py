"""Single exchanges in corner cases: against a server that answers with exactly the bytes a test wants."""

from __future__ import annotations

import json
import resource
import select
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gevent
import httptools
import numpy as np
import pytest

from rig.journal import StreamSink, read_stream
from rig.measure.load.client import Connection, prepare
from rig.measure.load.open_model import Dispatcher, Limits
from rig.measure.load.order import TrialOrder
from rig.measure.load.recorder import Offered, Recorder, Target
from rig.measure.load.site import Site
from rig.measure.load.tls import TlsConnection
from rig.measure.load.trial import Trial
from rig.measure.single import LOCUSTFILE
from rig.model import Kind
from rig.plan.schedule import ScheduleSpec
from rig.samples import REQUESTS

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

Answer = Callable[[socket.socket], bool]
"""Answers one request on a connection; whether another may follow on it."""


def _says(data: bytes, *, again: bool = True) -> Answer:
    """The last answer leaves with the end of its stream, in one segment: else a busy machine may let the client send
    its next request between the two, and no client could have known."""
    flags = 0 if again else socket.MSG_MORE

    def answer(client: socket.socket) -> bool:
        client.sendall(data, flags)
        return again

    return answer


@contextmanager
def _serving(answer: Answer, context: ssl.SSLContext | None = None) -> Iterator[str]:
    """``host:port`` of a server that gives ``answer`` to every request."""

    def serve(client: socket.socket) -> None:
        with suppress(OSError):
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            spoken = context.wrap_socket(client, server_side=True) if context else client
            held = b""
            while data := spoken.recv(65536):
                held += data
                if b"\r\n\r\n" in held:
                    held = b""
                    if not answer(spoken):
                        break
            spoken.close()

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listening.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0), backlog=256) as listening:
        threading.Thread(target=accept, daemon=True).start()
        yield f"127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)


def _run(
    url: str, at_s: np.ndarray, folder: Path, *, trusting: ssl.SSLContext | None = None, **limits: Any
) -> tuple[Any, Any]:
    """Offer ``url`` at ``at_s``; returns what the dispatcher counted and the journal."""
    start_s = time.monotonic() + 0.02
    offered = Offered(
        index=np.arange(len(at_s)),
        intended_s=start_s + at_s,
        target=np.zeros(len(at_s), np.int32),
        targets=[Target(Kind.READ, "/", prepare("GET", url, {}))],
    )
    sink = StreamSink(folder / "requests.arrows", REQUESTS)
    recorder = Recorder(offered, sink.write)
    site = Site(url)
    if trusting is not None:
        site._tls = trusting
    dispatcher = Dispatcher(site, offered, recorder=recorder, check=lambda *_: None, limits=Limits(**limits))
    counts = dispatcher.run(start_s + float(at_s[-1]) + 0.01)
    list(recorder.flush())
    sink.close()
    return counts, read_stream(folder / "requests.arrows", REQUESTS).to_pandas()


def _causes(frame: Any) -> dict[str, int]:
    return dict(Counter(frame["cause"].astype(object).fillna("none")))


def test_waiting_for_the_last_response_costs_no_cpu(tmp_path):
    """When all is sent the alarm is off. One that rings on keeps the loop, and with it a core, busy."""

    def hang(client: socket.socket) -> bool:
        client.recv(1)
        return False

    begin_s = time.thread_time()
    with _serving(hang) as host:
        _, frame = _run(f"http://{host}/", np.zeros(32), tmp_path, drain_s=1.5)
    assert _causes(frame) == {"drain": 32}
    # A busy loop takes all of the 1.5 s that are waited; all else, a few hundredths.
    assert time.thread_time() - begin_s < 0.7


def test_nothing_is_begun_after_the_drain(tmp_path):
    """What waits then is dropped: begun after its own deadline, it would have ended before it was sent."""

    def slow(client: socket.socket) -> bool:
        time.sleep(0.03)
        return _says(OK)(client)

    with _serving(slow) as host:
        counts, frame = _run(f"http://{host}/", np.zeros(60), tmp_path, in_flight=2, drain_s=0.25)
    assert counts.scheduled == counts.sent + counts.dropped == len(frame) == 60
    assert _causes(frame)["dropped"] == counts.dropped
    begun = frame[frame["sent_s"].notna()]
    assert (begun["done_s"] >= begun["sent_s"]).all()


def _trusted(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate of its own, and a client's that trusts it."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=127.0.0.1",
            ),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate, key)
    return serving, ssl.create_default_context(cafile=str(certificate))


# Due 3 ms apart: close enough that the reading of what arrived waits for the next request.
_CLOSE = np.arange(60) * 0.003


def test_reading_may_wait_only_where_the_server_does_not(tmp_path):
    """A response larger than a connection holds is taken as it comes."""
    body = b"x" * 1_000_000
    answer = _says(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + body)
    with _serving(answer) as host:
        _, frame = _run(f"http://{host}/", _CLOSE, tmp_path)
    assert _causes(frame) == {"none": 60}
    # Read once per request, its 16 blocks would take 16 times 3 ms; the server needs about 1 ms.
    assert (frame["done_s"] - frame["sent_s"]).median() < 0.02


@pytest.mark.parametrize(("body", "waits"), [(1_000, True), (20_000, False)])
def test_after_a_large_response_none_is_left_to_wait(body, waits):
    """What the system holds unread for us is bounded: a server that has filled it would stand still, and be blamed."""
    asked: list[object] = []
    connection = Connection(None, SimpleNamespace(hurry=asked.append, urgent=set()), [], lambda _: None)
    connection._parser = httptools.HttpResponseParser(connection)
    connection._take(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % body + b"x" * body)
    assert connection.status == 200
    assert (asked == []) is waits


def test_a_body_that_ends_with_the_stream_ends_when_it_does(tmp_path):
    """An end of stream bears no stamp, so it is read at once."""
    with _serving(_says(b"HTTP/1.1 200 OK\r\n\r\nok", again=False)) as host:
        _, frame = _run(f"http://{host}/", _CLOSE, tmp_path)
    assert _causes(frame) == {"none": 60}
    # Left for the next two requests, each would take nearly 6 ms; alone, a few tenths whenever the machine is not busy.
    assert (frame["done_s"] - frame["sent_s"]).quantile(0.05) < 0.003


def test_a_server_that_closes_unannounced_costs_no_request(tmp_path):
    """An end of stream that comes with the response is seen with it: nothing more is sent on that connection."""
    with _serving(_says(OK, again=False)) as host:
        _, frame = _run(f"http://{host}/", _CLOSE, tmp_path)
    assert _causes(frame) == {"none": 60}


def test_a_closed_tls_connection_says_nothing_to_the_next_exchange(tmp_path):
    """At the cap a connection goes on in the same breath; what was behind the last response is not the next one's."""
    serving, trusting = _trusted(tmp_path)

    def answer(client: socket.socket) -> bool:
        client.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
        client.sendall(b"noise")
        return False

    # Both records lie in one block when they are read late, which is not so each time.
    with _serving(answer, serving) as host:
        _, frame = _run(f"https://{host}/", np.zeros(40), tmp_path, trusting=trusting, in_flight=1)
    assert _causes(frame) == {"none": 40}


def _on_a_pair(kind: type[Connection], *more: Any) -> tuple[Any, socket.socket]:
    """A connection on one end of a socket pair, which says when it would open another; the server's end."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    ready = SimpleNamespace(
        urgent=set(),
        add=lambda *_: None,
        remove=lambda _: None,
        hurry=lambda _: None,
        receive=lambda made: (made.recv(65536), time.monotonic()),
    )
    asked_anew = type("AskedAnew", (kind,), {"_open": lambda self: setattr(self, "anew", True), "anew": False})
    connection = asked_anew(None, ready, [], lambda _: None, *more)
    connection._socket, connection._connected = ours, True
    return connection, theirs


def _exchange(connection: Any) -> None:
    """One whole exchange on a connection that stands, just now."""
    connection.busy, connection._request = True, b"GET / HTTP/1.1\r\n\r\n"
    connection._opened()
    while connection.busy:
        select.select([connection._socket], [], [], 5)
        connection._readable(False)
    assert connection.cause is None


@pytest.mark.parametrize(("then", "anew"), [("close", True), ("speak", True), ("wait", False)])
def test_an_idle_connection_that_was_closed_is_noticed_however_soon(then, anew):
    """A server may close right after a response; sent into that, a request fails that no user would have lost."""
    connection, theirs = _on_a_pair(Connection)
    with theirs:
        theirs.sendall(OK)
        _exchange(connection)
        if then == "close":
            theirs.shutdown(socket.SHUT_WR)
        elif then == "speak":
            theirs.sendall(b"noise")
        connection.begin(0, b"GET /again", time.monotonic(), float("inf"))
        assert connection.anew is anew
        assert theirs.recv(100).endswith(b"\r\n\r\n" if anew else b"GET /again")
        connection.close()


@pytest.mark.parametrize(("goodbye", "anew"), [("with the response", True), ("after it", True), ("none", False)])
def test_a_tls_server_that_takes_its_leave_is_noticed(goodbye, anew, tmp_path):
    """Its word of leave is data on the socket, as a session ticket is, which means nothing."""
    serving, trusting = _trusted(tmp_path)
    connection, theirs = _on_a_pair(TlsConnection, trusting, "127.0.0.1")
    may_leave, left, over, heard = threading.Event(), threading.Event(), threading.Event(), list[bytes]()

    def serve() -> None:
        with suppress(OSError), serving.wrap_socket(theirs, server_side=True) as spoken:
            spoken.recv(100)
            spoken.sendall(OK)
            if goodbye == "none":
                heard.append(spoken.recv(100))
                return
            may_leave.wait(5)
            spoken.settimeout(0)
            with suppress(ssl.SSLWantReadError):
                spoken.unwrap()
            left.set()
            over.wait(5)

    server = threading.Thread(target=serve, daemon=True)
    server.start()
    if goodbye == "with the response":
        may_leave.set()
    _exchange(connection)
    may_leave.set()
    assert not anew or left.wait(5)
    connection.begin(0, b"GET /again", time.monotonic(), float("inf"))
    assert connection.anew is anew
    over.set()
    server.join(5)
    assert heard == ([] if anew else [b"GET /again"])
    connection.close()


def test_a_trial_whose_conductor_is_gone_stops_at_once(tmp_path):
    """The fleet ends when its input ends, also within a trial: its target is left in peace."""
    spec = ScheduleSpec(
        seed=1, round=0, window_s=30.0, read_rate_rps=20.0, reads={"/": 1.0}, visit_paths={}, arrivals="uniform"
    )
    with _serving(_says(OK)) as host:
        order = TrialOrder(url=f"http://{host}", strategy=None, spec=spec)
        command = [sys.executable, "-m", "rig.measure.load.fleet", str(LOCUSTFILE)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as fleet:
            assert fleet.stdin and fleet.stdout
            fleet.stdin.write(json.dumps({"order": order.as_dict()}) + "\n")
            fleet.stdin.flush()
            while "started" not in fleet.stdout.readline():
                pass
            fleet.stdin.close()
            assert fleet.wait(10) == 0


def test_a_trial_that_ends_within_a_flush_loses_no_sample():
    """The flush under way is finished: its batches are not yet all in the journal."""
    spec = ScheduleSpec(
        seed=1, round=0, window_s=1.1, read_rate_rps=5000.0, reads={"/": 1.0}, visit_paths={}, arrivals="uniform"
    )
    rows = []
    with _serving(lambda client: not client.recv(1)) as host:
        order = TrialOrder(url=f"http://{host}", strategy=None, spec=spec, in_flight=1, at_cap="drop", timeout_s=1.2)
        trial = Trial(order, lambda batch: rows.append(batch.num_rows))
        trial.begin(time.monotonic())
        trial.send_requests(lambda batch: gevent.sleep(0.3))
    assert trial.counts is not None
    assert sum(rows) == trial.recorder.count == trial.counts.scheduled


def test_a_request_is_one_whatever_its_url_holds():
    """Blanks and other letters are escaped, what is escaped stays; a Host of the user's takes the place of ours."""
    assert prepare("GET", "http://[::1]:8000/日 b%20?q=c d#part", {}) == (
        b"GET /%E6%97%A5%20b%20?q=c%20d HTTP/1.1\r\nHost: [::1]:8000\r\n\r\n"
    )
    assert prepare("GET", "http://127.0.0.1", {"host": "shop"}) == b"GET / HTTP/1.1\r\nhost: shop\r\n\r\n"


def test_without_a_descriptor_left_a_request_fails_by_its_cause(tmp_path):
    """More in flight than the system gives sockets: counted like any failure to connect, and the trial goes on."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    with _serving(_says(OK)) as host:
        opened = len(list(Path("/dev/fd").iterdir()))
        resource.setrlimit(resource.RLIMIT_NOFILE, (opened + 20, limits[1]))
        try:
            counts, frame = _run(f"http://{host}/", np.zeros(64), tmp_path, in_flight=64)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert counts.sent == counts.scheduled == len(frame) == 64
    assert _causes(frame).get("connect", 0) > 0


def test_a_write_without_fields_says_how_long_it_is():
    """A server may wait for a body whose length nobody named."""
    assert b"Content-Length: 0\r\n" in prepare("POST", "http://127.0.0.1/p", {})
    assert b"Content-Length" not in prepare("GET", "http://127.0.0.1/p", {})
