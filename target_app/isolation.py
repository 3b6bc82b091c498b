"""Cross-origin isolation, on request (``SHOP_ISOLATED=1``).

Chromium rounds paint times to 4 ms unless a page is isolated. The shop needs nothing from other origins, so isolation
costs it no picture; that is no reason to do it unasked, for most shops do.
"""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse


class IsolationMiddleware:
    """Sets the two headers on every response, pictures included."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The response, isolated."""
        response = self._get_response(request)
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        response.headers["Cross-Origin-Embedder-Policy"] = "require-corp"
        return response
