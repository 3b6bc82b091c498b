"""The shop's tables: what is sold, what was ordered, and the version of everything that is shown.

Money is whole pence (``_cents``), sizes are millimetres, days are counted from the shop's opening (day 0).
"""

from __future__ import annotations

from django.db import models


class Category(models.Model):
    """A kind of pot. The slug is the key, so that a product knows its category's scope without a join."""

    slug = models.SlugField(primary_key=True)
    name = models.CharField(max_length=60)
    blurb = models.CharField(max_length=200)

    class Meta:
        """Django's options."""

        verbose_name_plural = "categories"

    def __str__(self) -> str:
        return self.name


class Product(models.Model):
    """A piece that can be bought. Only ``price_cents``, ``stock`` and ``note`` ever change."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=60)
    category = models.ForeignKey(Category, on_delete=models.PROTECT, related_name="products")
    price_cents = models.PositiveIntegerField()
    stock = models.PositiveIntegerField()
    glaze = models.CharField(max_length=40)
    height_mm = models.PositiveSmallIntegerField()
    width_mm = models.PositiveSmallIntegerField()
    blurb = models.CharField(max_length=200)
    description = models.TextField()
    note = models.CharField(max_length=200, blank=True, default="", db_default="")
    """What the studio has to say about it at the moment; shown on its own page only."""

    def __str__(self) -> str:
        return self.name


class Notice(models.Model):
    """The one row that holds what every page says at its top; nothing while it is empty."""

    text = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return self.text or "no notice"


class Order(models.Model):
    """What one customer bought on one day."""

    placed_day = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"Order {self.pk}"


class OrderLine(models.Model):
    """One product in one order. The day is repeated here: the sales figures need no join for it."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines", db_index=False)
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="lines", db_index=False)
    placed_day = models.PositiveIntegerField()
    quantity = models.PositiveSmallIntegerField()
    unit_price_cents = models.PositiveIntegerField()

    class Meta:
        """Django's options."""

        indexes = (
            # Both cover their queries, so that the table itself is never read for an aggregate.
            models.Index(fields=["product", "placed_day", "quantity", "unit_price_cents"], name="shop_line_sales"),
            models.Index(fields=["order", "product"], name="shop_line_order"),
        )

    def __str__(self) -> str:
        return f"{self.quantity} × product {self.product_id} in order {self.order_id}"


class ScopeVersion(models.Model):
    """The version of what one page shows: 'home', 'product:<slug>' and so on. It only ever rises."""

    scope = models.CharField(max_length=80, primary_key=True)
    version = models.PositiveBigIntegerField(default=1)

    def __str__(self) -> str:
        return f"{self.scope}={self.version}"


class OutboxRow(models.Model):
    """What one write wants deleted from the cache, committed with it and removed once it is done."""

    epoch = models.PositiveBigIntegerField()
    strategy = models.CharField(max_length=40)
    entries = models.JSONField()

    class Meta:
        """Django's options."""

        db_table = "shop_outbox"

    def __str__(self) -> str:
        return f"delete {', '.join(self.entries)}"


class Stocktake(models.Model):
    """The one row that says which data set the tables hold; empty while they are being filled."""

    data_set = models.CharField(max_length=80, blank=True)

    def __str__(self) -> str:
        return self.data_set or "incomplete"
