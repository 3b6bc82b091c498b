"""``rig dashboard``: the pages over all runs, on loopback. Answers only; what it shows is read by its neighbours."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flask import Flask, Response, abort, redirect, request, send_from_directory, url_for
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from werkzeug.exceptions import HTTPException
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.wrappers import Response as BaseResponse

from rig.analysis.comparable import NAMES
from rig.board.entry import REPORT, Entry, signature_of
from rig.board.files import MEGABYTE, UnreadableError, read_bytes
from rig.board.guard import REPORT_POLICY, came_from_here, guard, policy_for_inline
from rig.board.history import as_csv, history, profiles
from rig.board.index import Index
from rig.board.stream import MOST_WATCHERS, messages
from rig.board.work import Pages, Work
from rig.model import ExitCode, InfrastructureError, RunStatus
from rig.report.comparison_html import script as comparison_script
from rig.report.html import ECHARTS, ROOT

_PAGES = ROOT / "dashboards"
_MOST_REPORT = 256 * MEGABYTE
# A list that was looked at so lately is not looked at again: a page that is opened asks for several things at once.
_FRESH_S = 0.5


class Dashboard:
    """The server and what it needs; :meth:`serve` returns when it is interrupted, :meth:`close` ends everything."""

    def __init__(self, folder: Path, home: Path, host: str, port: int, hosts: Sequence[str]) -> None:
        for path in (_PAGES / "board" / "index.html", ECHARTS):
            if not path.is_file():
                raise InfrastructureError(f"dashboard: {path} is missing; run make setup")
        self.index = Index(folder, home)
        self.ends = threading.Event()
        self.work = Work()
        app = make_app(self.index, self.work, self.ends, hosts)
        try:
            # Not left to Werkzeug, which prints and leaves the process where a port is taken.
            listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        except OSError as error:
            why = (error.strerror or str(error)).partition(" (")[0]
            raise InfrastructureError(
                f"{host}:{port}: cannot listen there ({why}); choose another port with --port, 0 takes a free one"
            ) from error
        with listening:
            self._server: BaseWSGIServer = make_server(
                host, port, app, threaded=True, request_handler=_Quiet, fd=listening.fileno()
            )
        name = f"[{host}]" if ":" in host else host
        self.url = f"http://{name}:{self._server.port}/"

    def serve(self) -> None:
        """Answer until interrupted.

        Raises:
            KeyboardInterrupt: always, in the end; Werkzeug keeps it to itself.
        """
        self._server.serve_forever()
        raise KeyboardInterrupt

    def close(self) -> None:
        """End streams, work under way and the server."""
        self.ends.set()
        self.work.close()
        self._server.server_close()


class _Quiet(WSGIRequestHandler):
    """Says nothing of each request."""

    def log(self, type: str, message: str, *args: Any) -> None:
        """Nothing."""


def make_app(index: Index, work: Work, ends: threading.Event, hosts: Sequence[str]) -> Flask:
    """The pages and what they ask for. Only POST begins work."""
    app = Flask("rig.board", static_folder=None)
    guard(app, hosts)
    _serve_files(app)
    _serve_data(app, index, ends)
    _serve_reports(app, index, work)
    _serve_comparisons(app, index, work)

    @app.errorhandler(HTTPException)
    def told(error: HTTPException) -> BaseResponse | tuple[str, int]:
        if error.code is None or error.code < 400:
            return error.get_response()
        return page("message.html.j2", title=error.name, text=error.description or "", code=None), error.code

    return app


def page(template: str, **facts: Any) -> str:
    """A page of the server's own; all text in it is escaped."""
    environment = Environment(
        loader=FileSystemLoader(_PAGES / "board"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**facts)


def _serve_files(app: Flask) -> None:
    @app.get("/")
    def index_page() -> Response:
        return send_from_directory(_PAGES / "board", "index.html", max_age=0)

    @app.get("/assets/<any(board, report):folder>/<name>")
    def asset(folder: str, name: str) -> Response:
        if Path(name).suffix not in (".js", ".css"):
            abort(404)
        return send_from_directory(_PAGES / folder, name, max_age=0)

    @app.get("/assets/echarts.js")
    def echarts() -> Response:
        return send_from_directory(ECHARTS.parent, ECHARTS.name, max_age=3600)


def _serve_data(app: Flask, index: Index, ends: threading.Event) -> None:
    free = threading.Semaphore(MOST_WATCHERS)

    @app.get("/api/runs")
    def runs() -> dict[str, Any]:
        if not index.ready:
            return {"ready": False, "done": index.done, "total": index.total, "runs": []}
        index.refresh(older_than_s=_FRESH_S)
        return {
            "ready": True,
            "revision": index.revision,
            "folder": str(index.folder),
            "profiles": profiles(index.entries),
            "runs": [_row(entry) for entry in index.entries],
        }

    @app.get("/api/history")
    def one_history() -> dict[str, Any]:
        return history(index.entries, request.args.get("profile", ""))

    @app.get("/history.csv")
    def whole_history() -> Response:
        told = history(index.entries, request.args.get("profile", ""), most=len(index.entries))
        named = {"Content-Disposition": 'attachment; filename="rig-history.csv"'}
        return Response(as_csv(told), mimetype="text/csv", headers=named)

    @app.get("/stream")
    def stream() -> Response:
        if not free.acquire(blocking=False):
            abort(503, f"{MOST_WATCHERS} pages are open already; close one of them")
        response = Response(messages(index, ends), mimetype="text/event-stream")
        response.call_on_close(free.release)
        return response


def _row(entry: Entry) -> dict[str, Any]:
    facts = entry.to_json()
    del facts["conditions"], facts["reproduce"]
    facts["strategies"] = [{"name": one["name"], "grade": one["grade"]} for one in entry.strategies]
    return facts


def _serve_reports(app: Flask, index: Index, work: Work) -> None:
    @app.get("/runs/<name>/report")
    def report(name: str) -> Response | str:
        folder = _folder(index, name)
        try:
            content = read_bytes(folder / REPORT, _MOST_REPORT)
        except UnreadableError as error:
            abort(409, f"{name}: {error}")
        if content is None:
            return _ask(index, f"No report of {name} yet", "Make the report", url_for("report", name=name))
        return Response(content, mimetype="text/html", headers={"Content-Security-Policy": REPORT_POLICY})

    @app.post("/runs/<name>/report")
    def make_report(name: str) -> BaseResponse | tuple[str, int]:
        folder = _folder(index, name)
        done = work.report(folder)
        if done.code != ExitCode.OK:
            return page("message.html.j2", title=f"No report of {name}", text=done.said, code=done.code), 409
        if not (folder / REPORT).is_file():
            # Of audits alone there is no page: the address would ask for it again, without end.
            return page("message.html.j2", title=f"{name} has no page of its own", output=done.output, code=None), 200
        return redirect(url_for("report", name=name), 303)


def _serve_comparisons(app: Flask, index: Index, work: Work) -> None:
    made = Pages()

    def asked() -> tuple[Path, Path, list[str], str]:
        a, b = (_folder(index, request.args.get(side, "")) for side in "ab")
        allowed = sorted(set(request.args.getlist("allow")) & set(NAMES))
        return a, b, allowed, repr((a.name, b.name, allowed, signature_of(a), signature_of(b)))

    @app.get("/compare")
    def comparison() -> Response | str | tuple[str, int]:
        a, b, _, key = asked()
        done = made.get(key)
        if done is None:
            return _ask(index, f"Compare {a.name} with {b.name}", "Compare", request.full_path)
        if not done.output:
            return page("message.html.j2", title="Not compared", text=done.said, code=done.code), 409
        policy = policy_for_inline(comparison_script())
        return Response(done.output, mimetype="text/html", headers={"Content-Security-Policy": policy})

    @app.post("/compare")
    def compare() -> BaseResponse:
        a, b, allowed, key = asked()
        made.put(key, work.compare(a, b, allowed))
        return redirect(request.full_path, 303)


def _ask(index: Index, title: str, action: str, address: str) -> str:
    """A page that begins work, by itself unless a run is being measured, which work would disturb, or a page of another
    site leads to it.
    """
    running = [entry.name for entry in index.entries if entry.state == RunStatus.RUNNING]
    begins = not running and came_from_here()
    return page("ask.html.j2", title=title, action=action, address=address, running=running, begins=begins)


def _folder(index: Index, name: str) -> Path:
    """The folder of a listed run. Names that are not listed, and so every path, are not found."""
    entry = index.get(name)
    if entry is None or not re.fullmatch(r"[^/\\\x00]+", name) or name in (".", ".."):
        abort(404, f"there is no run {name[:100]!r} here")
    return index.folder / name
