"""How figures look on the pages, and where the pictures lie."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from django import template
from django.templatetags.static import static
from django.urls import reverse

register = template.Library()


@register.filter(is_safe=True)
def price(cents: int) -> str:
    """Pence as a price: ``3450`` is ``£34.50``."""
    return f"£{cents // 100:,}.{cents % 100:02d}"


@register.filter(is_safe=True)
def grouped(number: int) -> str:
    """A large number as people read it: ``137710`` is ``137,710``."""
    return f"{number:,}"


@register.filter(is_safe=True)
def availability(stock: int) -> str:
    """What a customer wants to know about a number of pieces."""
    if stock == 0:
        return "Sold out"
    return f"{stock} in stock" if stock > 5 else f"Only {stock} left"


@register.filter(is_safe=True)
def polyline(figures: Sequence[int]) -> str:
    """Figures as the ``points`` of a line in a box 100 wide and 24 high, zero at the bottom."""
    top = max(figures, default=0) or 1
    step = 100 / max(len(figures) - 1, 1)
    return " ".join(f"{i * step:.0f},{23 - 22 * figure / top:.1f}" for i, figure in enumerate(figures))


@register.filter
@cache
def picture(slug: str) -> str:
    """URL of the large picture of a piece."""
    return static(f"shop/img/{slug}.jpg")


@register.filter
@cache
def thumb(slug: str) -> str:
    """URL of the small picture of a piece."""
    return static(f"shop/img/{slug}-thumb.jpg")


@register.filter
@cache
def address(slug: str | int, view: str) -> str:
    """URL of a page of kind ``view``. Remembered: a page has two dozen of them, half its rendering time otherwise."""
    return reverse(view, args=(slug,))
