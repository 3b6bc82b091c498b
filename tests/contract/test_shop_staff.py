"""The forms of the staff page, as a browser and as the rig post them."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from rig.contrib.django import runtime
from target_app.shop import catalogue, measured
from target_app.shop.models import Category, Notice, Product, ScopeVersion

pytestmark = pytest.mark.django_db(transaction=True)

POSTED = {
    "/staff/p/moon-jar/": {"price_cents": "15000", "stock": "4"},
    "/staff/p/moon-jar/note/": {"note": "  Back\tin June. "},
    "/staff/c/vases/": {"blurb": "New words."},
    "/staff/notice/": {"notice": "Closed on Monday."},
}


@pytest.fixture(autouse=True)
def _shop(settings):
    """A small shop under the strategy that leaves the cache alone: no server is needed."""
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    catalogue.prepare(orders=50)


@pytest.fixture
def browser():
    """A visitor whose CSRF token is checked."""
    return Client(enforce_csrf_checks=True)


@pytest.fixture
def rig(monkeypatch):
    """A visitor with the token of a measurement."""
    monkeypatch.setattr(runtime, "MEASURING", True)
    monkeypatch.setattr(runtime, "_TOKEN", "a-token")
    return Client(enforce_csrf_checks=True, headers={"X-Rig-Token": "a-token"})


def _contents():
    jar = Product.objects.get(slug="moon-jar")
    return jar.price_cents, jar.stock, jar.note, Category.objects.get(slug="vases").blurb, Notice.objects.get().text


def test_the_staff_page_has_a_labelled_form_for_every_write_the_target_declares(browser):
    """The same paths and fields; what a form shows now is what it would post."""
    html = browser.get("/staff/").content.decode()
    forms = re.findall(r'<form method="post" action="([^"]+)">(.*?)</form>', html, re.S)
    on_page = {path: re.findall(r'<label>[^<]+<input [^>]*name="(\w+)"', inner) for path, inner in forms}
    assert on_page == {form["path"]: form["form"] for form in measured.writes()}
    names = [re.sub("<[^>]+>", "", button) for button in re.findall(r"<button>(.*?)</button>", html)]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("path", POSTED)
def test_a_browser_with_its_csrf_token_changes_the_page_and_comes_back(browser, path):
    """Without it nothing changes."""
    before = _contents()
    assert browser.post(path, POSTED[path]).status_code == 403
    assert _contents() == before
    token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', browser.get("/staff/").content.decode())[1]
    response = browser.post(path, POSTED[path] | {"csrfmiddlewaretoken": token})
    assert (response.status_code, response.headers["Location"]) == (302, "/staff/")
    assert _contents() != before


def test_the_rig_needs_its_own_token_only(rig):
    """204 each; white space in texts is made plain."""
    assert [rig.post(path, posted).status_code for path, posted in POSTED.items()] == [204] * 4
    assert _contents() == (15000, 4, "Back in June.", "New words.", "Closed on Monday.")


def test_a_note_and_a_notice_can_be_taken_away(rig):
    """Empty is a value for them."""
    for path in ("/staff/p/moon-jar/note/", "/staff/notice/"):
        rig.post(path, POSTED[path])
        assert rig.post(path, {next(iter(POSTED[path])): " "}).status_code == 204
    assert _contents()[2::2] == ("", "")


@pytest.mark.parametrize(
    ("path", "posted", "said"),
    [
        ("/staff/p/moon-jar/", {"price_cents": "dear", "stock": "1"}, "whole numbers"),
        ("/staff/p/moon-jar/", {"price_cents": "1"}, "whole numbers"),
        ("/staff/p/moon-jar/", {"price_cents": "-1", "stock": "1"}, "negative"),
        ("/staff/p/moon-jar/", {"price_cents": "1" + 20 * "0", "stock": "1"}, "not be above"),
        ("/staff/p/moon-jar/note/", {}, "note is missing"),
        ("/staff/p/moon-jar/note/", {"note": "x" * 201}, "at most 200"),
        ("/staff/c/vases/", {"blurb": " "}, "blurb must not be empty"),
        ("/staff/notice/", {"notice": "a\0b"}, "one line"),
    ],
)
def test_what_cannot_be_shown_is_refused_in_one_sentence(rig, path, posted, said):
    """400, and neither row nor version changes."""
    before = _contents()
    response = rig.post(path, posted)
    assert response.status_code == 400
    assert said in response.content.decode()
    assert _contents() == before
    assert set(ScopeVersion.objects.values_list("version", flat=True)) == {1}


def test_the_longest_text_fits(rig):
    """Exactly 200 characters."""
    assert rig.post("/staff/notice/", {"notice": "x" * 200}).status_code == 204


@pytest.mark.parametrize("path", ["/staff/p/no-such/", "/staff/p/no-such/note/", "/staff/c/no-such/"])
def test_what_is_not_there_cannot_be_changed(rig, path):
    """404, and no version rises."""
    assert rig.post(path, {"price_cents": "1", "stock": "1", "note": "x", "blurb": "x"}).status_code == 404
    assert set(ScopeVersion.objects.values_list("version", flat=True)) == {1}


@pytest.mark.parametrize("path", POSTED)
def test_a_form_is_posted_and_never_fetched(browser, path):
    """A link must not change a row."""
    assert browser.get(path).status_code == 405
