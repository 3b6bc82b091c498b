"""Pages of the shop. A page reads one cached aggregate and renders it; it never touches the database itself."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views.decorators.http import require_safe

from rig.contrib.django import current
from target_app.shop import catalogue
from target_app.shop.entries import Entry, category_entry, entry_of, home_entry, product_entry
from target_app.strategies import active_strategy


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The front page."""
    return _page(request, "shop/home.html", home_entry())


@require_safe
def pieces(request: HttpRequest) -> HttpResponse:
    """Everything the shop makes, on one page."""
    return _page(request, "shop/pieces.html", entry_of("pieces"))


@require_safe
def category(request: HttpRequest, slug: str) -> HttpResponse:
    """One category."""
    return _page(request, "shop/category.html", category_entry(slug))


@require_safe
def product(request: HttpRequest, slug: str) -> HttpResponse:
    """One product."""
    return _page(request, "shop/product.html", product_entry(slug))


@require_safe
def glaze(request: HttpRequest, slug: str) -> HttpResponse:
    """One glaze."""
    return _page(request, "shop/glaze.html", entry_of(f"glaze:{slug}"))


@require_safe
def firing(request: HttpRequest, slug: str) -> HttpResponse:
    """One firing of the kiln."""
    return _page(request, "shop/firing.html", entry_of(f"firing:{slug}"))


@require_safe
def year(request: HttpRequest, slug: str) -> HttpResponse:
    """One year of the shop."""
    return _page(request, "shop/year.html", entry_of(f"year:{slug}"))


def render(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """A page around ``context``, with its time in the request's trace."""
    with current().timing("render"):
        return HttpResponse(render_to_string(template, {"nav": catalogue.CATEGORIES, **context}, request))


def _page(request: HttpRequest, template: str, entry: Entry) -> HttpResponse:
    try:
        return active_strategy().page(request, entry, lambda page: render(request, template, {"page": page}))
    except ObjectDoesNotExist as error:
        raise Http404(f"no {entry.name}") from error
