"""Where staff change what the pages show; never cached. A browser needs its CSRF token, the rig its own."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_POST, require_safe

from rig.contrib.django import is_token
from target_app.shop import writes
from target_app.shop.models import Category, Notice, Product
from target_app.shop.views import render

_TEXT_MAX = 200
_MOST = 2**31 - 1
"""What the columns hold."""
"""Characters of the columns that hold what staff write."""


class _RefusedError(ValueError):
    """What was posted cannot be written; says why."""


def _posted(write: Callable[..., None]) -> Callable[..., HttpResponse]:
    """A view around ``write(request, …)``: 404 for an unknown row, 400 for what was refused."""

    def answer(request: HttpRequest, **address: str) -> HttpResponse:
        try:
            write(request, **address)
        except _RefusedError as refused:
            return HttpResponseBadRequest(f"{refused}\n", content_type="text/plain")
        except ObjectDoesNotExist as error:
            raise Http404(f"{error} ({address})") from error
        return HttpResponse(status=204) if _is_rig(request) else redirect("staff")

    @csrf_exempt
    @require_POST
    @wraps(write)
    def view(request: HttpRequest, **address: str) -> HttpResponse:
        guarded = answer if _is_rig(request) else csrf_protect(answer)
        return guarded(request, **address)

    return view


@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """All forms on one page."""
    products = Product.objects.select_related("category").order_by("category__name", "name")
    return render(
        request,
        "shop/staff.html",
        {
            "notice": Notice.objects.values_list("text", flat=True).get(),
            "categories": Category.objects.order_by("name"),
            "products": products,
        },
    )


@_posted
def change(request: HttpRequest, slug: str) -> None:
    """Price and stock of one product."""
    try:
        price_cents, stock = int(request.POST["price_cents"]), int(request.POST["stock"])
    except (KeyError, ValueError):
        raise _RefusedError("price_cents and stock must be whole numbers") from None
    if price_cents < 0 or stock < 0:
        raise _RefusedError("price_cents and stock must not be negative")
    if max(price_cents, stock) > _MOST:
        raise _RefusedError(f"price_cents and stock must not be above {_MOST}")
    writes.change_product(slug, price_cents=price_cents, stock=stock)


@_posted
def note(request: HttpRequest, slug: str) -> None:
    """What the studio says about one product; nothing takes it away."""
    writes.note_product(slug, _text(request, "note"))


@_posted
def category(request: HttpRequest, slug: str) -> None:
    """The words of one category."""
    blurb = _text(request, "blurb")
    if not blurb:
        raise _RefusedError("blurb must not be empty")
    writes.describe_category(slug, blurb)


@_posted
def notice(request: HttpRequest) -> None:
    """What every page says at its top; nothing takes it down."""
    writes.post_notice(_text(request, "notice"))


def _text(request: HttpRequest, field: str) -> str:
    """One line of text, its white space made plain."""
    if field not in request.POST:
        raise _RefusedError(f"{field} is missing")
    text = " ".join(request.POST[field].split())
    if len(text) > _TEXT_MAX or not text.isprintable():
        raise _RefusedError(f"{field} must be one line of at most {_TEXT_MAX} characters")
    return text


def _is_rig(request: HttpRequest) -> bool:
    return is_token(request.headers.get("X-Rig-Token"))
