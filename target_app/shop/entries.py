"""The logical cache entries of the shop: what has a name, a version and an aggregate behind it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from target_app.shop import aggregates
from target_app.shop.models import Product


@dataclass(frozen=True, slots=True)
class Entry:
    """One logical cache entry: its name is also the scope of its version. Entries of one name are equal."""

    name: str
    compute: Callable[[], dict[str, Any]] = field(compare=False, repr=False)


def home_entry() -> Entry:
    """The front page."""
    return Entry("home", aggregates.home)


def category_entry(slug: str) -> Entry:
    """One category page. Computing it raises ``Category.DoesNotExist`` for an unknown slug."""
    return Entry(f"category:{slug}", partial(aggregates.category, slug))


def product_entry(slug: str) -> Entry:
    """One product page. Computing it raises ``Product.DoesNotExist`` for an unknown slug."""
    return Entry(f"product:{slug}", partial(aggregates.product, slug))


def dependents(product: Product) -> list[Entry]:
    """The entries that show a product's price or stock: its own, its category's and the front page."""
    return [product_entry(product.slug), category_entry(product.category_id), home_entry()]


def entry_of(name: str) -> Entry:
    """The entry of that name.

    Raises:
        KeyError: no entry can have such a name.
    """
    kind, _, slug = name.partition(":")
    if name == "home":
        return home_entry()
    if slug and kind == "category":
        return category_entry(slug)
    if slug and kind == "product":
        return product_entry(slug)
    raise KeyError(name)


def path_of(name: str) -> str:
    """The URL path of an entry's page: ``home`` is ``/``, ``product:moon-jar`` is ``/p/moon-jar/``.

    Raises:
        KeyError: no entry can have such a name.
    """
    entry_of(name)
    kind, _, slug = name.partition(":")
    return {"home": "/", "category": f"/c/{slug}/", "product": f"/p/{slug}/"}[kind]
