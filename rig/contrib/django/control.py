"""Control endpoints of a measured target: ``/__rig__/identity|reset|seed|settle``.

They exist only in measurement mode and answer 404 to anyone without the token. The project says, in functions of
its own, what its strategies are and how its cache is cleared, seeded and compared with the database.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, JsonResponse
from django.urls import URLPattern, path
from django.views.decorators.csrf import csrf_exempt

from rig.contrib.django import runtime
from rig.contrib.django.trace import current

CONTRACT = "rig.target/1"
_RESET_DEADLINE_S = 20.0

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """What only the project knows. Each may be left out; then the figures that need it are not measured.

    identity: facts of the project (strategies, threads, database), merged into the answer.
    clear: removes all cached entries.
    seed: ``(entries)`` stores each named entry now; values are its remaining seconds to live, or null.
    settle: ``(sample, seed)`` compares cached versions, and a sample of bodies, with the database.
    """

    identity: Callable[[], Json] = dict
    clear: Callable[[], None] = lambda: None
    seed: Callable[[Mapping[str, float | None]], Json] | None = None
    settle: Callable[[int, int], Json] | None = None


def control_urls(hooks: Hooks) -> list[URLPattern]:
    """URL patterns to add to a project's own; an empty list outside measurement mode."""
    if not runtime.MEASURING:
        return []

    def identity(request: HttpRequest, body: Json) -> Json:
        return {"contract": CONTRACT, "pid": os.getpid(), "epoch": runtime.epoch(), **hooks.identity()}

    def reset(request: HttpRequest, body: Json) -> Json:
        return _reset(hooks, body)

    def seed(request: HttpRequest, body: Json) -> Json:
        if hooks.seed is None:
            raise Http404
        current().strategy = body.get("strategy")
        return hooks.seed(body.get("entries", {}))

    def settle(request: HttpRequest, body: Json) -> Json:
        if hooks.settle is None:
            raise Http404
        current().strategy = body.get("strategy")
        return hooks.settle(int(body.get("sample", 0)), int(body.get("seed", 0)))

    views = {"identity": identity, "reset": reset, "seed": seed, "settle": settle}
    return [path(f"__rig__/{name}", _guarded(view)) for name, view in views.items()]


def _reset(hooks: Hooks, body: Json) -> Json:
    """Begin a new epoch once no recompute of the old one is open."""
    if runtime.SHARED is None:
        raise Http404
    epoch = runtime.SHARED.advance(body.get("parameters", {}))
    deadline = time.monotonic() + float(body.get("deadline_s", _RESET_DEADLINE_S))
    while (still_open := runtime.SHARED.open_recomputes()) > 0:
        if time.monotonic() > deadline:
            return {"ok": False, "epoch": epoch, "open_recomputes": still_open}
        time.sleep(0.01)
    hooks.clear()
    return {"ok": True, "epoch": epoch, "open_recomputes": 0}


def _guarded(view: Callable[[HttpRequest, Json], Json]) -> Callable[[HttpRequest], JsonResponse]:
    @csrf_exempt
    def endpoint(request: HttpRequest) -> JsonResponse:
        if not runtime.is_token(request.headers.get("X-Rig-Token")):
            raise Http404
        try:
            body = json.loads(request.body or b"{}")
        except ValueError as error:
            return JsonResponse({"error": f"body is not JSON: {error}"}, status=400)
        return JsonResponse(view(request, body))

    return endpoint
