"""The aggregates against a plain recomputation in Python, on a small data set in a real database."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from django.core.exceptions import ObjectDoesNotExist
from django.core.management import call_command
from django.db import connection
from django.template.loader import render_to_string
from django.test.utils import CaptureQueriesContext

from target_app.shop import aggregates, catalogue, kiln_log
from target_app.shop.entries import entry_of
from target_app.shop.models import Order, OrderLine, Product, ScopeVersion, Stocktake
from target_app.shop.pieces import CATEGORIES, GLAZES, PIECES

pytestmark = pytest.mark.django_db
ORDERS = 1500
DAYS = catalogue.DAYS


@pytest.fixture(autouse=True)
def _small_shop(db):
    catalogue.prepare(orders=ORDERS)


@pytest.fixture
def orders():
    return list(catalogue.generate_orders(ORDERS))


def _units(orders, first, end):
    """Units of each piece, by slug, in the days from ``first`` up to, not including, ``end``."""
    units = Counter({piece.slug: 0 for piece in PIECES})
    for order in orders:
        if first <= order.day < end:
            for index, quantity, _ in order.lines:
                units[PIECES[index].slug] += quantity
    return units


def _ranked(units):
    return sorted(units, key=lambda slug: (-units[slug], slug))


def test_home_shows_the_bestsellers_of_the_season(orders):
    """Rank, units, weekly trend and change, each recomputed from the generated orders."""
    season = _units(orders, DAYS - 91, DAYS)
    before = _units(orders, DAYS - 364 - 91, DAYS - 364)
    page = aggregates.home()
    assert [item["slug"] for item in page["bestsellers"]] == _ranked(season)[:8]
    for item in page["bestsellers"]:
        slug = item["slug"]
        assert item["units"] == season[slug] == sum(item["trend"])
        assert item["trend"] == [_units(orders, day, day + 7)[slug] for day in range(DAYS - 91, DAYS, 7)]
        expected = round(100 * (season[slug] - before[slug]) / before[slug]) if before[slug] else 0
        assert item["change_percent"] == expected
    assert [tile["slug"] for tile in page["categories"]] == [spec.slug for spec in CATEGORIES]
    assert {tile["pieces"] for tile in page["categories"]} == {5}


@pytest.mark.parametrize("slug", [spec.slug for spec in CATEGORIES])
def test_category_ranks_its_pieces_within_the_shop(orders, slug):
    """Order, rank and trend in four-week steps over the past year."""
    year = _units(orders, DAYS - 364, DAYS)
    ranked = _ranked(year)
    own = {piece.slug for piece in PIECES if piece.category == slug}
    page = aggregates.category(slug)
    assert [item["slug"] for item in page["products"]] == [name for name in ranked if name in own]
    for item in page["products"]:
        assert item["shop_rank"] == ranked.index(item["slug"]) + 1
        periods = [_units(orders, day, day + 28)[item["slug"]] for day in range(DAYS - 364, DAYS, 28)]
        assert item["trend"] == periods


@pytest.mark.parametrize("slug", ["supper-bowl", "moon-jar", "long-neck"])
def test_product_knows_its_rank_and_its_company(orders, slug):
    """Rank in category and shop, and the pieces most often in its latest 400 orders."""
    year = _units(orders, DAYS - 364, DAYS)
    index = next(i for i, piece in enumerate(PIECES) if piece.slug == slug)
    peers = {piece.slug for piece in PIECES if piece.category == PIECES[index].category}
    page = aggregates.product(slug)
    assert page["sales"]["shop_rank"] == _ranked(year).index(slug) + 1
    assert page["sales"]["category_rank"] == [name for name in _ranked(year) if name in peers].index(slug) + 1
    assert page["sales"]["category_size"] == 5
    assert page["sales"]["units"] == year[slug] == sum(page["sales"]["trend"])
    with_it = [order for order in orders if index in {i for i, _, _ in order.lines}][-400:]
    company = Counter(PIECES[i].slug for order in with_it for i, _, _ in order.lines if i != index)
    assert {item["slug"]: item["orders"] for item in page["bought_together"]} == {
        name: company[name] for name in _ranked(company)[:4]
    }


@pytest.mark.parametrize("spec", GLAZES, ids=lambda spec: spec.slug)
def test_a_glaze_has_all_its_pieces_ranked_within_the_shop(orders, spec):
    """Order and rank by the past year, over all categories."""
    ranked = _ranked(_units(orders, DAYS - 364, DAYS))
    own = {piece.slug for piece in PIECES if piece.glaze == spec.name}
    page = aggregates.glaze(spec.slug)
    assert [item["slug"] for item in page["pieces"]] == [name for name in ranked if name in own]
    assert [ranked[item["shop_rank"] - 1] for item in page["pieces"]] == [item["slug"] for item in page["pieces"]]


def test_everything_is_on_one_page_best_sold_first(orders):
    """All pieces, in the seven categories of the navigation."""
    ranked = _ranked(_units(orders, DAYS - 364, DAYS))
    page = aggregates.pieces()
    assert [kind["slug"] for kind in page["categories"]] == [spec.slug for spec in CATEGORIES]
    for kind in page["categories"]:
        own = {piece.slug for piece in PIECES if piece.category == kind["slug"]}
        assert [item["slug"] for item in kind["pieces"]] == [name for name in ranked if name in own]


@pytest.mark.parametrize("number", catalogue.YEARS)
def test_a_year_is_summed_up_from_its_own_orders(orders, number):
    """Three favourites a category, by half-years; the thirteen firings are the year's."""
    first, end = 364 * (number - 1), 364 * number
    units = _units(orders, first, end)
    page = kiln_log.year(str(number))
    assert page["units"] == sum(units.values())
    for kind in page["categories"]:
        own = {piece.slug for piece in PIECES if piece.category == kind["slug"]}
        assert [item["slug"] for item in kind["best"]] == [name for name in _ranked(units) if name in own][:3]
        for item in kind["best"]:
            halves = [_units(orders, day, day + 182)[item["slug"]] for day in (first, first + 182)]
            assert item["trend"] == halves
    assert page["firings"] == list(range(13 * number - 12, 13 * number + 1))


