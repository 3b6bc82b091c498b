"""URLs of the shop, and in measurement mode the control endpoints."""

from __future__ import annotations

from rig.contrib.django import Hooks, control_urls
from target_app.shop import measured
from target_app.shop.urls import urlpatterns as shop_urls

urlpatterns = [
    *shop_urls,
    *control_urls(Hooks(identity=measured.identity, clear=measured.clear, seed=measured.seed, settle=measured.settle)),
]
