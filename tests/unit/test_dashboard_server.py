"""The dashboard's server: who may ask, what a browser may do with the answer, and that nothing else is served."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from rig.board import stream
from rig.board.guard import LOOPBACK, host_of
from rig.board.index import Index
from rig.board.server import make_app
from rig.board.stream import messages
from rig.board.work import Done, Work
from rig.journal import RunDir
from tests.synthetic_runs import MARKUP, write_gate, write_run

HOST = "http://127.0.0.1:8300"


class FakeWork(Work):
    """Writes what it was asked; a comparison is a page."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, ...]] = []
        self.code = 0
        self.writes = True

    def _run(self, *arguments: str) -> Done:
        self.asked.append(arguments)
        if arguments[0] == "report" and not self.code and self.writes:
            (Path(arguments[1]) / "report.html").write_text("<p>the report</p>")
        return Done(code=self.code, output="<p>compared</p>" if not self.code else "", said=f"rig: {MARKUP}")


class Client(FlaskClient):
    """Reads every answer to its end, so that files are closed."""

    def open(self, *args, **more):
        return super().open(*args, buffered=True, **more)


def client_of(index: Index, work: Work, hosts: Sequence[str]) -> FlaskClient:
    app = make_app(index, work, threading.Event(), hosts)
    app.test_client_class = Client
    return app.test_client()


@pytest.fixture
def folder(tmp_path) -> Path:
    runs = tmp_path / "runs"
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "report.html").write_text("secret")
    for number in range(3):
        write_run(runs, number)
    write_gate(runs, 4)
    return runs


@pytest.fixture
def work() -> FakeWork:
    return FakeWork()


@pytest.fixture
def client(folder, work, tmp_path) -> FlaskClient:
    index = Index(folder, tmp_path)
    index.refresh()
    return client_of(index, work, [*LOOPBACK, "rig.example"])


def names(client: FlaskClient) -> list[str]:
    return [one["name"] for one in client.get("/api/runs", base_url=HOST).json["runs"]]


@pytest.mark.parametrize("host", ["127.0.0.1:8300", "LOCALHOST", "[::1]:1", "rig.example:80"])
def test_it_answers_under_its_own_names(client, host):
    assert client.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:8300", "localhost@evil.example", "", "[::2]"])
def test_it_answers_under_no_other_name(client, host):
    """A name of an attacker's that resolves to loopback must not reach the runs."""
    for path in ("/", "/api/runs", "/stream", "/assets/board/main.js"):
        assert client.get(path, headers={"Host": host}).status_code in (400, 403)


def test_hosts_are_compared_without_port_and_case():
    assert [host_of(one) for one in ("A:1", "[::1]:80", "[::1]", "a")] == ["a", "[::1]", "[::1]", "a"]


def test_strangers_pages_can_neither_read_nor_begin_anything(client, work):
    name = names(client)[1]
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": "http://127.0.0.1:9"}):
        assert client.post(f"/runs/{name}/report", base_url=HOST, headers=headers).status_code == 403
    crossed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    assert client.get("/api/runs", base_url=HOST, headers=crossed).status_code == 403
    assert client.get(f"/compare?a={name}&b={name}", base_url=HOST).status_code == 200
    assert work.asked == []


@pytest.mark.parametrize(
    ("site", "begins"),
    [(None, True), ("none", True), ("same-origin", True), ("same-site", False), ("cross-site", False)],
)
def test_a_page_that_a_stranger_leads_to_waits_for_the_reader(client, site, begins):
    """It posts from our own origin, so what begins it must be asked here."""
    name = names(client)[1]
    headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate"} if site else {}
    for path in (f"/runs/{name}/report", f"/compare?a={name}&b={name}"):
        asked = client.get(path, base_url=HOST, headers=headers).text
        assert "<button" in asked
        assert ("data-begin" in asked) == begins


def test_every_answer_says_what_a_browser_may_do_with_it(client):
    for path in ("/", "/api/runs", "/assets/board/main.js", "/nothing", f"/runs/{names(client)[1]}/report"):
        headers = client.get(path, base_url=HOST).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
        assert "script-src 'self'" in policy and "unsafe-eval" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize(
    "path",
    [
        "/runs/../secret/report", "/runs/%2e%2e/report", "/runs/..%2fsecret/report", "/runs/%2e%2e%2fsecret/report",
        "/runs/.%00/report", "/runs/nobody/report", "/runs//report", "/compare", "/compare?a=..&b=..",
        "/assets/board/../../pyproject.toml", "/assets/board/%2e%2e%2findex.html", "/assets/board/compare.html.j2",
        "/assets/other/main.js",
    ],
)  # fmt: skip
def test_nothing_is_served_but_what_is_listed(client, path):
    answer = client.get(path, base_url=HOST)
    assert answer.status_code in (404, 308)
    assert b"secret" not in answer.data or b"there is no run" in answer.data


