"""Pages of the shop. A page reads one cached aggregate and renders it; only staff pages touch the database directly."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_POST, require_safe

from rig.contrib.django import current, is_token
from target_app.shop import catalogue
from target_app.shop.entries import Entry, category_entry, home_entry, product_entry
from target_app.shop.models import Product
from target_app.shop.writes import change_product
from target_app.strategies import active_strategy


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The front page."""
    return _page(request, "shop/home.html", home_entry())


@require_safe
def category(request: HttpRequest, slug: str) -> HttpResponse:
    """One category."""
    return _page(request, "shop/category.html", category_entry(slug))


@require_safe
def product(request: HttpRequest, slug: str) -> HttpResponse:
    """One product."""
    return _page(request, "shop/product.html", product_entry(slug))


@require_safe
def staff(request: HttpRequest) -> HttpResponse:
    """Where staff change price and stock; never cached."""
    rows = Product.objects.select_related("category").order_by("category__name", "name")
    products = [
        {
            "slug": row.slug,
            "name": row.name,
            "category": row.category.name,
            "price_cents": row.price_cents,
            "stock": row.stock,
        }
        for row in rows
    ]
    return _render(request, "shop/staff.html", {"products": products})


@csrf_exempt
@require_POST
def staff_change(request: HttpRequest, slug: str) -> HttpResponse:
    """Change price and stock of one product. A browser needs its CSRF token, the rig its own."""
    if is_token(request.headers.get("X-Rig-Token")):
        return _change(request, slug)
    protected: HttpResponse = csrf_protect(_change)(request, slug)
    return protected


def _change(request: HttpRequest, slug: str) -> HttpResponse:
    try:
        price_cents, stock = int(request.POST["price_cents"]), int(request.POST["stock"])
    except (KeyError, ValueError):
        return HttpResponseBadRequest("price_cents and stock must be whole numbers\n")
    if price_cents < 0 or stock < 0:
        return HttpResponseBadRequest("price_cents and stock must not be negative\n")
    try:
        change_product(slug, price_cents=price_cents, stock=stock)
    except Product.DoesNotExist as error:
        raise Http404(f"no product {slug!r}") from error
    if is_token(request.headers.get("X-Rig-Token")):
        return HttpResponse(status=204)
    return redirect("staff")


def _page(request: HttpRequest, template: str, entry: Entry) -> HttpResponse:
    try:
        page = active_strategy().read(entry)
    except ObjectDoesNotExist as error:
        raise Http404(f"no {entry.name}") from error
    return _render(request, template, {"page": page})


def _render(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    with current().timing("render"):
        return HttpResponse(render_to_string(template, {"nav": catalogue.CATEGORIES, **context}, request))
