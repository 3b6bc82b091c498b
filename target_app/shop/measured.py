"""What rig asks of the shop between trials: who are you, forget, store again, and does the cache tell the truth."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.core.cache import cache, caches
from django.core.exceptions import BadRequest
from django.db import connection
from django.http import HttpRequest
from django.urls import resolve, reverse

from rig.contrib.django import current, snapshot
from target_app.shop import catalogue
from target_app.shop.entries import (
    Entry,
    blurb_dependents,
    dependents,
    entry_of,
    note_dependents,
    notice_dependents,
    path_of,
)
from target_app.shop.models import Category, Product, ScopeVersion
from target_app.strategies import SEED, STRATEGIES, active_strategy, store

Json = dict[str, Any]
_ADDRESS = ("HTTP_HOST", "SERVER_NAME", "SERVER_PORT")


def identity() -> Json:
    """Facts that decide whether figures measured here apply elsewhere."""
    # A process that patches the ORM for one strategy is no place for the others.
    own = settings.CACHE_STRATEGY if STRATEGIES[settings.CACHE_STRATEGY].own_process else None
    workers = int(os.environ.get("WEB_CONCURRENCY", "1"))
    return {
        "project": "sample shop",
        "strategies": [row for row in strategies() if not own or row["name"] == own],
        "seed_strategies": list(SEED),
        "database": connection.vendor,
        "workers": workers,
        "threads": workers * int(os.environ.get("WEB_THREADS", "1")),
        "writes": writes(),
        "isolated": settings.SHOP_ISOLATED,
    }


def writes() -> list[Json]:
    """Every form staff can post, and how many cached entries depend on one such write (K)."""
    pieces = [Product(slug=piece.slug, category_id=piece.category) for piece in catalogue.PIECES]
    categories = [Category(slug=spec.slug) for spec in (*catalogue.CATEGORIES, catalogue.SECONDS)]
    return [
        *(_form("staff-change", piece.slug, ("price_cents", "stock"), dependents(piece)) for piece in pieces),
        *(_form("staff-note", piece.slug, ("note",), note_dependents(piece)) for piece in pieces),
        *(_form("staff-category", kind.slug, ("blurb",), blurb_dependents(kind)) for kind in categories),
        _form("staff-notice", None, ("notice",), notice_dependents()),
    ]


def _form(view: str, slug: str | None, fields: Sequence[str], entries: Sequence[Entry]) -> Json:
    return {
        "path": reverse(view, args=[slug] if slug else []),
        "form": list(fields),
        "dependents": len(entries),
        "entries": [entry.name for entry in entries],
    }


def strategies() -> list[Json]:
    """The catalogue: what each strategy is, costs and declares under the settings of this trial."""
    return [
        {
            "name": s.name,
            "family": s.family,
            "summary": s.summary,
            "source": s.source,
            "read_hit": s.cost.read_hit,
            "read_miss": s.cost.read_miss,
            "write": s.cost.write,
            "ttl_s": s.ttl_s,
            "freshness_by_ttl": s.freshness_by_ttl,
            "max_staleness_s": s.max_staleness_s(0.0),
            "max_staleness_recomputes": s.max_staleness_s(1.0) - s.max_staleness_s(0.0),
            "seed": s.name in SEED,
            "fresh_after_race": s.fresh_after_race,
            "survives_crash": s.survives_crash,
            "recomputes_at_once": s.recomputes_at_once,
            "own_process": s.own_process,
            "known_bad": s.known_bad,
            "available": s.unavailable is None,
            "caches": s.caches,
            "unavailable": s.unavailable,
        }
        for s in STRATEGIES.values()
    ]


def clear() -> None:
    """Remove what this shop stored. By prefix, not FLUSHDB: the cache server may be the user's own."""
    for one in caches.all(initialized_only=False):
        one.delete_pattern("*")


def forget(parameters: Mapping[str, Any]) -> Json:
    """Let all go that the cache holds of ``entry``, locks on it included, as an eviction would; the next read misses.

    A strategy whose keys do not name entries loses everything instead.

    Raises:
        BadRequest: the shop has no such entry.
    """
    name = parameters.get("entry")
    if name not in catalogue.scopes():
        raise BadRequest(f"forget: entry is {name!r}; name one of the shop's, such as 'product:moon-jar'")
    # Where keys don't name entries, the pattern may meet what the library notes down about them, and not the value.
    if not active_strategy().names_entries or not cache.delete_pattern(f"*{name}*"):
        clear()
    return {"entry": name}


def seed(entries: Mapping[str, float | None]) -> Json:
    """Store each named entry now; the number is the share of its time to live that is left."""
    strategy = active_strategy()
    stored = entries if strategy.caches else {}
    for name, share in stored.items():
        with store.share_left(1.0 if share is None else share):
            _visit(name)
    return {"stored": len(stored), "ttl_s": strategy.ttl_s}


def settle(sample: int, seed: int) -> Json:
    """Compare every cached version with the database, then the bodies of mismatches and of a seeded sample.

    A body that differs under the current version is a mismatch, too.
    """
    strategy = active_strategy()
    with strategy.past_cache():
        current_versions = dict(ScopeVersion.objects.values_list("scope", "version"))
    mismatches, sound = [], []
    checked = 0
    for name in catalogue.scopes():
        stored = strategy.peek(_request_for(name), entry_of(name))
        if stored is None:
            continue
        checked += 1
        cached, newest = stored.versions.get(name), current_versions.get(name)
        if cached == newest:
            sound.append(name)
        else:
            mismatches.append(_mismatch(name, cached, newest))
    picked = random.Random(seed).sample(sound, min(sample, len(sound)))
    to_read = [m["entry"] for m in mismatches] + picked
    differing = [name for name in to_read if _body_differs(str(name))]
    wrong = [name for name in differing if name in picked]
    mismatches += [_mismatch(name, current_versions.get(name), current_versions.get(name)) for name in wrong]
    return {
        "checked": checked,
        "mismatches": mismatches,
        "versions": current_versions,
        "bodies_checked": len(to_read),
        "bodies_differ": differing,
    }


def _mismatch(name: str, cached: int | None, current: int | None) -> Json:
    left_s = active_strategy().remaining_s(_request_for(name), entry_of(name))
    return {"entry": name, "cached": cached, "current": current, "ttl_s": left_s}


def _body_differs(name: str) -> bool:
    strategy = active_strategy()
    stored = strategy.peek(_request_for(name), entry_of(name))
    with snapshot(), strategy.past_cache():
        return stored is not None and not stored.shows(entry_of(name).compute())


def _visit(name: str) -> None:
    """Ask for the entry's page as a visitor does, so that what is stored is what visitors find."""
    view, arguments, named = resolve(path_of(name))
    view(_request_for(name), *arguments, **named)


def _request_for(name: str) -> HttpRequest:
    """A visitor's request for the entry's page, by the address this one came to: a page cache's key has both."""
    asked, request = current().request, HttpRequest()
    request.method, request.path, request.path_info = "GET", path_of(name), path_of(name)
    if asked is not None:
        request.META = {key: value for key, value in asked.META.items() if key in _ADDRESS}
    return request
