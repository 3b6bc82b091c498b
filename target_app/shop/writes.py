"""The one write of the shop: staff change a product's price and stock."""

from __future__ import annotations

from django.db import transaction
from django.db.models import F

from rig.contrib.django import write
from target_app.shop.entries import dependents
from target_app.shop.models import Product, ScopeVersion
from target_app.strategies import active_strategy


def change_product(slug: str, *, price_cents: int, stock: int) -> None:
    """Change the row and raise the versions of all that shows it, in one transaction; then invalidate.

    Raises:
        Product.DoesNotExist: there is no such product.
    """
    with write() as work:
        product = Product.objects.select_related("category").select_for_update(of=("self",)).get(slug=slug)
        entries = dependents(product)
        # One order for all writers: two of them never wait for each other's second row.
        scopes = sorted(entry.name for entry in entries)
        ScopeVersion.objects.filter(scope__in=scopes).update(version=F("version") + 1)
        work.versions = dict(ScopeVersion.objects.filter(scope__in=scopes).values_list("scope", "version"))
        work.entries = [entry.name for entry in entries]
        Product.objects.filter(pk=product.pk).update(price_cents=price_cents, stock=stock)
        # After commit: a delete before it lets a reader store the old row again.
        transaction.on_commit(lambda: active_strategy().invalidate(entries))
