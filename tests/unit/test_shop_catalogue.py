"""The shop's content, as far as it needs no database."""

from __future__ import annotations

from collections import Counter
from itertools import islice, pairwise

import numpy as np
import pytest
from django.urls import resolve
from django.utils.text import slugify

from target_app.shop import catalogue
from target_app.shop.entries import (
    blurb_dependents,
    category_entry,
    dependents,
    entry_of,
    home_entry,
    note_dependents,
    notice_dependents,
    path_of,
    product_entry,
)
from target_app.shop.measured import writes
from target_app.shop.models import Category, Product
from target_app.shop.pieces import CATEGORIES, PIECES, SECONDS
from target_app.shop.pieces import GLAZES as GLAZE_PAGES
from target_app.shop.studio.forms import FORMS, section
from target_app.shop.studio.glazes import GLAZES, linear
from target_app.shop.templatetags.shop import availability, grouped, polyline, price


def test_orders_are_the_same_for_the_same_seed_and_differ_for_another():
    """Two machines that prepare the shop hold the same rows."""
    first, again = (list(catalogue.generate_orders(400, seed=3)) for _ in range(2))
    assert first == again
    assert first != list(catalogue.generate_orders(400, seed=4))


def test_generation_is_not_disturbed_by_other_users_of_randomness():
    """The generator owns its random numbers: it may be read slowly, and twice at once."""
    one, other = catalogue.generate_orders(50), catalogue.generate_orders(50)
    interleaved = [(next(one), next(other)) for _ in range(50)]
    assert all(a == b for a, b in interleaved)


def test_orders_are_plausible():
    """Days rise, no order names a piece twice, every line has a quantity and a price, every piece is sold."""
    orders = list(catalogue.generate_orders(3000))
    assert all(a.day <= b.day for a, b in pairwise(orders))
    assert all(0 <= order.day < catalogue.DAYS for order in orders)
    for order in orders:
        pieces = [piece for piece, _, _ in order.lines]
        assert len(pieces) == len(set(pieces)) >= 1
        assert all(quantity >= 1 and unit_price > 0 for _, quantity, unit_price in order.lines)
    sold = Counter(piece for order in orders for piece, _, _ in order.lines)
    assert len(sold) == len(PIECES)


def test_the_full_data_set_has_enough_lines():
    """The aggregates cost what they cost because of at least 220,000 order lines."""
    sample = list(islice(catalogue.generate_orders(catalogue.ORDERS), 4000))
    lines_per_order = sum(len(order.lines) for order in sample) / len(sample)
    assert lines_per_order * catalogue.ORDERS > 220_000


def test_pieces_are_complete():
    """Slugs are unique, every category but the empty one has pieces, every piece has a form and a glaze."""
    assert len({piece.slug for piece in PIECES}) == len(PIECES)
    assert {piece.category for piece in PIECES} == {spec.slug for spec in CATEGORIES}
    assert SECONDS not in CATEGORIES
    assert set(FORMS) == {piece.slug for piece in PIECES}
    assert {piece.glaze for piece in PIECES} <= set(GLAZES)
    assert {piece.glaze for piece in PIECES} == {spec.name for spec in GLAZE_PAGES}


def test_a_piece_leads_to_the_page_of_its_glaze():
    """Its page makes the address from the glaze's name."""
    assert all(slugify(spec.name) == spec.slug for spec in GLAZE_PAGES)


def test_every_scope_is_an_entry_and_back():
    """The name of an entry is the scope of its version; its path is where it is shown."""
    assert all(entry_of(scope).name == scope for scope in catalogue.scopes())
    assert entry_of("home") == home_entry()
    assert entry_of("category:bowls") == category_entry("bowls") != category_entry("cups")
    assert entry_of("product:moon-jar") == product_entry("moon-jar")
    assert [path_of(name) for name in ("home", "category:bowls", "product:moon-jar")] == [
        "/",
        "/c/bowls/",
        "/p/moon-jar/",
    ]
    assert [path_of(name) for name in ("pieces", "glaze:shino", "firing:39", "year:3")] == [
        "/pieces/",
        "/g/shino/",
        "/firings/39/",
        "/years/3/",
    ]


@pytest.mark.parametrize("name", catalogue.scopes())
def test_every_entry_has_a_page_at_its_path(name):
    """The address of an entry belongs to the view of its kind, with its slug."""
    found = resolve(path_of(name))
    assert ":".join((found.url_name, *found.kwargs.values())) == name


@pytest.mark.parametrize(
    "name", ["", "bowls", "category:", "product", "product:", "basket:1", "home:1", ":x", "firing:", "pieces:1"]
)
def test_an_unknown_form_of_name_is_a_key_error(name):
    """So a mistyped entry is found where it is named, not as a missing row later."""
    with pytest.raises(KeyError):
        entry_of(name)
    with pytest.raises(KeyError):
        path_of(name)


