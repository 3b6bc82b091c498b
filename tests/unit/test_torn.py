"""Torn views: a new product and, after it, an old home page. Write 2 raises both scopes within [1.0, 1.1]."""

from __future__ import annotations

import pytest

from rig.analysis.freshness import figures, witness
from rig.analysis.reads import reads_of
from rig.analysis.staleness import commits_of
from rig.analysis.torn import Torn
from tests.tables import origin, pages, request, requests, visit, write

ENTRIES = {"/p/": "p", "/home/": "home"}
BOTH = write(2, 1.0, 1.1, entries=("p", "home"), versions="p=2, home=8")


def product(version, start_s, end_s):
    return request(start_s, end_s - start_s, path="/p/", content_version=f"p={version}")


def home(version, start_s, end_s):
    return request(start_s, end_s - start_s, path="/home/", content_version=f"home={version}")


def counted(*reads, writes=(BOTH,), visits=()):
    found = witness(reads_of(requests(*reads), pages(*visits), ENTRIES), commits_of(origin(*writes)), None)
    return found.torn


def test_an_old_page_begun_after_a_new_one_had_ended_is_torn():
    assert counted(product(2, 2.0, 2.1), home(7, 2.2, 2.3)) == Torn(views=1, writes=1, opportunities=1)


@pytest.mark.parametrize("start_s", [1.9, 2.05, 2.1])
def test_reads_that_overlap_are_in_no_order(start_s):
    """The home page was asked for before the product's last byte had come: nobody saw the one before the other."""
    assert counted(product(2, 2.0, 2.1), home(7, start_s, 2.3)) == Torn(views=0, writes=0, opportunities=0)


def test_pages_that_agree_were_a_chance_to_be_torn():
    assert counted(product(2, 2.0, 2.1), home(8, 2.2, 2.3)) == Torn(views=0, writes=0, opportunities=1)


def test_old_pages_before_a_new_one_are_whole():
    assert counted(home(7, 1.2, 1.3), product(2, 2.0, 2.1)).views == 0


def test_the_same_page_going_back_is_not_torn():
    """The product new, then old again: that is stale, but one page contradicts only itself."""
    assert counted(product(2, 2.0, 2.1), product(1, 2.2, 2.3)) == Torn(views=0, writes=0, opportunities=0)


def test_a_commit_that_returned_late_hides_nothing():
    """COMMIT returned at 9 s; the product had been shown by 2.1 s, so the write was done. No read is judged stale."""
    late = write(2, 1.0, 9.0, entries=("p", "home"), versions="p=2, home=8")
    assert counted(product(2, 2.0, 2.1), home(7, 2.2, 2.3), writes=[late]).views == 1


def test_a_newer_version_shows_the_older_write_too():
    """Product 3 contains write 2; write 3 did not touch the home page."""
    third = write(3, 2.0, 2.1)
    assert counted(product(3, 2.2, 2.3), home(7, 2.4, 2.5), writes=[BOTH, third]) == Torn(
        views=1, writes=1, opportunities=1
    )


def test_a_write_that_touches_one_page_tears_none():
    """The home page does not depend on product 3's write, so its version 8 is not old by it."""
    assert counted(product(3, 2.2, 2.3), home(8, 2.4, 2.5), writes=[BOTH, write(3, 2.0, 2.1)]).views == 0


def test_two_views_torn_by_one_write_are_two_views_and_one_write():
    found = counted(product(2, 2.0, 2.1), home(7, 2.2, 2.3), home(7, 2.4, 2.5), home(8, 3.0, 3.1))
    assert found == Torn(views=2, writes=1, opportunities=1)


def test_one_response_of_two_ages_is_torn_in_itself():
    """A page that shows the product as written and the list as it was; the other way round, too."""
    mixed = [request(2.0, path="/p/", content_version=text) for text in ("p=2, home=7", "p=1, home=8", "p=2, home=8")]
    assert counted(*mixed[:1]) == Torn(views=1, writes=1, opportunities=1)
    assert counted(*mixed[1:2]).views == 1
    assert counted(*mixed[2:]).views == 0


def test_a_page_visit_can_be_torn_by_a_request():
    """The visit's interval begins with the order to go, before the product had been shown: no order, no torn view."""
    at = {"path": "/home/", "content_version": "home=7"}
    assert counted(product(2, 2.0, 2.1), visits=[visit(2.2, **at)]).views == 1
    assert counted(product(2, 2.0, 2.1), visits=[visit(2.2, started_s=2.05, **at)]).views == 0


def test_a_version_that_was_never_committed_shows_no_write():
    """Product 5 was never written: what else that response showed is not known."""
    assert counted(product(5, 2.0, 2.1), home(7, 2.2, 2.3)).views == 0


def test_two_pages_of_one_scope_can_be_torn():
    """One counter stands for both pages: each is an entry of its own."""
    old = request(2.2, path="/home/", content_version="p=1")
    assert counted(product(2, 2.0, 2.1), old, writes=[write(2, 1.0, 1.1, entries=("p", "home"))]).views == 1


def test_torn_views_are_unknown_where_none_could_be_seen():
    """Nobody opened the home page after the product: null with 0 opportunities, not 0."""
    seen = witness(reads_of(requests(product(2, 2.0, 2.1)), pages(), ENTRIES), commits_of(origin(BOTH)), None)
    got = figures([seen], max_staleness_s=None)
    assert (got["torn_views"], got["torn_writes"], got["torn_opportunities"]) == (None, None, 0)
