"""Django's entry for the shop."""

from django.apps import AppConfig


class ShopConfig(AppConfig):
    """A small ceramics shop: the content that the cache strategies are compared on."""

    name = "target_app.shop"
    label = "shop"
    default_auto_field = "django.db.models.BigAutoField"
