"""What one write reaches: as many entries as it declares (K), and no others."""

from __future__ import annotations

import pytest
from django.template.loader import render_to_string
from django.urls import resolve

from target_app.shop import aggregates, catalogue
from target_app.shop.entries import blurb_dependents, entry_of, path_of
from target_app.shop.models import Category, Notice, Product
from target_app.shop.pieces import CATEGORIES, SECONDS

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _small_shop(db):
    catalogue.prepare(orders=300)


def _differing(change):
    """Names of the entries whose content ``change`` changes."""
    before = {name: entry_of(name).compute() for name in catalogue.scopes()}
    change()
    return {name for name in before if before[name] != entry_of(name).compute()}


def test_a_change_shows_on_the_three_dependents_and_nowhere_else():
    """Else a page could be stale without its version having changed."""
    slug = aggregates.home()["bestsellers"][0]["slug"]
    category = Product.objects.get(slug=slug).category_id
    changed = _differing(lambda: Product.objects.filter(slug=slug).update(price_cents=77700, stock=1))
    assert changed == {"home", f"category:{category}", f"product:{slug}"}


def test_a_note_shows_on_its_piece_alone():
    """K = 1, however well the piece sells."""
    slug = aggregates.home()["bestsellers"][0]["slug"]
    changed = _differing(lambda: Product.objects.filter(slug=slug).update(note="Back in June."))
    assert changed == {f"product:{slug}"}


@pytest.mark.parametrize("spec", [CATEGORIES[1], SECONDS], ids=lambda spec: spec.slug)
def test_the_words_of_a_category_show_where_they_are_declared_to(spec):
    """K = 10: category, five pieces, the list of all pieces, three years; 1 for the category without pieces."""
    changed = _differing(lambda: Category.objects.filter(slug=spec.slug).update(blurb="New words."))
    assert changed == {entry.name for entry in blurb_dependents(Category(slug=spec.slug))}
    assert len(changed) == (1 if spec is SECONDS else 10)


def test_a_notice_shows_on_every_page():
    """K = 100, content and HTML alike: it is part of what is cached."""
    changed = _differing(lambda: Notice.objects.update(text="Closed <on> Monday."))
    assert changed == set(catalogue.scopes())


@pytest.mark.parametrize("name", ["home", "pieces", "category:seconds", "product:yunomi", "glaze:shino", "year:1"])
def test_a_notice_stands_above_the_page(name):
    """Escaped, and nothing is there while there is none."""
    template = f"shop/{resolve(path_of(name)).url_name}.html"
    before = render_to_string(template, {"page": entry_of(name).compute(), "nav": CATEGORIES})
    Notice.objects.update(text="Closed <on> Monday.")
    after = render_to_string(template, {"page": entry_of(name).compute(), "nav": CATEGORIES})
    assert "<aside" not in before
    assert "Closed &lt;on&gt; Monday." in after.split("<main")[0]
