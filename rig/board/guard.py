"""Who may ask, and what a browser may do with the answer.

A page of somebody else's can point the reader's browser at a server on loopback: by an address that resolves to it (DNS
rebinding), or by a link or form. So the name that was asked for must be one of ours, and nothing is begun for others.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Collection
from urllib.parse import urlsplit

from flask import Flask, Response, abort, request

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_OWN = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
# A report may come from a stranger's run directory: it may draw and offer its tables, and is nobody to this server.
REPORT_POLICY = (
    "sandbox allow-scripts allow-downloads; default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "img-src data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_FIXED = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def guard(app: Flask, hosts: Collection[str]) -> None:
    """Refuse requests under other names than ``hosts``, and from other sites; set the headers of every answer."""
    known = {host.lower() for host in hosts}

    @app.before_request
    def refuse_strangers() -> None:
        if host_of(request.host) not in known:
            abort(403, f"this server does not answer as {request.host[:100]!r}; name it with --allow-host if it should")
        if (
            request.headers.get("Sec-Fetch-Site") == "cross-site"
            and request.headers.get("Sec-Fetch-Mode") != "navigate"
        ):
            abort(403, "asked for by a page of another site")
        origin = request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc.lower() != request.host.lower():
            abort(403, "asked for by a page of another site")

    @app.after_request
    def say_what_is_allowed(response: Response) -> Response:
        for name, value in _FIXED.items():
            response.headers[name] = value
        response.headers.setdefault("Content-Security-Policy", _OWN)
        response.headers.setdefault("Cache-Control", "no-store")
        return response


def came_from_here() -> bool:
    """Whether the page that is asked for was asked for by the reader or by a page of ours: one that a page of another
    site leads to must not begin work by itself.
    """
    return request.headers.get("Sec-Fetch-Site", "none") in ("same-origin", "none")


def host_of(authority: str) -> str:
    """``LOCALHOST:8300`` -> ``localhost``; an IPv6 address keeps its brackets."""
    return re.sub(r":\d*$", "", authority).lower()


def policy_for_inline(script: str) -> str:
    """For a page of ours that carries its script and styles in itself: that script, and no other."""
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
