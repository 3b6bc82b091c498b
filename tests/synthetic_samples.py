"""The samples of a synthetic trial: a schedule, the herds its strategy sets off, and what clients saw of them."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

HOT_PATH, HOT_ENTRY = "/product/7/", "product:7"
PATHS = {HOT_PATH: 0.6, "/": 0.2, "/product/1/": 0.2}
ENTRIES = {HOT_PATH: HOT_ENTRY, "/": "home", "/product/1/": "product:1"}
WINDOW_S, RATE_RPS, VISITS, TTL_S, SAFETY_TTL_S = 24.0, 50.0, 48, 6.0, 3600.0


@dataclass(frozen=True)
class Behaviour:
    """How a strategy's hot entry behaves: what starts a herd, how many recompute, for how long."""

    trigger: str | None  # 'expiry', 'delete', 'bump'; None: it never recomputes
    herd: int
    herd_s: float
    ttl_s: float


BEHAVIOURS = {
    "fixed-timeout": Behaviour("expiry", 16, 1.6, TTL_S),
    "delete-on-write": Behaviour("delete", 9, 1.1, SAFETY_TTL_S),
    "delete-many": Behaviour("delete", 9, 1.0, SAFETY_TTL_S),
    "versioned-keys": Behaviour("bump", 5, 0.5, SAFETY_TTL_S),
    "single-flight": Behaviour("delete", 1, 0.12, SAFETY_TTL_S),
    "write-through": Behaviour(None, 0, 0.0, SAFETY_TTL_S),
}


@dataclass(frozen=True)
class Herd:
    """One trigger and the recomputes it set off; times relative to the trial's start."""

    begin_s: float
    end_s: float


def schedule_of(rng: random.Random) -> Iterator[tuple[float, str, str]]:
    at_s = rng.expovariate(RATE_RPS)
    while at_s < WINDOW_S:
        kind = "write" if rng.random() < 0.007 else "read"
        yield at_s, kind, rng.choices(list(PATHS), list(PATHS.values()))[0]
        at_s += rng.expovariate(RATE_RPS)


def herds_of(behaviour: Behaviour, hot_writes: Sequence[float], first_s: float) -> list[Herd]:
    herds: list[Herd] = []
    if behaviour.trigger == "expiry":
        at_s = first_s
        while at_s < WINDOW_S:
            herds.append(Herd(at_s, at_s + behaviour.herd_s))
            at_s += behaviour.herd_s + behaviour.ttl_s
    elif behaviour.trigger:
        for at_s in hot_writes:
            # What is written while a herd works is removed once more when it has ended.
            begin_s = max(at_s, herds[-1].end_s if herds else 0.0)
            herds.append(Herd(begin_s, begin_s + behaviour.herd_s))
    return herds


def _within(herds: Sequence[Herd], at_s: float) -> int | None:
    return next((n for n, herd in enumerate(herds) if herd.begin_s <= at_s < herd.end_s), None)


def requests_of(
    schedule: Sequence[tuple[float, str, str]],
    behaviour: Behaviour,
    herds: Sequence[Herd],
    hot_writes: Sequence[float],
    start_s: float,
    rng: random.Random,
) -> tuple[list[dict[str, Any]], list[tuple[int, float, float]]]:
    """Rows of the table, and the recomputes as (herd, begin, end)."""
    rows: list[dict[str, Any]] = []
    misses: list[tuple[int, float, float]] = []
    for index, (at_s, kind, path) in enumerate(schedule):
        took_s, cache, worked_s = rng.uniform(0.003, 0.006), "HIT", 0.002
        number = _within(herds, at_s)
        if kind == "write":
            took_s, cache = rng.uniform(0.014, 0.02), None
        elif number is not None:
            left_s = herds[number].end_s - at_s
            took_s += left_s * rng.uniform(0.9, 1.0)  # waits for a thread, or works itself
            missing = sum(1 for one in misses if one[0] == number)
            if path == HOT_PATH and missing < behaviour.herd:
                cache, worked_s = "MISS", took_s - 0.001
                # The one that began first ends last, so that the herd ends when it should.
                misses.append((number, at_s + 0.0005, herds[number].end_s if not missing else at_s + worked_s))
        version = 1 + sum(1 for written in hot_writes if written <= _stored_s(behaviour, herds, at_s))
        rows.append(
            {
                "index": index, "kind": kind, "path": path, "intended_s": start_s + at_s,
                "sent_s": start_s + at_s + 0.0002, "done_s": start_s + at_s + took_s,
                "status": 200 if kind == "read" else 204, "cause": None, "cache": cache,
                "content_version": f"product:7={version}" if path == HOT_PATH and kind == "read" else None,
                "server_total_ms": worked_s * 1000,
            }
        )  # fmt: skip
    return rows, misses


