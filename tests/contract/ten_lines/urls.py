"""One page, cached for a minute."""

from django.core.cache import cache
from django.http import HttpResponse
from django.urls import path

from rig.contrib import django as rig


def expensive():
    return "computed"


def page(request):
    value, status = cache.get("page"), rig.Status.HIT
    if value is None:
        with rig.recompute("page") as work:
            value, status = rig.repeated(expensive), rig.Status.MISS
            cache.set("page", value, 60)
            work.stored(60)
    rig.serve(rig.Served("page", status, {}))
    return HttpResponse(value)


hooks = rig.Hooks(clear=cache.clear, disturbances={"slow-origin": rig.slow_origin})
urlpatterns = [path("", page), *rig.control_urls(hooks)]
