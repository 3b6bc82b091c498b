"""The shop with an effect planted from outside, for ``benchmarks/gate_live.py``; without a variable it is the shop.

``PLANTED_HITS=0.15``           a hit keeps its thread for 15 % longer than it took
``PLANTED_PAGE=/p/moon-jar/``   a browser waits ``PLANTED_PAGE_MS`` longer for this page; the load generator does not
``PLANTED_STAMPEDE=1``          single-flight without its lock: who misses computes
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from typing import Any

from target_app.config.wsgi import application as shop

HITS = float(os.environ.get("PLANTED_HITS", "0"))
PAGE, PAGE_MS = os.environ.get("PLANTED_PAGE"), float(os.environ.get("PLANTED_PAGE_MS", "0"))
BROWSER = "Mozilla/"

if os.environ.get("PLANTED_STAMPEDE"):
    from rig.contrib.django import Status
    from target_app.shop.entries import Entry
    from target_app.strategies import store
    from target_app.strategies.base import answer, computing
    from target_app.strategies.single_flight import SingleFlight

    def fill(self: SingleFlight, entry: Entry, note: int | None = None) -> dict[str, Any]:
        """Compute and store, whoever else does."""
        with computing(entry) as fresh:
            return answer(entry, Status.MISS, store.set(entry.name, fresh, self.ttl_s))

    SingleFlight.fill = fill  # type: ignore[method-assign]


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """The shop's answer, later by what is planted."""
    if environ["PATH_INFO"] == PAGE and BROWSER in environ.get("HTTP_USER_AGENT", ""):
        time.sleep(PAGE_MS / 1000)
    if not HITS:
        return shop(environ, start_response)
    began_s, told = time.perf_counter(), []

    def started(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
        told.extend(headers)
        return start_response(status, headers, *rest)

    body = shop(environ, started)
    if ("X-Cache", "HIT") in told:
        until_s = began_s + (1 + HITS) * (time.perf_counter() - began_s)
        # Work, not sleep: a slower build keeps its CPU.
        while time.perf_counter() < until_s:
            pass
    return body
