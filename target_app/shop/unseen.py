"""What the cache never hears of: rows changed behind the shop's back, as a script at the database would."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import BadRequest
from django.db import connection
from django.db.backends.utils import CursorWrapper

from rig.contrib.django import write
from target_app.shop.entries import dependents
from target_app.shop.models import Product, ScopeVersion


def unseen_write(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Raise the price of the piece ``entry`` names by an amount drawn from ``seed``: plain SQL, no invalidation.

    The versions rise in the same transaction, under row lock as in every write, so that staleness can be judged.

    Raises:
        BadRequest: the entry is no piece of the shop, or the seed is no whole number.
    """
    name, seed = parameters.get("entry"), parameters.get("seed")
    kind, _, slug = name.partition(":") if isinstance(name, str) else ("", "", "")
    if kind != "product":
        raise BadRequest(f"unseen-write: entry is {name!r}; name a piece of the shop, such as 'product:moon-jar'")
    if type(seed) is not int:
        raise BadRequest(f"unseen-write: seed is {seed!r}; give a whole number")
    rise_cents = 50 * random.Random(seed).randint(1, 20)  # Never 0: the content changes with its version.
    with write() as work, connection.cursor() as cursor:
        entries = dependents(Product(slug=slug, category_id=_dearer(cursor, slug, rise_cents)))
        work.entries = [entry.name for entry in entries]
        work.versions = _raised(cursor, work.entries)
    return {"entry": name, "entries": list(work.entries), "versions": work.versions}


def _dearer(cursor: CursorWrapper, slug: str, rise_cents: int) -> str:
    """Raise the price, which locks the row; returns the piece's category."""
    table = connection.ops.quote_name(Product._meta.db_table)
    cursor.execute(f"UPDATE {table} SET price_cents = price_cents + %s WHERE slug = %s", [rise_cents, slug])  # noqa: S608
    cursor.execute(f"SELECT category_id FROM {table} WHERE slug = %s", [slug])  # noqa: S608
    row = cursor.fetchone()
    if row is None:
        raise BadRequest(f"unseen-write: there is no piece {slug!r} in the shop; name another")
    return str(row[0])


def _raised(cursor: CursorWrapper, scopes: Sequence[str]) -> dict[str, int]:
    """Raise the versions in the order all writers lock them in; returns the new ones."""
    table = connection.ops.quote_name(ScopeVersion._meta.db_table)
    named = f"WHERE scope IN ({', '.join(['%s'] * len(scopes))})"
    # SQLite has no such clause and needs none: its write transactions exclude each other.
    lock = connection.ops.for_update_sql() if connection.features.has_select_for_update else ""
    cursor.execute(f"SELECT scope, version FROM {table} {named} ORDER BY scope {lock}", list(scopes))  # noqa: S608
    raised = {scope: version + 1 for scope, version in cursor.fetchall()}
    cursor.execute(f"UPDATE {table} SET version = version + 1 {named}", list(scopes))  # noqa: S608
    return raised
