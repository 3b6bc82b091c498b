"""The shop's tables."""

import django.db.models.deletion
from django.db import migrations, models


def key() -> models.BigAutoField:
    """The numeric key that most tables share."""
    return models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")


class Migration(migrations.Migration):
    """Creates everything; there is nothing to carry over."""

    initial = True
    operations = (
        migrations.CreateModel(
            name="Category",
            fields=[
                ("slug", models.SlugField(primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=60)),
                ("blurb", models.CharField(max_length=200)),
            ],
            options={"verbose_name_plural": "categories"},
        ),
        migrations.CreateModel(
            name="Order",
            fields=[("id", key()), ("placed_day", models.PositiveIntegerField())],
        ),
        migrations.CreateModel(
            name="ScopeVersion",
            fields=[
                ("scope", models.CharField(max_length=80, primary_key=True, serialize=False)),
                ("version", models.PositiveBigIntegerField(default=1)),
            ],
        ),
        migrations.CreateModel(
            name="Stocktake",
            fields=[("id", key()), ("data_set", models.CharField(blank=True, max_length=80))],
        ),
        migrations.CreateModel(
            name="Product",
            fields=[
                ("id", key()),
                ("slug", models.SlugField(unique=True)),
                ("name", models.CharField(max_length=60)),
                ("price_cents", models.PositiveIntegerField()),
                ("stock", models.PositiveIntegerField()),
                ("glaze", models.CharField(max_length=40)),
                ("height_mm", models.PositiveSmallIntegerField()),
                ("width_mm", models.PositiveSmallIntegerField()),
                ("blurb", models.CharField(max_length=200)),
                ("description", models.TextField()),
                (
                    "category",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="products",
                        to="shop.category",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="OrderLine",
            fields=[
                ("id", key()),
                ("placed_day", models.PositiveIntegerField()),
                ("quantity", models.PositiveSmallIntegerField()),
                ("unit_price_cents", models.PositiveIntegerField()),
                (
                    "order",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="lines",
                        to="shop.order",
                    ),
                ),
                (
                    "product",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="lines",
                        to="shop.product",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["product", "placed_day", "quantity", "unit_price_cents"], name="shop_line_sales"
                    ),
                    models.Index(fields=["order", "product"], name="shop_line_order"),
                ],
            },
        ),
    )