def _stored_s(behaviour: Behaviour, herds: Sequence[Herd], at_s: float) -> float:
    """When the value served at ``at_s`` was read from the database."""
    if behaviour.trigger is None:
        return at_s
    return max((herd.begin_s for herd in herds if herd.begin_s <= at_s), default=0.0)


def pages_of(
    strategy: str, behaviour: Behaviour, herds: Sequence[Herd], start_s: float, rng: random.Random
) -> Iterator[dict[str, Any]]:
    for index in range(VISITS):
        at_s = (index + 0.5) * WINDOW_S / VISITS
        path = HOT_PATH if index % 2 else "/"
        begun = start_s + at_s + 0.002
        page = {
            "index": index, "url": f"http://127.0.0.1:8000{path}", "path": path, "intended_s": start_s + at_s,
            "started_s": begun, "navigation_s": begun + 0.001, "outcome": "measured", "status": 200,
            "strategy": strategy,
        }  # fmt: skip
        if index == 5:
            yield {**page, "done_s": begun + 1.3, "outcome": "starved", "cause": "render delay without a long task"}
            continue
        if index == VISITS - 1:
            yield {**page, "started_s": None, "navigation_s": None, "outcome": "failed", "cause": "not_started"}
            continue
        number = _within(herds, at_s)
        queue_ms, origin_ms, cache = rng.uniform(0.4, 1.2), 0.0, "HIT"
        if number is not None:
            left_ms = (herds[number].end_s - at_s) * 1000
            missing = path == HOT_PATH and at_s - herds[number].begin_s < 0.4
            queue_ms, origin_ms = (left_ms * 0.1, left_ms * 0.9) if missing else (left_ms, 0.0)
            cache = "MISS" if missing else "HIT"
        total_ms = 3.2 + origin_ms
        ttfb_ms = queue_ms + total_ms
        parts = {"load_delay_ms": 6.0, "load_duration_ms": rng.uniform(9, 13), "render_delay_ms": rng.uniform(30, 44)}
        timing = {
            "cache": 0.4,
            "lock": 0.0,
            "origin": origin_ms,
            "db": origin_ms * 0.8,
            "render": 2.1,
            "total": total_ms,
        }
        lcp_ms = ttfb_ms + sum(parts.values())
        yield {
            **page, **parts, "done_s": begun + lcp_ms / 1000 + 0.02, "cache": cache, "ttfb_ms": ttfb_ms,
            "lcp_ms": lcp_ms, "fcp_ms": lcp_ms - 12, "cls": 0.0, "element": "main>img.hero", "age_s": 1,
            "resource_url": "/static/hero.png", "server_total_ms": total_ms,
            "server_timing": json.dumps([{"name": n, "description": "", "duration_ms": v} for n, v in timing.items()]),
            "dom_nodes": 212, "layouts": 3, "style_recalcs": 4, "control": False,
            "waterfall": json.dumps(_waterfall(page["url"], ttfb_ms, lcp_ms, parts)),
            "screenshot": f"screenshots/{index}.jpg",
        }  # fmt: skip


