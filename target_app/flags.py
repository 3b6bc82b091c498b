"""The feature flag ``cache-strategy``: which cache-invalidation strategy serves a request.

An OpenFeature string flag. Its default comes from ``CACHE_STRATEGY``; in measurement mode one request can ask for
another by the header ``X-Cache-Strategy`` or the cookie of the same purpose, ``cache-strategy``.
"""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from openfeature import api
from openfeature.evaluation_context import EvaluationContext
from openfeature.flag_evaluation import FlagResolutionDetails, Reason
from openfeature.provider.in_memory_provider import InMemoryFlag, InMemoryProvider

from rig.contrib.django import MEASURING, current
from target_app.strategies import STRATEGIES

FLAG = "cache-strategy"


def _resolve(flag: InMemoryFlag[str], context: EvaluationContext) -> FlagResolutionDetails[str]:
    wanted = context.attributes.get("override")
    if isinstance(wanted, str):
        return FlagResolutionDetails(value=flag.variants[wanted], variant=wanted, reason=Reason.TARGETING_MATCH)
    return FlagResolutionDetails(value=flag.variants[flag.default_variant], variant=flag.default_variant)


if settings.CACHE_STRATEGY not in STRATEGIES:
    raise ValueError(f"CACHE_STRATEGY={settings.CACHE_STRATEGY!r} is not a strategy; there are {', '.join(STRATEGIES)}")
if reason := STRATEGIES[settings.CACHE_STRATEGY].unavailable:
    raise ValueError(f"CACHE_STRATEGY={settings.CACHE_STRATEGY!r} is not available: {reason}")
api.set_provider(
    InMemoryProvider(
        {
            FLAG: InMemoryFlag(
                default_variant=settings.CACHE_STRATEGY,
                variants={name: name for name in STRATEGIES},
                context_evaluator=_resolve,
            )
        }
    )
)
_client = api.get_client()


def _refusal(wanted: str) -> str | None:
    """Why this process can't answer under ``wanted``; None where it can."""
    default = settings.CACHE_STRATEGY
    if reason := STRATEGIES[wanted].unavailable:
        return f"strategy {wanted!r}: {reason}"
    if wanted == default:
        return None
    for name in (wanted, default):
        if STRATEGIES[name].own_process:
            remedy = f"start one with CACHE_STRATEGY={wanted}"
            return f"strategy {wanted!r}: {name} patches the ORM of its whole process; {remedy}"
    return None


class StrategyMiddleware:
    """Resolves the flag once a request and notes it in the request's trace."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer under the flag's value; an unknown override is a client error, never the default in disguise."""
        override = None
        if MEASURING:
            override = request.headers.get("X-Cache-Strategy") or request.COOKIES.get(FLAG)
        if override is not None and override not in STRATEGIES:
            return JsonResponse({"error": f"unknown strategy {override!r}"}, status=400)
        if override is not None and (refusal := _refusal(override)):
            return JsonResponse({"error": refusal}, status=409)
        context = EvaluationContext(attributes={"override": override} if override else {})
        current().strategy = _client.get_string_value(FLAG, settings.CACHE_STRATEGY, context)
        return self._get_response(request)
