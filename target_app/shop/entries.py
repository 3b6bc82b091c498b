"""The logical cache entries of the shop: what has a name, a version and an aggregate behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from target_app.shop import aggregates, kiln_log
from target_app.shop.catalogue import CATEGORIES, PIECES, YEARS, scopes
from target_app.shop.models import Category, Notice, Product

Compute = Callable[[], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Entry:
    """One logical cache entry: its name is also the scope of its version. Entries of one name are equal."""

    name: str
    compute: Compute = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Kind:
    """Pages of one kind: what computes one, and where it is shown; ``{}`` stands for its slug."""

    compute: Callable[..., dict[str, Any]]
    path: str


SINGLE: Mapping[str, Kind] = {
    "home": Kind(aggregates.home, "/"),
    "pieces": Kind(aggregates.pieces, "/pieces/"),
}
"""Entries there is one of, by name."""

KINDS: Mapping[str, Kind] = {
    "category": Kind(aggregates.category, "/c/{}/"),
    "product": Kind(aggregates.product, "/p/{}/"),
    "glaze": Kind(aggregates.glaze, "/g/{}/"),
    "firing": Kind(kiln_log.firing, "/firings/{}/"),
    "year": Kind(kiln_log.year, "/years/{}/"),
}
"""Entries named ``kind:slug``. Computing one raises ``ObjectDoesNotExist`` for an unknown slug."""


def entry_of(name: str) -> Entry:
    """The entry of that name.

    Raises:
        KeyError: no entry can have such a name.
    """
    kind, slug = _kind_of(name)
    return Entry(name, partial(_with_notice, partial(kind.compute, slug) if slug else kind.compute))


def path_of(name: str) -> str:
    """The URL path of an entry's page: ``home`` is ``/``, ``product:moon-jar`` is ``/p/moon-jar/``.

    Raises:
        KeyError: no entry can have such a name.
    """
    kind, slug = _kind_of(name)
    return kind.path.format(slug)


def home_entry() -> Entry:
    """The front page."""
    return entry_of("home")


def category_entry(slug: str) -> Entry:
    """One category page."""
    return entry_of(f"category:{slug}")


def product_entry(slug: str) -> Entry:
    """One product page."""
    return entry_of(f"product:{slug}")


def dependents(product: Product) -> list[Entry]:
    """K = 3: the entries that show a product's price or stock are its own, its category's and the front page."""
    return [product_entry(product.slug), category_entry(product.category_id), home_entry()]


def note_dependents(product: Product) -> list[Entry]:
    """K = 1: a note on a product shows on its own page only."""
    return [product_entry(product.slug)]


def blurb_dependents(category: Category) -> list[Entry]:
    """K = 10: a category's words show on its page, on its five pieces', in the list of all pieces and in each year.

    One that is not in the navigation has its own page only.
    """
    shown = [category_entry(category.slug)]
    if category.slug in {spec.slug for spec in CATEGORIES}:
        shown += [product_entry(piece.slug) for piece in PIECES if piece.category == category.slug]
        shown += [entry_of("pieces"), *(entry_of(f"year:{number}") for number in YEARS)]
    return shown


def notice_dependents() -> list[Entry]:
    """K = 100: the notice shows on every cached page."""
    return [entry_of(name) for name in scopes()]


def _kind_of(name: str) -> tuple[Kind, str]:
    if name in SINGLE:
        return SINGLE[name], ""
    kind, _, slug = name.partition(":")
    if not slug:
        raise KeyError(name)
    return KINDS[kind], slug


def _with_notice(compute: Compute) -> dict[str, Any]:
    """A page's content with the notice of the same snapshot; an unknown page is refused before that is read."""
    return {**compute(), "notice": Notice.objects.values_list("text", flat=True).get()}
