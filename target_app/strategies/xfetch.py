"""xfetch: a fixed timeout that a reader may, by chance, not wait for."""

from __future__ import annotations

import math
import random
import time
from typing import Any

from rig.contrib.django import Status
from target_app.shop.entries import Entry
from target_app.strategies import store
from target_app.strategies.base import answer, computing
from target_app.strategies.fixed_timeout import FixedTimeout
from target_app.strategies.store import Stored

BETA = 1.0
"""Above 1 recomputes come earlier and overlap less, below 1 later and more."""


class XFetch(FixedTimeout):
    """Each reader of a good value draws whether to recompute now: the nearer the expiry and the longer the recompute
    Δ (stored with the value), the likelier. No lock, no waiting: the others go on with the old value.

    Who draws early recomputes in its own request, a MISS. For λβΔ ≫ 1 an expiry costs e^(1/β) ≈ 2.7 recomputes on
    average, however hot the key, and comes βΔ(ln(λβΔ) + 0.577) early. Entries read rarely expire as ever. Δ must be
    that of the recompute: with a constant in its place, a slow key stampedes and a fast one is recomputed in vain.
    """

    name = "xfetch"
    family = "stampede protection"
    summary = "entries live a fixed time; a reader may recompute early, likelier as expiry comes near"
    source = "Vattani, Chierichetti, Lowenstein, 'Optimal Probabilistic Cache Stampede Prevention', VLDB 2015"
    draw = staticmethod(random.random)

    def read(self, entry: Entry) -> dict[str, Any]:
        found = store.get(entry.name)
        if found is not None and not is_due(found, time.time(), self.draw()):
            return answer(entry, Status.HIT, found)
        begin = time.monotonic()
        with computing(entry, hint=None if found is None else "early") as fresh:
            stored = store.set(entry.name, fresh, self.ttl_s, note=time.monotonic() - begin)
        return answer(entry, Status.MISS, stored)


def is_due(found: Stored, now_s: float, drawn: float) -> bool:
    """Whether to recompute now: now − Δ·β·ln(rand) ≥ expiry. ``drawn``: uniform in [0, 1)."""
    if found.note is None or found.ttl_s is None:
        return False
    # 1 − drawn is in (0, 1]: the logarithm of 0 would recompute for certain.
    return now_s - found.note * BETA * math.log(1.0 - drawn) >= found.stored_s + found.ttl_s
