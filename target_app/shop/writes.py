"""What staff change, from a note on one piece (K = 1) to the notice on every page (K = 100).

K is how many cached entries depend on one write.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet

from rig.contrib.django import write
from target_app.shop.entries import Entry, blurb_dependents, dependents, note_dependents, notice_dependents
from target_app.shop.models import Category, Notice, Product, ScopeVersion
from target_app.strategies import active_strategy


def change_product(slug: str, *, price_cents: int, stock: int) -> None:
    """Change a product's price and stock: K = 3.

    Raises:
        Product.DoesNotExist: there is no such product.
    """
    _change(Product.objects.filter(slug=slug), dependents, price_cents=price_cents, stock=stock)


def note_product(slug: str, note: str) -> None:
    """Change what the studio says about a product, or say nothing more: K = 1.

    Raises:
        Product.DoesNotExist: there is no such product.
    """
    _change(Product.objects.filter(slug=slug), note_dependents, note=note)


def describe_category(slug: str, blurb: str) -> None:
    """Change a category's words: K = 10.

    Raises:
        Category.DoesNotExist: there is no such category.
    """
    _change(Category.objects.filter(slug=slug), blurb_dependents, blurb=blurb)


def post_notice(text: str) -> None:
    """Change what every page says at its top, or take it down: K = 100."""
    _change(Notice.objects.filter(pk=1), lambda _: notice_dependents(), text=text)


def _change(rows: QuerySet[Any], entries_of: Callable[[Any], Sequence[Entry]], **columns: Any) -> None:
    """Change the one row, and raise the versions of all that shows it, in one transaction; then invalidate."""
    active_strategy().before_write()
    with write() as work:
        entries = entries_of(rows.select_for_update().get())
        work.versions = _raised([entry.name for entry in entries])
        work.entries = [entry.name for entry in entries]
        rows.update(**columns)
        active_strategy().before_commit(entries)
        # After commit: a delete before it lets a reader store the old row again.
        transaction.on_commit(lambda: active_strategy().invalidate(entries))


def _raised(scopes: Sequence[str]) -> dict[str, int]:
    """Raise the version of each scope by one, and return the new ones.

    All writers lock their scopes in one order, so two that share some never wait for each other's next one.
    UPDATE alone locks in whatever order the planner finds the rows, which differs between 3 of them and 100.
    """
    rows = ScopeVersion.objects.filter(scope__in=scopes)
    locked = rows.select_for_update().order_by("scope").values_list("scope", "version")
    raised = {scope: version + 1 for scope, version in locked}
    rows.update(version=F("version") + 1)
    return raised
