"""The kiln log: what each year and each firing brought, from the shop's first day on.

A page of the past costs about what a page of today costs: each reads the lines of all years, so no firing is cheaper
than another because the shop sold less then, and sums them up in halves, so that reading more costs no more. No price
and no stock: those would change without these pages' versions.
"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ObjectDoesNotExist

from target_app.shop.aggregates import sold, standings
from target_app.shop.catalogue import CATEGORIES, FIRING_DAYS, FIRINGS, YEAR_DAYS, YEARS
from target_app.shop.models import Category

BEST_OF_A_FIRING = 8
BEST_OF_A_CATEGORY = 3
_OPENING = 0
_FIRINGS_A_YEAR = YEAR_DAYS // FIRING_DAYS


def year(number: str) -> dict[str, Any]:
    """One year: each category in its own words, with its best pieces, by half-years.

    Raises:
        ObjectDoesNotExist: the shop has no such year.
    """
    this = _known("year", number, YEARS)
    words = dict(Category.objects.values_list("slug", "blurb"))
    rows = standings(days=YEAR_DAYS, step=YEAR_DAYS // 2, end=this * YEAR_DAYS, since=_OPENING)
    return {
        "number": this,
        "units": sum(row["units"] for row in rows),
        "categories": [
            {
                "slug": spec.slug,
                "name": spec.name,
                "blurb": words[spec.slug],
                "best": [sold(row) for row in rows if row["category_id"] == spec.slug][:BEST_OF_A_CATEGORY],
            }
            for spec in CATEGORIES
        ],
        "firings": [n for n in FIRINGS if _year_of(n) == this],
        "others": [n for n in YEARS if n != this],
    }


def firing(number: str) -> dict[str, Any]:
    """One firing: what sold best in the four weeks after it, by fortnights.

    Raises:
        ObjectDoesNotExist: the kiln was not fired so often.
    """
    this = _known("firing", number, FIRINGS)
    rows = standings(days=FIRING_DAYS, step=FIRING_DAYS // 2, end=this * FIRING_DAYS, since=_OPENING)
    return {
        "number": this,
        "year": _year_of(this),
        "units": sum(row["units"] for row in rows),
        "best": [sold(row) for row in rows[:BEST_OF_A_FIRING]],
        "neighbours": [n for n in (this - 1, this + 1) if n in FIRINGS],
    }


def _known(what: str, number: str, numbers: range) -> int:
    """The number behind a slug, refused before it costs a query. "07" and "7" are not the same page."""
    found = next((n for n in numbers if str(n) == number), None)
    if found is None:
        raise ObjectDoesNotExist(f"no {what} {number!r}; there are {numbers[0]} to {numbers[-1]}")
    return found


def _year_of(firing_number: int) -> int:
    return (firing_number - 1) // _FIRINGS_A_YEAR + 1