def test_a_report_that_is_a_link_is_not_followed(client, folder):
    name = names(client)[1]
    (folder / name / "report.html").symlink_to(folder.parent / "secret" / "report.html")
    answer = client.get(f"/runs/{name}/report", base_url=HOST)
    assert answer.status_code == 409
    assert b"links are not followed" in answer.data


def test_a_report_is_made_on_demand_and_served_as_a_stranger(client, work, folder):
    """Without rights to this server: its origin is none of ours, and it may ask nobody anything."""
    name = names(client)[1]
    asked = client.get(f"/runs/{name}/report", base_url=HOST)
    assert b"data-begin" in asked.data
    made = client.post(f"/runs/{name}/report", base_url=HOST, headers={"Origin": HOST})
    assert (made.status_code, made.headers["Location"]) == (303, f"/runs/{name}/report")
    assert work.asked == [("report", str((folder / name).absolute()))]
    report = client.get(f"/runs/{name}/report", base_url=HOST)
    assert report.data == b"<p>the report</p>"
    policy = report.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-scripts")
    assert "allow-same-origin" not in policy and "default-src 'none'" in policy


def test_a_name_that_an_address_has_to_quote_gets_its_report(folder, work, tmp_path):
    """What the page posts to is what was asked for, not what is left of it before ``#`` or ``?``."""
    write_run(folder, 5).rename(folder / "odd#1?a%23")
    index = Index(folder, tmp_path)
    index.refresh()
    client = client_of(index, work, LOOPBACK)
    address = "/runs/odd%231%3Fa%2523/report"
    asked = client.get(address, base_url=HOST)
    assert f'action="{address}"' in asked.text
    assert client.post(address, base_url=HOST).headers["Location"] == address


def test_what_has_no_report_even_when_made_is_told_and_not_asked_for_again(client, work):
    """A page that begins work by itself would begin it for ever."""
    work.writes = False
    made = client.post(f"/runs/{names(client)[1]}/report", base_url=HOST)
    assert made.status_code == 200
    assert b"&lt;p&gt;compared&lt;/p&gt;" in made.data and b"ask.js" not in made.data


def test_what_went_wrong_is_said_and_markup_in_it_stays_text(client, work):
    work.code = 3
    failed = client.post(f"/runs/{names(client)[1]}/report", base_url=HOST)
    assert failed.status_code == 409
    assert b"<img" not in failed.data and b"&lt;img" in failed.data
    lost = client.get("/runs/<img src=x>/report", base_url=HOST)
    assert b"<img" not in lost.data


def test_while_a_run_is_measured_work_waits_for_a_word(client, folder, tmp_path):
    """It would disturb the measurement."""
    run = RunDir.create(folder, "hot-key", {})
    index = Index(folder, tmp_path)
    index.refresh()
    busy = client_of(index, FakeWork(), LOOPBACK)
    asked = busy.get(f"/runs/{names(busy)[-1]}/report", base_url=HOST)
    run._lock.close()
    assert b"data-begin" not in asked.data
    assert b"is being measured" in asked.data


def test_a_comparison_is_made_once_and_again_only_when_a_run_changed(client, work, folder):
    a, b = names(client)[1:3]
    address = f"/compare?a={a}&b={b}&allow=cpu&allow=;rm"
    assert b"data-begin" in client.get(address, base_url=HOST).data
    assert client.post(address, base_url=HOST).status_code == 303
    assert work.asked[0][-2:] == ("--allow-different", "cpu")
    page = client.get(address, base_url=HOST)
    assert page.data == b"<p>compared</p>"
    assert "script-src 'sha256-" in page.headers["Content-Security-Policy"]
    (folder / a / "summary.json").unlink()
    assert b"data-begin" in client.get(address, base_url=HOST).data


def test_a_page_is_told_of_changes_and_of_nothing_else(folder, tmp_path, monkeypatch):
    """The stream says how far the index is, then what the list is now; a second look says nothing new."""
    monkeypatch.setattr(stream, "PERIOD_S", 0.01)
    monkeypatch.setattr(stream, "_SIGN_OF_LIFE_S", 0.0)
    index, ends = Index(folder, tmp_path), threading.Event()
    index.done, index.total = 3, 9
    told = messages(index, ends)
    assert next(told) == 'event: index\ndata: {"done":3,"total":9}\n\n'
    index.refresh()
    assert next(told) == 'event: runs\ndata: {"revision":1}\n\nevent: live\ndata: []\n\n'
    assert next(told) == ": nothing new\n\n"
    run = RunDir.create(folder, "hot-key", {"plan": {"order": [["a"]]}})
    live = next(told)
    run._lock.close()
    assert 'data: {"revision":2}' in live
    assert '"sealed":0,"of":1' in live
    ends.set()
    assert list(told) == []
