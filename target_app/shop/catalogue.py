"""Fills the shop with its catalogue and three years of orders: for one seed the same rows, on any database."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice
from math import cos, pi
from typing import Any

from django.core.management.color import no_style
from django.db import connection, models, transaction
from django.db.models import F

from target_app.shop.models import Category, Notice, Order, OrderLine, Product, ScopeVersion, Stocktake
from target_app.shop.pieces import CATEGORIES, GLAZES, PIECES, SECONDS, Piece

__all__ = [
    "CATEGORIES",
    "DAYS",
    "FIRINGS",
    "FIRING_DAYS",
    "GLAZES",
    "ORDERS",
    "PIECES",
    "SECONDS",
    "YEARS",
    "YEAR_DAYS",
    "OrderRow",
    "data_set_name",
    "generate_orders",
    "prepare",
    "scopes",
]

DAYS = 1092
"""Days since the shop opened, 156 whole weeks; the last day on which there are orders is ``DAYS - 1``."""

YEAR_DAYS = 364
FIRING_DAYS = 28
YEARS = range(1, DAYS // YEAR_DAYS + 1)
FIRINGS = range(1, DAYS // FIRING_DAYS + 1)
"""The kiln is fired every four weeks, thirteen times a year; the first firing is number 1."""

ORDERS = 132_000
"""Orders of the full data set, about 231,000 lines."""

SEED = 1712
_BATCH = 5_000
_LINES_PER_ORDER = (1, 2, 3, 4, 5)
_LINES_SHARE = (40, 30, 17, 9, 4)


@dataclass(frozen=True, slots=True)
class OrderRow:
    """One generated order. ``lines`` holds (index into ``PIECES``, quantity, unit price in pence)."""

    day: int
    lines: tuple[tuple[int, int, int], ...]


def scopes() -> list[str]:
    """Everything that has a version, which is every page the shop caches: a hundred of them."""
    return [
        "home",
        "pieces",
        *(f"category:{spec.slug}" for spec in (*CATEGORIES, SECONDS)),
        *(f"product:{piece.slug}" for piece in PIECES),
        *(f"glaze:{spec.slug}" for spec in GLAZES),
        *(f"firing:{number}" for number in FIRINGS),
        *(f"year:{number}" for number in YEARS),
    ]


def generate_orders(orders: int = ORDERS, seed: int = SEED) -> Iterator[OrderRow]:
    """Yield ``orders`` orders in order of their day.

    The first piece of an order follows demand; further ones follow its glaze about half the time, so that
    'bought together' has something to find.
    """
    rng = random.Random(seed)
    everything = range(len(PIECES))
    demand = list(accumulate(piece.demand for piece in PIECES))
    matching = [[i for i in everything if PIECES[i].glaze == piece.glaze] for piece in PIECES]
    days = sorted(rng.choices(range(DAYS), cum_weights=list(accumulate(map(_day_weight, range(DAYS)))), k=orders))
    sizes = rng.choices(_LINES_PER_ORDER, weights=_LINES_SHARE, k=orders)
    for day, size in zip(days, sizes, strict=True):
        chosen = rng.choices(everything, cum_weights=demand)
        while len(chosen) < size:
            follow = rng.random() < 0.5
            piece = rng.choice(matching[chosen[0]]) if follow else rng.choices(everything, cum_weights=demand)[0]
            # A glaze may have fewer pieces than the order has lines: a repeat ends the order early.
            if piece in chosen and follow:
                break
            if piece not in chosen:
                chosen.append(piece)
        yield OrderRow(day, tuple((i, _quantity(PIECES[i], rng), _price_on(PIECES[i], day)) for i in chosen))


def data_set_name(orders: int = ORDERS, seed: int = SEED) -> str:
    """What the mark of completeness says: it changes with everything that changes the rows."""
    pieces = hashlib.sha256(repr((CATEGORIES, SECONDS, PIECES)).encode()).hexdigest()[:12]
    return f"pieces={pieces} days={DAYS} orders={orders} seed={seed} layout=2"


def prepare(orders: int = ORDERS, seed: int = SEED, say: Callable[[str], None] = lambda _: None) -> bool:
    """Fill the tables unless they already hold this data set; return whether anything was written.

    All rows appear in one transaction, together with the row that marks them complete, so an interrupted
    attempt leaves nothing behind. Versions start at 1; where there are some already they rise.
    """
    data_set = data_set_name(orders, seed)
    marker, _ = Stocktake.objects.get_or_create(pk=1)
    if marker.data_set == data_set:
        return False
    with transaction.atomic():
        # A write comes first: it takes the lock, so that of two processes the second waits, then finds it done.
        Stocktake.objects.filter(pk=1).exclude(data_set=data_set).update(data_set="")
        if Stocktake.objects.get(pk=1).data_set == data_set:
            return False
        _clear()
        _fill_catalogue()
        _fill_orders(orders, seed, say)
        _raise_versions()
        Stocktake.objects.filter(pk=1).update(data_set=data_set)
    return True


def _clear() -> None:
    # Children first, and without Django's collecting of related rows: they are all deleted anyway.
    with connection.cursor() as cursor:
        for model in (OrderLine, Order, Product, Category, Notice):
            cursor.execute(f"DELETE FROM {connection.ops.quote_name(model._meta.db_table)}")  # noqa: S608


def _fill_catalogue() -> None:
    Notice.objects.create(pk=1, text="")
    Category.objects.bulk_create(
        Category(slug=spec.slug, name=spec.name, blurb=spec.blurb) for spec in (*CATEGORIES, SECONDS)
    )
    Product.objects.bulk_create(
        Product(
            id=number,
            slug=piece.slug,
            name=piece.name,
            category_id=piece.category,
            price_cents=piece.price_cents,
            stock=piece.stock,
            glaze=piece.glaze,
            height_mm=piece.height_mm,
            width_mm=piece.width_mm,
            blurb=piece.blurb,
            description=piece.description,
        )
        for number, piece in enumerate(PIECES, start=1)
    )


def _fill_orders(orders: int, seed: int, say: Callable[[str], None]) -> None:
    rows = list(generate_orders(orders, seed))
    _insert(Order, ("id", "placed_day"), ((number, row.day) for number, row in enumerate(rows, start=1)))
    lines = (
        (number, index + 1, row.day, quantity, price)
        for number, row in enumerate(rows, start=1)
        for index, quantity, price in row.lines
    )
    columns = ("order_id", "product_id", "placed_day", "quantity", "unit_price_cents")
    count = _insert(OrderLine, columns, lines)
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), [Notice, Order, Product]):
            cursor.execute(statement)
        # The planner chooses the covering indexes only when it knows how large the tables are.
        for model in (Order, OrderLine, Product):
            cursor.execute(f"ANALYZE {connection.ops.quote_name(model._meta.db_table)}")
    say(f"{len(PIECES)} products, {orders:,} orders, {count:,} order lines")


def _insert(model: type[models.Model], columns: Sequence[str], rows: Iterable[tuple[int, ...]]) -> int:
    """Insert rows of integers, many in a statement; return how many.

    They are written into the statement as numbers: with as many parameters, drivers need longer to find the
    placeholders than the database needs to insert. ``%d`` lets nothing but a number through.
    """
    quote = connection.ops.quote_name
    names = ", ".join(quote(column) for column in columns)
    row = f"({', '.join(['%d'] * len(columns))})"
    iterator, count = iter(rows), 0
    with connection.cursor() as cursor:
        while batch := list(islice(iterator, _BATCH)):
            values = ", ".join(row % figures for figures in batch)
            cursor.execute(f"INSERT INTO {quote(model._meta.db_table)} ({names}) VALUES {values}")  # noqa: S608
            count += len(batch)
    return count


def _raise_versions() -> None:
    ScopeVersion.objects.update(version=F("version") + 1)
    ScopeVersion.objects.bulk_create((ScopeVersion(scope=name) for name in scopes()), ignore_conflicts=True)


def _day_weight(day: int) -> float:
    """More orders each year, most before the holidays, fewest in high summer, most at weekends."""
    growth = 1 + day / DAYS
    season = 1 + 0.35 * cos(2 * pi * (day % YEAR_DAYS + 20) / YEAR_DAYS)
    return growth * season * (1.3 if day % 7 in (5, 6) else 1.0)


def _quantity(piece: Piece, rng: random.Random) -> int:
    """Tableware is bought in sets, large pieces one at a time."""
    sets: dict[str, Any] = {"plates": (1, 2, 4, 4, 6), "cups": (1, 1, 2, 2, 4), "bowls": (1, 1, 2, 4)}
    return 1 if piece.price_cents > 4500 else rng.choice(sets.get(piece.category, (1, 1, 1, 2)))


def _price_on(piece: Piece, day: int) -> int:
    """Pence paid on ``day``: prices rose by a twentieth at the start of each year."""
    years_ago = (DAYS - 1 - day) // YEAR_DAYS
    return round(piece.price_cents * 0.95**years_ago / 50) * 50
