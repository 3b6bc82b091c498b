"""Puts the live picture into Locust's web UI: a tab named ``rig``, and the same page alone at ``/rig/``.

Locust's own extension of its UI draws tables of text and nothing else, so the tab is declared by that extension and a
small script of ours fills it with our page, in a frame beside Locust's own elements (docs/decisions/0010).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gevent
from flask import Blueprint, Response, make_response, request, send_from_directory
from locust.runners import STATE_RUNNING
from locust.web import WebUI

from rig.measure.load.live.feed import LiveFeed
from rig.model import InfrastructureError

PERIOD_S = 0.5
"""A watcher gets at most one message in this time."""
MOST_WATCHERS = 8
_SIGN_OF_LIFE_S = 10.0

_ROOT = Path(__file__).resolve().parents[4]
_PAGES = _ROOT / "dashboards"
_ECHARTS = _ROOT / "node_modules" / "echarts" / "dist"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
_FILL_TAB = b'<script type="module" src="./rig/assets/live/tab.js"></script></body>'
# What would stop or restart the users that rig starts and stops, or empty the statistics between two readings.
_CONTROLS = frozenset({"locust.swarm", "locust.stop", "locust.reset_stats", "locust.update_user"})


def add_tab(web_ui: WebUI, feed: LiveFeed, *, conducted: bool = False) -> None:
    """Serve ``feed`` on Locust's web UI; to be called before its first request (``delayed_start=True``).

    ``conducted``: rig starts and stops the users. Locust's own controls are then refused, and its UI, which stops
    asking whenever no user runs, is told that the run goes on between two trials.

    Raises:
        InfrastructureError: the page or ECharts is not installed.
    """
    for path in (_PAGES / "live" / "index.html", _ECHARTS / "echarts.min.js"):
        if not path.is_file():
            raise InfrastructureError(f"live tab: {path} is missing; run make setup")
    app = web_ui.app
    assert app is not None
    base = app.blueprints["locust"].url_prefix or ""
    app.register_blueprint(_pages(web_ui, feed, f"{base}/rig"))
    tabs = web_ui.template_args.setdefault("extended_tabs", [])
    tabs.append({"title": "rig", "key": "rig"})
    app.after_request(_fill_tab)
    if conducted:
        app.before_request(_refuse_controls)
        app.after_request(_say_it_runs)
        _say_it_runs_at_first(web_ui)


def messages(feed: LiveFeed, since: int) -> Iterator[str]:
    """Server-sent events: what changed, no more often than :data:`PERIOD_S`; ends with its reader."""
    quiet_s = 0.0
    while True:
        if feed.revision != since:
            delta = feed.delta(since)
            since, quiet_s = delta["revision"], 0.0
            yield f"id: {since}\ndata: {_json(delta)}\n\n"
        elif quiet_s >= _SIGN_OF_LIFE_S:
            quiet_s = 0.0
            yield ": nothing new\n\n"  # Writing is how a reader's end is noticed.
        gevent.sleep(PERIOD_S)
        quiet_s += PERIOD_S


def _pages(web_ui: WebUI, feed: LiveFeed, prefix: str) -> Blueprint:
    pages = Blueprint("rig", __name__, url_prefix=prefix)
    watchers = _Watchers()

    def route(rule: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        return lambda view: pages.route(rule)(web_ui.auth_required_if_enabled(view))

    @route("/")
    def index() -> Response:
        response = send_from_directory(_PAGES / "live", "index.html", max_age=0)
        response.headers["Content-Security-Policy"] = _POLICY
        return response

    @route("/assets/<any(live, report):folder>/<name>")
    def asset(folder: str, name: str) -> Response:
        if Path(name).suffix not in (".js", ".css"):
            return make_response("no such asset\n", 404)
        return send_from_directory(_PAGES / folder, name, max_age=0)

    @route("/assets/echarts.js")
    def echarts() -> Response:
        return send_from_directory(_ECHARTS, "echarts.min.js", max_age=3600)

    @route("/state")
    def state() -> Response:
        return Response(_json(feed.delta(0)), mimetype="application/json", headers={"Cache-Control": "no-store"})

    @route("/stream")
    def stream() -> Response:
        if watchers.number >= MOST_WATCHERS:
            return make_response(f"{MOST_WATCHERS} pages watch this run already; close one of them\n", 503)
        # After a broken connection the browser says by itself how far it had come.
        held = request.headers.get("Last-Event-ID") or request.args.get("since", "")
        lines = watchers.counted(messages(feed, int(held) if held.isdecimal() else 0))
        return Response(lines, mimetype="text/event-stream", headers={"Cache-Control": "no-store"})

    return pages


class _Watchers:
    """How many streams are open."""

    def __init__(self) -> None:
        self.number = 0

    def counted(self, lines: Iterator[str]) -> Iterator[str]:
        self.number += 1
        try:
            yield from lines
        finally:
            self.number -= 1


def _fill_tab(response: Response) -> Response:
    if request.endpoint == "locust.index" and response.mimetype == "text/html":
        response.set_data(response.get_data().replace(b"</body>", _FILL_TAB))
    return response


def _refuse_controls() -> Response | None:
    if request.endpoint not in _CONTROLS:
        return None
    message = "rig conducts this run: end it where it was started (Ctrl+C)"
    return make_response({"success": False, "message": message}, 409)


def _say_it_runs(response: Response) -> Response:
    if request.endpoint == "locust.request_stats" and response.is_json:
        response.set_data(json.dumps({**response.get_json(), "state": STATE_RUNNING}))
    return response


def _say_it_runs_at_first(web_ui: WebUI) -> None:
    refresh: Callable[[], None] = web_ui.update_template_args

    def refreshed() -> None:
        refresh()
        web_ui.template_args["state"] = STATE_RUNNING

    web_ui.update_template_args = refreshed  # type: ignore[method-assign]


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)
