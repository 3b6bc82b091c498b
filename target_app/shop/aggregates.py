"""What the pages show, computed from the order lines: the expensive part that the caches are there for.

Each function reads and never writes, and returns only dicts, lists, strings and integers. Its cost is one
statement over the order lines of the whole shop, because a rank compares a piece with all the others: so no page
is cheaper or dearer than another of its kind, however well its piece sells. Run it inside one read transaction
where the content has to agree with a version read beside it.
"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Count, FilteredRelation, Q, Sum

from target_app.shop.catalogue import CATEGORIES, DAYS, GLAZES, YEAR_DAYS, YEARS
from target_app.shop.models import Category, OrderLine, Product
from target_app.shop.pieces import CategorySpec

SEASON_DAYS = 91
BESTSELLERS = 8
COMPANIONS = 4
RECENT_ORDERS = 400

Row = dict[str, Any]


def home() -> dict[str, Any]:
    """The front page: bestsellers of the season with their change since last year, and a tile a category."""
    rows = standings(
        days=SEASON_DAYS,
        step=7,
        since=DAYS - YEAR_DAYS - SEASON_DAYS,
        units_before=Sum("sold__quantity", filter=_same_season(years_ago=1), default=0),
    )
    return {
        "bestsellers": [_card(row) | {"change_percent": _change(row)} for row in rows[:BESTSELLERS]],
        "categories": [_tile(spec, rows) for spec in CATEGORIES],
    }


def category(slug: str) -> dict[str, Any]:
    """One category: its pieces by their sales in the year, with their rank in the whole shop.

    Raises:
        Category.DoesNotExist: there is no such category.
    """
    found = Category.objects.get(slug=slug)
    rows = standings(days=YEAR_DAYS, step=28)
    products = [
        _card(row) | {"shop_rank": rank} for rank, row in enumerate(rows, start=1) if row["category_id"] == slug
    ]
    return {"slug": found.slug, "name": found.name, "blurb": found.blurb, "products": products}


def product(slug: str) -> dict[str, Any]:
    """One piece: what it is, what the studio says of it, how it sells, and what people bought with it.

    The companions carry no price and no stock: those would change without this page's version.

    Raises:
        Product.DoesNotExist: there is no such product.
    """
    found = Product.objects.select_related("category").get(slug=slug)
    rows = standings(days=YEAR_DAYS, step=28)
    peers = [row["slug"] for row in rows if row["category_id"] == found.category_id]
    own = next(row for row in rows if row["slug"] == slug)
    return {
        "slug": found.slug,
        "name": found.name,
        "category": {"slug": found.category.slug, "name": found.category.name, "blurb": found.category.blurb},
        "price_cents": found.price_cents,
        "stock": found.stock,
        "glaze": found.glaze,
        "height_mm": found.height_mm,
        "width_mm": found.width_mm,
        "blurb": found.blurb,
        "description": found.description,
        "note": found.note,
        "sales": {
            "category_rank": peers.index(slug) + 1,
            "category_size": len(peers),
            "shop_rank": rows.index(own) + 1,
            "units": own["units"],
            "trend": own["trend"],
        },
        "bought_together": _bought_together(found),
    }


def glaze(slug: str) -> dict[str, Any]:
    """One glaze: its pieces by their sales in the year, of all kinds. No price and no stock, as among companions.

    Raises:
        ObjectDoesNotExist: there is no such glaze.
    """
    spec = next((spec for spec in GLAZES if spec.slug == slug), None)
    if spec is None:
        raise ObjectDoesNotExist(f"no glaze {slug!r}")
    own = set(Product.objects.filter(glaze=spec.name).values_list("slug", flat=True))
    rows = standings(days=YEAR_DAYS, step=28)
    pieces = [sold(row) | {"shop_rank": rank} for rank, row in enumerate(rows, start=1) if row["slug"] in own]
    return {"slug": spec.slug, "name": spec.name, "blurb": spec.blurb, "pieces": pieces}


def pieces() -> dict[str, Any]:
    """Everything there is, on one page: each category in its own words, with its pieces, best sold first."""
    words = dict(Category.objects.values_list("slug", "blurb"))
    rows = standings(days=YEAR_DAYS, step=28)
    return {
        "categories": [
            {
                "slug": spec.slug,
                "name": spec.name,
                "blurb": words[spec.slug],
                "pieces": [sold(row) for row in rows if row["category_id"] == spec.slug],
            }
            for spec in CATEGORIES
        ],
        "glazes": [{"slug": spec.slug, "name": spec.name} for spec in GLAZES],
        "years": list(YEARS),
    }


def _between(start: int, end: int) -> Q:
    """Lines of the days from ``start`` up to, not including, ``end``."""
    return Q(sold__placed_day__gte=start, sold__placed_day__lt=end)


def _same_season(years_ago: int) -> Q:
    """Lines of the days that were the latest season of an earlier year."""
    end = DAYS - years_ago * YEAR_DAYS
    return _between(end - SEASON_DAYS, end)


def standings(*, days: int, step: int, end: int = DAYS, since: int | None = None, **further: Sum) -> list[Row]:
    """Every product, best first, by its units in the ``days`` days before day ``end``.

    ``trend`` holds the units of each ``step`` days, oldest first; ``units`` is their sum. Lines before day ``since``
    are not read.
    """
    first = end - days
    trend = {
        f"units_{number}": Sum("sold__quantity", filter=_between(start, start + step), default=0)
        for number, start in enumerate(range(first, end, step))
    }
    read = Q(lines__placed_day__gte=first if since is None else since)
    rows = (
        # The condition belongs to the join: a product that did not sell stays in the list, with zeros.
        Product.objects.annotate(sold=FilteredRelation("lines", condition=read))
        .values("slug", "name", "category_id", "price_cents", "stock", "blurb")
        .annotate(units=Sum("sold__quantity", filter=_between(first, end), default=0), **trend, **further)
        # Sorted by the database: all the work is then done before the first row comes back, outside Python's lock.
        .order_by("-units", "slug")
    )
    return [row | {"trend": [row[name] for name in trend]} for row in rows]


def _bought_together(found: Product) -> list[dict[str, Any]]:
    """The pieces most often in the same order, among the latest orders of this one: a bounded number of them."""
    recent = OrderLine.objects.filter(product=found).order_by("-placed_day", "-id").values("order_id")[:RECENT_ORDERS]
    rows = (
        OrderLine.objects.filter(order_id__in=recent)
        .exclude(product=found)
        .values("product__slug", "product__name", "product__category__name")
        .annotate(orders=Count("id"))
        .order_by("-orders", "product__slug")[:COMPANIONS]
    )
    return [
        {
            "slug": row["product__slug"],
            "name": row["product__name"],
            "category": row["product__category__name"],
            "orders": int(row["orders"]),
        }
        for row in rows
    ]


def sold(row: Row) -> dict[str, Any]:
    """A piece as far as its sales go: nothing in it changes with its price or stock."""
    return {name: row[name] for name in ("slug", "name", "blurb", "units", "trend")}


def _card(row: Row) -> dict[str, Any]:
    """A piece in a listing, with its price and stock of now."""
    return sold(row) | {"category": row["category_id"], "price_cents": row["price_cents"], "stock": row["stock"]}


def _tile(spec: CategorySpec, rows: list[Row]) -> dict[str, Any]:
    """A category on the front page, pictured by its bestseller."""
    own = [row for row in rows if row["category_id"] == spec.slug]
    return {
        "slug": spec.slug,
        "name": spec.name,
        "picture": own[0]["slug"],
        "pieces": len(own),
        "from_cents": min(row["price_cents"] for row in own),
    }


def _change(row: Row) -> int:
    """Whole per cent by which the season's units differ from the same season a year before."""
    before = row["units_before"]
    return round(100 * (row["units"] - before) / before) if before else 0
