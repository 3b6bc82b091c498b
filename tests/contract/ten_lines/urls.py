"""One page, cached for a minute."""

from django.core.cache import cache
from django.http import HttpResponse
from django.urls import path

from rig.contrib import django as rig


def page(request):
    value, status = cache.get("page"), rig.Status.HIT
    if value is None:
        with rig.recompute("page") as work:
            value, status = "computed", rig.Status.MISS
            cache.set("page", value, 60)
            work.stored(60)
    rig.serve(rig.Served("page", status, {}))
    return HttpResponse(value)


urlpatterns = [path("", page), *rig.control_urls(rig.Hooks(clear=cache.clear))]