def test_a_product_has_three_dependents_and_finding_them_needs_no_query():
    """K = 3; a write asks for them inside its transaction."""
    product = Product(slug="moon-jar", category_id="vases")
    assert [entry.name for entry in dependents(product)] == ["product:moon-jar", "category:vases", "home"]


def test_writes_fan_out_to_one_ten_and_a_hundred_entries():
    """Exactly, and each of them to entries that exist."""
    assert len(catalogue.scopes()) == len(set(catalogue.scopes())) == 100
    for piece in PIECES:
        assert len(note_dependents(Product(slug=piece.slug, category_id=piece.category))) == 1
    for spec in CATEGORIES:
        assert len({entry.name for entry in blurb_dependents(Category(slug=spec.slug))} & set(catalogue.scopes())) == 10
    assert len({entry.name for entry in notice_dependents()} & set(catalogue.scopes())) == 100


def test_the_target_declares_the_fan_out_of_every_form():
    """A load profile holds its own K against it; the empty category is the one exception to ten."""
    declared = {form["path"]: form for form in writes()}
    assert len(declared) == len(writes()) == 2 * len(PIECES) + len(CATEGORIES) + 2
    assert all(form["dependents"] == len(set(form["entries"])) for form in declared.values())
    hot = {
        "/staff/p/moon-jar/": (["price_cents", "stock"], 3),
        "/staff/p/moon-jar/note/": (["note"], 1),
        "/staff/c/vases/": (["blurb"], 10),
        "/staff/c/seconds/": (["blurb"], 1),
        "/staff/notice/": (["notice"], 100),
    }
    assert {path: (declared[path]["form"], declared[path]["dependents"]) for path in hot} == hot


def test_figures_as_they_are_shown():
    """Exact edges: pence, thousands, the last five pieces, a line of nothing."""
    assert [grouped(number) for number in (0, 999, 1000, 1234567)] == ["0", "999", "1,000", "1,234,567"]
    assert [price(cents) for cents in (0, 5, 3450, 123456)] == ["£0.00", "£0.05", "£34.50", "£1,234.56"]
    assert [availability(stock) for stock in (0, 1, 5, 6)] == ["Sold out", "Only 1 left", "Only 5 left", "6 in stock"]
    assert polyline([0, 2, 1]) == "0,23.0 50,1.0 100,12.0"
    assert polyline([0, 0]) == "0,23.0 100,23.0"
    assert polyline([]) == ""


@pytest.mark.parametrize("piece", PIECES, ids=lambda piece: piece.slug)
def test_every_form_turns_into_a_clean_outline(piece):
    """No outline crosses the axis or sinks below the table, and its normals are unit vectors."""
    outline = section(piece, 1.0, np.radians(FORMS[piece.slug].pitch_deg))
    assert outline.radius.min() >= 0
    assert outline.height.min() >= -0.5
    assert outline.height.max() == pytest.approx(piece.height_mm, abs=6)
    assert np.hypot(outline.normal_r, outline.normal_y) == pytest.approx(1, abs=1e-3)


def test_a_picture_is_the_same_each_time_and_shows_its_piece():
    """Same bytes for the same piece, other bytes for another, a bright pot on a darker ground."""
    from target_app.shop.images import picture_of

    by_slug = {piece.slug: piece for piece in PIECES}
    jar, again, bowl = (picture_of(by_slug[slug], 160) for slug in ("moon-jar", "moon-jar", "noodle-bowl"))
    assert jar.size == (160, 120)
    assert jar.tobytes() == again.tobytes() != bowl.tobytes()
    pixels = np.asarray(jar.convert("L"), float)
    assert pixels[55:65, 70:90].mean() > pixels[:10, :20].mean() + 40


def test_colours_are_read_as_linear_light():
    """The ends of the sRGB curve, and its middle."""
    assert linear("#000000").tolist() == [0, 0, 0]
    assert linear("#ffffff").tolist() == pytest.approx([1, 1, 1])
    assert linear("#808080")[0] == pytest.approx(0.2159, abs=1e-4)


def test_pictures_that_exist_are_kept(tmp_path, monkeypatch):
    """Starting again after an interruption makes only what is missing."""
    from target_app.shop import images

    for name in images.GROUPS:
        (tmp_path / f"{name}.jpg").write_bytes(b"kept")
    for piece in PIECES[1:]:
        for name in (f"{piece.slug}.jpg", f"{piece.slug}-thumb.jpg"):
            (tmp_path / name).write_bytes(b"kept")
    small = images.picture_of(PIECES[0], 160)
    monkeypatch.setattr(images, "picture_of", lambda piece: small)
    assert images.generate(tmp_path) == 2
    assert images.generate(tmp_path) == 0
    assert (tmp_path / f"{PIECES[0].slug}-thumb.jpg").stat().st_size > 500
    assert (tmp_path / "home.jpg").read_bytes() == b"kept"
    assert not list(tmp_path.glob("*.partial"))
