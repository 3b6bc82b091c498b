"""URLs of the shop, and in measurement mode the control endpoints."""

from __future__ import annotations

from django.conf import settings
from django.urls import URLPattern, path

from rig.contrib.django import Hooks, control_urls, slow_commit, slow_origin
from target_app.shop import measured
from target_app.shop.unseen import unseen_write
from target_app.shop.urls import urlpatterns as shop_urls

HOOKS = Hooks(
    identity=measured.identity,
    clear=measured.clear,
    seed=measured.seed,
    settle=measured.settle,
    disturbances={
        "slow-origin": slow_origin,
        "slow-commit": slow_commit,
        "unseen-write": unseen_write,
        "forget": measured.forget,
    },
)
urlpatterns: list[URLPattern] = [*shop_urls, *control_urls(HOOKS)]
if settings.METRICS:
    from target_app.metrics import metrics

    urlpatterns.append(path("metrics", metrics))
