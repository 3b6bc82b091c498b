"""Control endpoints of a measured target: ``/__rig__/identity|reset|seed|settle|disturb``.

They exist only in measurement mode and answer 404 to anyone without the token. The project says, in functions of
its own, what its strategies are, how its cache is cleared, seeded and compared with the database, and what can go
wrong with it.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any

from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, JsonResponse
from django.urls import URLPattern, path
from django.views.decorators.csrf import csrf_exempt

from rig.contrib.django import runtime, watch
from rig.contrib.django.disturbance import Disturbance
from rig.contrib.django.events import now_ns
from rig.contrib.django.trace import current

CONTRACT = "rig.target/1"
_RESET_DEADLINE_S = 20.0
_PACKAGES = ("django", "django-redis", "gunicorn", "redis")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """What only the project knows. ``rig gate`` and ``rig load`` need none of it; ``rig run`` all but disturbances.

    identity: facts of the project (strategies, seed_strategies, threads, database), merged into the answer.
    clear: removes all cached entries.
    seed: ``(entries)`` stores each named entry now; values are the share of its time to live that is
        left, or null.
    settle: ``(sample, seed)`` compares cached versions, and a sample of bodies, with the database. The sample may be
        greater than what there is: all of them.
    disturbances: what can be made to go wrong, by kind: ``{"slow-origin": slow_origin}`` and the project's own.
    """

    identity: Callable[[], Json] = dict
    clear: Callable[[], None] = lambda: None
    seed: Callable[[Mapping[str, float | None]], Json] | None = None
    settle: Callable[[int, int], Json] | None = None
    disturbances: Mapping[str, Disturbance] = field(default_factory=dict)


def control_urls(hooks: Hooks) -> list[URLPattern]:
    """URL patterns to add to a project's own; an empty list outside measurement mode."""
    if not runtime.MEASURING:
        return []

    def identity(request: HttpRequest, body: Json) -> Json:
        known = {"contract": CONTRACT, "pid": os.getpid(), "epoch": runtime.epoch(), "now_ns": now_ns()}
        return {**known, **_software(), "disturbances": list(hooks.disturbances), **hooks.identity()}

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
        sample = body.get("sample", 0)
        return hooks.settle(sys.maxsize if sample is None else int(sample), int(body.get("seed", 0)))

    def disturb(request: HttpRequest, body: Json) -> Json:
        return _disturb(hooks, body)

    views = {"identity": identity, "reset": reset, "seed": seed, "settle": settle, "disturb": disturb}
    return [path(f"__rig__/{name}", _guarded(view)) for name, view in views.items()]


def _software() -> Json:
    """What this process runs on, and who watches it: rig may run on others."""
    return {
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "observed_by": watch.asked_for(),
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


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


def _disturb(hooks: Hooks, body: Json) -> Json:
    """Bring about one disturbance; ``at_ns`` is when it was in force, for phases before and after it."""
    if not hooks.disturbances:
        raise Http404
    kind = body.get("kind")
    if not isinstance(kind, str) or kind not in hooks.disturbances:
        raise BadRequest(f"disturb: no kind {kind!r} here; there are {', '.join(hooks.disturbances)}")
    current().strategy = body.get("strategy", current().strategy)
    facts = hooks.disturbances[kind](body)
    return {"kind": kind, "at_ns": now_ns(), **facts}


def _guarded(view: Callable[[HttpRequest, Json], Json]) -> Callable[[HttpRequest], JsonResponse]:
    @csrf_exempt
    def endpoint(request: HttpRequest) -> JsonResponse:
        if not runtime.is_token(request.headers.get("X-Rig-Token")):
            raise Http404
        try:
            body = json.loads(request.body or b"{}")
        except ValueError as error:
            return JsonResponse({"error": f"body is not JSON: {error}"}, status=400)
        if not isinstance(body, dict):
            return JsonResponse({"error": f"body is {type(body).__name__}; give one JSON object"}, status=400)
        try:
            return JsonResponse(view(request, body))
        except BadRequest as refused:
            return JsonResponse({"error": str(refused)}, status=400)

    return endpoint