def _waterfall(url: str, ttfb_ms: float, lcp_ms: float, parts: dict[str, float]) -> list[dict[str, Any]]:
    image_ms = ttfb_ms + parts["load_delay_ms"]
    asked: dict[str, Any] = {"kind": "script", "bytes": 4000, "blocking": False}
    return [
        {**asked, "url": url, "kind": "document", "start_ms": 0.5, "ttfb_ms": ttfb_ms, "end_ms": ttfb_ms + 2},
        {**asked, "url": "/static/shop.css", "start_ms": ttfb_ms + 1, "ttfb_ms": ttfb_ms + 3, "end_ms": ttfb_ms + 4,
         "blocking": True},
        {**asked, "url": "/static/hero.png", "kind": "img", "start_ms": image_ms,
         "ttfb_ms": image_ms + parts["load_duration_ms"] - 1, "end_ms": image_ms + parts["load_duration_ms"]},
    ]  # fmt: skip


CONTROL_AT_REST_MS, CONTROL_UNDER_LOAD_MS = [50.0, 52.0, 48.0, 50.0, 51.0], (55.0, 54.0, 56.0, 54.5)


def control_of(start_s: float) -> Iterator[dict[str, Any]]:
    """Visits to the control page: 8 to 10 % slower than at rest; their figures would be seen in every median."""
    for number, lcp_ms in enumerate(CONTROL_UNDER_LOAD_MS):
        begun = start_s + 3.0 + 5 * number
        yield {
            "index": VISITS + number, "url": "http://127.0.0.1:9/", "path": "/", "intended_s": begun,
            "started_s": begun, "navigation_s": begun, "done_s": begun + 0.1, "outcome": "measured", "status": 200,
            "lcp_ms": lcp_ms, "ttfb_ms": 1.0, "dom_nodes": 5, "layouts": 1, "style_recalcs": 1, "control": True,
        }  # fmt: skip


def recomputes_of(
    misses: Sequence[tuple[int, float, float]], herds: Sequence[Herd], behaviour: Behaviour, start_s: float
) -> Iterator[dict[str, Any]]:
    # The value the window begins with: it expires exactly when the first herd of a timeout begins.
    first_s = herds[0].begin_s - behaviour.ttl_s if behaviour.trigger == "expiry" else -1.0
    for begin_s, end_s in [(first_s - 0.1, first_s), *((begin, end) for _, begin, end in misses)]:
        yield {
            "event": "recompute", "entry": HOT_ENTRY, "begin_ns": _ns(start_s + begin_s),
            "end_ns": _ns(start_s + end_s), "outcome": "stored", "versions": "product:7=1",
            "ttl_s": behaviour.ttl_s, "cpu_ms": 98.0, "db_ms": 95.0,
            "queries": 2,
        }  # fmt: skip


def writes_of(
    schedule: Sequence[tuple[float, str, str]], behaviour: Behaviour, start_s: float
) -> Iterator[dict[str, Any]]:
    version = 1
    for at_s, kind, path in schedule:
        if kind != "write":
            continue
        version += path == HOT_PATH
        begin = start_s + at_s + 0.0015
        write = {"entries": [ENTRIES[path], "home"], "begin_ns": _ns(begin), "end_ns": _ns(begin + 0.01)}
        if path == HOT_PATH and behaviour.trigger in ("delete", "bump"):
            removed = {"entries": [HOT_ENTRY], "begin_ns": _ns(begin + 0.0101), "end_ns": _ns(begin + 0.0104)}
            yield {**removed, "event": "invalidate", "outcome": behaviour.trigger}
        yield {
            **write, "event": "write", "outcome": "committed", "commit_begin_ns": _ns(begin + 0.008),
            "commit_end_ns": _ns(begin + 0.01), "versions": f"product:7={version}" if path == HOT_PATH else None,
        }  # fmt: skip


def _ns(at_s: float) -> int:
    return round(at_s * 1e9)
