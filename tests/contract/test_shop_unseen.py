"""A write behind the shop's back, on whatever database DATABASE_URL names."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from django.core.exceptions import BadRequest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from rig.contrib.django import Trace, runtime
from rig.contrib.django.events import EventLog
from rig.contrib.django.trace import tracing
from rig.measure.origin_events import OriginEvents
from target_app.shop import catalogue, measured
from target_app.shop.models import Product, ScopeVersion
from target_app.shop.unseen import unseen_write
from target_app.strategies import STRATEGIES

pytestmark = pytest.mark.django_db(transaction=True)
DEPENDENTS = ["product:moon-jar", "category:vases", "home"]


@pytest.fixture(autouse=True)
def _shop():
    catalogue.prepare(orders=50)


def _price(slug="moon-jar"):
    return Product.objects.get(slug=slug).price_cents


def test_the_row_and_the_versions_of_all_dependents_change_together():
    """The new versions are in the answer, and in the database."""
    before = _price()
    answer = unseen_write({"kind": "unseen-write", "entry": "product:moon-jar", "seed": 7})
    assert answer["entry"] == "product:moon-jar"
    assert answer["entries"] == DEPENDENTS
    assert answer["versions"] == dict.fromkeys(sorted(DEPENDENTS), 2)
    assert before < _price() <= before + 1000
    raised = ScopeVersion.objects.filter(version=2).values_list("scope", flat=True)
    assert set(raised) == set(DEPENDENTS)


def test_the_seed_decides_what_is_written():
    """Two runs with one seed meet the same rows."""
    rises = []
    for slug, seed in (("moon-jar", 7), ("bud-vase", 7), ("tea-bowl", 8), ("tea-bowl", 9)):
        before = _price(slug)
        unseen_write({"entry": f"product:{slug}", "seed": seed})
        rises.append(_price(slug) - before)
    assert rises[0] == rises[1]
    assert len(set(rises)) == 3


def test_it_is_an_ordinary_write_in_the_events_but_nothing_is_invalidated(tmp_path, monkeypatch):
    """A commit interval, the versions and the dependents: what judging staleness needs."""
    monkeypatch.setattr(runtime, "EVENTS", EventLog(tmp_path))
    monkeypatch.setattr(STRATEGIES["delete-on-write"], "invalidate", lambda _: pytest.fail("was told"), raising=False)
    with tracing(Trace(strategy="delete-on-write")):
        unseen_write({"entry": "product:moon-jar", "seed": 7})
    (row,) = OriginEvents(tmp_path).collect(0)
    assert (row["event"], row["outcome"], row["strategy"]) == ("write", "committed", "delete-on-write")
    assert row["entries"] == DEPENDENTS
    assert row["versions"] == "category:vases=2, home=2, product:moon-jar=2"
    assert row["begin_ns"] <= row["commit_begin_ns"] <= row["commit_end_ns"] <= row["end_ns"]


def test_versions_are_locked_in_one_order_before_they_rise():
    """As every writer of the shop does; where rows can be locked, the statement says so."""
    with CaptureQueriesContext(connection) as queries:
        unseen_write({"entry": "product:moon-jar", "seed": 7})
    said = [query["sql"] for query in queries]
    locking = next(number for number, sql in enumerate(said) if "ORDER BY scope" in sql)
    rising = next(number for number, sql in enumerate(said) if "SET version = version + 1" in sql)
    assert locking < rising
    assert ("FOR UPDATE" in said[locking]) == connection.features.has_select_for_update


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"seed": 7}, "entry is None; name a piece"),
        ({"entry": 7, "seed": 7}, "entry is 7"),
        ({"entry": "home", "seed": 7}, "entry is 'home'"),
        ({"entry": "category:vases", "seed": 7}, "entry is 'category:vases'"),
        ({"entry": "product:", "seed": 7}, "no piece ''"),
        ({"entry": "product:no-such", "seed": 7}, "no piece 'no-such'"),
        ({"entry": "product:moon-jar"}, "seed is None; give a whole number"),
        ({"entry": "product:moon-jar", "seed": "7"}, "seed is '7'"),
        ({"entry": "product:moon-jar", "seed": True}, "seed is True"),
    ],
)
def test_what_names_no_piece_or_no_seed_is_refused(parameters, said):
    """And changes nothing."""
    with pytest.raises(BadRequest, match=said):
        unseen_write(parameters)
    assert set(ScopeVersion.objects.values_list("version", flat=True)) == {1}


@pytest.mark.parametrize("strategy", ["cacheops", "cachalot", "page-cache"])
def test_where_keys_do_not_name_entries_all_is_forgotten(monkeypatch, strategy):
    """A library's notes about an entry may bear its name: to remove those alone would leave the value, and for ever."""
    cleared = []
    monkeypatch.setattr(measured, "active_strategy", lambda: STRATEGIES[strategy])
    monkeypatch.setattr(measured, "clear", lambda: cleared.append(strategy))
    monkeypatch.setattr(measured, "cache", SimpleNamespace(delete_pattern=lambda pattern: 1))
    measured.forget({"entry": "product:moon-jar"})
    assert cleared == [strategy]