@pytest.mark.parametrize("number", [1, 13, 14, 39])
def test_a_firing_is_summed_up_from_its_four_weeks(orders, number):
    """The eight that sold best, by fortnights; neighbours only where there are any."""
    first, end = 28 * (number - 1), 28 * number
    units = _units(orders, first, end)
    page = kiln_log.firing(str(number))
    assert page["units"] == sum(units.values())
    assert [item["slug"] for item in page["best"]] == _ranked(units)[:8]
    for item in page["best"]:
        assert item["trend"] == [_units(orders, day, day + 14)[item["slug"]] for day in (first, first + 14)]
    assert page["year"] == (1 if number <= 13 else (number + 12) // 13)
    assert page["neighbours"] == [n for n in (number - 1, number + 1) if 1 <= n <= 39]


def test_every_page_costs_one_statement_over_the_order_lines_of_the_whole_shop():
    """Else a write that empties a hundred entries would weigh less than a hundred times one.

    A product's company is a second one, over a bounded number of its latest orders.
    """
    for name in catalogue.scopes():
        with CaptureQueriesContext(connection) as queries:
            entry_of(name).compute()
        dear = [query["sql"] for query in queries if "orderline" in query["sql"].lower()]
        assert len([sql for sql in dear if "LIMIT" not in sql]) == 1, name
        assert len(dear) == (2 if name.startswith("product:") else 1), name
        assert len(queries) <= 5, name


def test_the_empty_category_is_an_empty_list_and_not_an_error():
    """A right answer that is falsy: what a cache that tests ``if not value`` gets wrong."""
    page = aggregates.category("seconds")
    assert page["products"] == []
    assert page["name"] == "Seconds sale"


def test_what_is_cached_survives_json():
    """Only dicts, lists, strings and integers, so that every serialiser gives back the same value."""
    for name in catalogue.scopes():
        page = entry_of(name).compute()
        assert json.loads(json.dumps(page)) == page


def test_an_unknown_slug_is_refused_before_the_work():
    """One cheap query and no more: a wrong address is no way to load the database."""
    for name in (
        "category:no-such",
        "product:no-such",
        "glaze:no-such",
        "firing:40",
        "firing:0",
        "firing:07",
        "year:x",
    ):
        with CaptureQueriesContext(connection) as queries, pytest.raises(ObjectDoesNotExist):
            entry_of(name).compute()
        assert len(queries) <= 1


def test_a_piece_that_never_sold_still_has_its_pages():
    """It ranks last, with a flat trend and no company."""
    OrderLine.objects.filter(product__slug="moon-jar").delete()
    page = aggregates.product("moon-jar")
    assert page["sales"]["units"] == 0
    assert page["sales"]["shop_rank"] == len(PIECES)
    assert page["bought_together"] == []
    assert aggregates.category("vases")["products"][-1]["slug"] == "moon-jar"


def test_preparing_again_changes_nothing():
    """It may be run before every start."""
    counts = Order.objects.count(), OrderLine.objects.count(), Product.objects.count()
    assert not catalogue.prepare(orders=ORDERS)
    assert (Order.objects.count(), OrderLine.objects.count(), Product.objects.count()) == counts
    assert set(ScopeVersion.objects.values_list("version", flat=True)) == {1}
    assert set(ScopeVersion.objects.values_list("scope", flat=True)) == set(catalogue.scopes())


def test_an_interrupted_preparation_is_done_again_and_versions_do_not_fall():
    """Rows without the mark of completeness are not trusted."""
    Stocktake.objects.update(data_set="")
    OrderLine.objects.filter(pk__gt=10).delete()
    ScopeVersion.objects.filter(scope="home").update(version=41)
    assert catalogue.prepare(orders=ORDERS)
    assert OrderLine.objects.count() == sum(len(order.lines) for order in catalogue.generate_orders(ORDERS))
    assert ScopeVersion.objects.get(scope="home").version == 42


def test_the_command_prepares_data_without_pictures(settings, tmp_path, capsys):
    """And says when there was nothing to do."""
    settings.SHOP_IMAGE_DIR = tmp_path / "images"
    Stocktake.objects.update(data_set=catalogue.data_set_name())
    call_command("prepare_shop", "--data-only")
    assert "nothing to do" in capsys.readouterr().out
    assert not settings.SHOP_IMAGE_DIR.exists()


@pytest.mark.parametrize(
    ("template", "compute"),
    [
        ("home", aggregates.home),
        ("category", lambda: aggregates.category("cups")),
        ("category", lambda: aggregates.category("seconds")),
        ("product", lambda: aggregates.product("moon-jar")),
        ("pieces", aggregates.pieces),
        ("glaze", lambda: aggregates.glaze("terracotta")),
        ("firing", lambda: kiln_log.firing("1")),
        ("year", lambda: kiln_log.year("3")),
    ],
)
def test_a_page_renders_from_the_cached_value_alone(template, compute):
    """No query while rendering, and the picture that is the LCP element is asked for early."""
    page = json.loads(json.dumps(compute()))
    with CaptureQueriesContext(connection) as queries:
        html = render_to_string(f"shop/{template}.html", {"page": page, "nav": CATEGORIES})
    assert len(queries) == 0
    assert html.count('fetchpriority="high"') == 1
    assert "seconds" not in html.split("</nav>")[0].split("<nav", 1)[1]
