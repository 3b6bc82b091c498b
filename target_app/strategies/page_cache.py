"""page-cache: Django's own ``cache_page``, which keeps whole responses. A control: what one line of code gives."""

from __future__ import annotations

import hashlib
import json
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.cache import caches
from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_cache_key
from django.views.decorators.cache import cache_page

from rig.contrib.django import Served, Status, current, serve
from target_app.shop.entries import Entry
from target_app.strategies import store
from target_app.strategies.base import Cost, Render, computing
from target_app.strategies.no_cache import NoCache
from target_app.strategies.store import Stored

ALIAS = "pages"
"""A cache of its own: responses can only be pickled, and who can write a pickle runs code in who reads it."""


class PageCache(NoCache):
    """The whole response for a fixed time, keyed by address: stale up to TTL + Δ, and a herd at each expiry.

    A hit costs two GETs: which headers the response varies on, then the response. A query string nobody reads makes
    another entry. A write can't name the entries to take out, for it knows no addresses. ``max-age`` goes to browsers
    as well: what they keep, no server takes back. Headers are stored with the page, so facts about *this* response
    must not be: version and storing time travel as an attribute, and the outermost middleware says them anew.
    """

    name = "page-cache"
    names_entries = False
    summary = "Django's cache_page: whole responses live a fixed time; writes do not touch them"
    source = "Django documentation, 'The per-view cache'"
    cost = Cost(read_hit=2, read_miss=3, write="0")
    fresh_after_race = False
    caches = True
    literal_ttl_s = 60.0 * 15  # The documentation's example.

    @property
    def unavailable(self) -> str | None:
        if ALIAS in settings.CACHES:
            return None
        return (
            "it stores pickles, which need a cache server on a private Unix socket; set RIG_PICKLE_REDIS_URL, or"
            " unset RIG_REDIS_URL, so that rig starts its own"
        )

    def page(self, request: HttpRequest, entry: Entry, render: Render) -> HttpResponse:
        ttl_s = store.lifetime_s(self.ttl_s) or 0.0
        begin_ns = time.monotonic_ns()
        computing_ns = 0
        with ExitStack() as recomputing:

            def view(request: HttpRequest) -> HttpResponse:
                nonlocal computing_ns
                inner_ns = time.monotonic_ns()
                fresh = recomputing.enter_context(computing(entry))
                response = render(fresh.value)
                # Django would send its float as it is, and HTTP knows whole seconds only; it takes the lesser of two.
                response["Cache-Control"] = f"max-age={int(ttl_s)}"
                response.facts = _Facts(fresh.versions, time.time(), ttl_s, _digest(fresh.value))
                fresh.work.stored(ttl_s)
                computing_ns = time.monotonic_ns() - inner_ns
                return response

            response = cache_page(ttl_s, cache=ALIAS, key_prefix=_prefix())(view)(request)
        current().cache_ns += time.monotonic_ns() - begin_ns - computing_ns
        facts: _Facts = response.facts
        status = Status.MISS if computing_ns else Status.HIT
        serve(Served(entry.name, status, facts.versions, facts.stored_s, facts.ttl_s))
        return response

    def peek(self, request: HttpRequest, entry: Entry) -> Stored | None:
        response = caches[ALIAS].get(_key_of(request))
        if response is None:
            return None
        facts: _Facts = response.facts
        return _StoredPage({"digest": facts.digest}, facts.versions, facts.stored_s, facts.ttl_s)

    def remaining_s(self, request: HttpRequest, entry: Entry) -> float | None:
        return store.seconds(caches[ALIAS].pttl(_key_of(request)))

    def max_staleness_s(self, longest_recompute_s: float) -> float:
        return self.ttl_s + longest_recompute_s


@dataclass(frozen=True, slots=True)
class _Facts:
    """What is stored with a page, not among its headers."""

    versions: dict[str, int]
    stored_s: float  # time.time()
    ttl_s: float
    digest: str  # of the value it shows


class _StoredPage(Stored):
    def shows(self, value: dict[str, Any]) -> bool:
        return bool(self.value["digest"] == _digest(value))


def _digest(value: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _key_of(request: HttpRequest) -> str:
    return get_cache_key(request, _prefix(), "GET", cache=caches[ALIAS]) or ""


def _prefix() -> str:
    """Late work of an earlier trial stores under its own epoch, where nobody reads."""
    return f"{current().epoch}:{current().strategy}"
