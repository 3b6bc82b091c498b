"""What a response says about its cache, strategy by strategy, through the shop's whole middleware."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from django.core.cache import caches
from django.test import Client
from http_sf import parse

from rig.contrib.django import Status, Trace
from rig.contrib.django.trace import tracing
from rig.model import UsageError
from rig.plan.pick import pick_strategies
from target_app import flags
from target_app.shop import measured
from target_app.strategies import STRATEGIES
from tests.contract.strategy_bench import ALL, SLUG, _round_trips, _version, _write, wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("shop", "measuring")]
PATH, NAME = f"/p/{SLUG}/", f"product:{SLUG}"
PAGES = STRATEGIES["page-cache"]


@pytest.fixture
def measuring(monkeypatch):
    """The flag can be overridden for one request."""
    monkeypatch.setattr(flags, "MEASURING", True)


def _get(strategy, path=PATH):
    return Client().get(path, headers={"X-Cache-Strategy": strategy.name})


def _durations(response):
    parts = (part.split(";") for part in response["Server-Timing"].split(", "))
    return {name: float(facts[-1].removeprefix("dur=")) for name, *facts in parts if facts[-1].startswith("dur=")}


@ALL
def test_the_headers_tell_the_truth_on_a_miss_and_on_a_hit(strategy):
    """Status, version, age and times of the second response are its own, not those stored with the first."""
    first, second = _get(strategy), _get(strategy)
    hit = Status.HIT if strategy.caches else Status.BYPASS
    assert first["X-Cache"] == (Status.MISS if strategy.caches else Status.BYPASS)
    assert second["X-Cache"] == hit
    for response in (first, second):
        assert response["X-Cache-Strategy"] == strategy.name
        assert response["X-Content-Version"] == f"{NAME}={_version(NAME)}"
    assert first["Age"] == "0"
    assert _durations(first)["origin"] > 0
    assert (_durations(second)["origin"] > 0) != strategy.caches
    assert _durations(second)["cache"] <= _durations(second)["total"]
    assert (_durations(second)["cache"] > 0) == strategy.caches
    _, facts = parse(second["Cache-Status"].encode(), tltype="list")[0]
    assert facts["key"] == NAME
    assert facts.get("hit", False) == strategy.caches
    assert first.content == second.content


def test_a_page_from_the_page_cache_grows_older(monkeypatch):
    """Age counts from when the page was stored, for each response anew."""
    _get(PAGES)
    later = time.time() + 7
    monkeypatch.setattr(time, "time", lambda: later)
    response = _get(PAGES)
    assert (response["X-Cache"], response["Age"]) == (Status.HIT, "7")
    assert response["Cache-Control"] == "max-age=60"


def test_a_write_leaves_the_page_cache_as_it_is():
    """Its content and its version are old together, until the time to live is over."""
    before = _get(PAGES)
    _write(PAGES, 7777)
    after = _get(PAGES)
    assert after.content == before.content
    assert after["X-Content-Version"] == before["X-Content-Version"] == f"{NAME}={_version(NAME) - 1}"


def test_a_query_string_is_another_page():
    """`cache_page` keys by the whole address."""
    _get(PAGES)
    assert _get(PAGES, f"{PATH}?utm_source=mail")["X-Cache"] == Status.MISS


def test_a_page_that_does_not_exist_is_not_stored(server):
    """404 each time, from the database each time."""
    assert _get(PAGES, "/p/no-such-pot/").status_code == 404
    assert not caches["pages"].keys("*")


def test_pages_are_pickled_apart_from_values():
    """What the shop stores else never meets pickle."""
    _get(PAGES)
    assert len(caches["pages"].keys("*")) == 2
    assert not caches["default"].keys("*")
    measured.clear()
    assert not caches["pages"].keys("*")


@ALL
def test_what_is_seeded_is_what_visitors_find_and_settle_checks(strategy):
    """Seeding asks for pages by the address the order came to, and settling looks where visitors looked.

    It also tells what the database holds, cached or not, which resolves writes whose outcome nobody recorded.
    """
    request = Client().get("/", headers={"X-Cache-Strategy": strategy.name}).wsgi_request
    measured.clear()
    with tracing(Trace(strategy=strategy.name, request=request)):
        stored = measured.seed({NAME: 0.5})["stored"]
        found = measured.settle(sample=5, seed=1)
    assert stored == (1 if strategy.caches else 0)
    assert (found["checked"], found["mismatches"], found["bodies_checked"]) == (stored, [], stored)
    assert found["bodies_differ"] == []
    assert found["versions"][NAME] == _version(NAME)
    assert _get(strategy)["X-Cache"] == (Status.HIT if strategy.caches else Status.BYPASS)


def test_settle_sees_an_old_page_and_one_with_other_content(monkeypatch):
    """By its version, and by a digest of what it shows."""
    request = _get(PAGES).wsgi_request
    _write(PAGES, 7777)
    with tracing(Trace(strategy=PAGES.name, request=request)):
        found = measured.settle(sample=5, seed=1)
    version = _version(NAME)
    assert [(m["entry"], m["cached"], m["current"]) for m in found["mismatches"]] == [(NAME, version - 1, version)]
    assert 50 < found["mismatches"][0]["ttl_s"] <= 60
    assert found["bodies_differ"] == [NAME]


def test_a_page_hit_is_two_gets(server):
    """The headers it varies on, and the page."""
    _get(PAGES)
    assert _round_trips(server, lambda: _get(PAGES)) == PAGES.cost.read_hit == 2


def test_without_a_private_socket_it_is_refused_everywhere(settings):
    """Never a silent fall back to a shared server: not by the flag, not by the plan."""
    settings.CACHES = {"default": settings.CACHES["default"]}
    refused = _get(PAGES)
    assert refused.status_code == 409
    assert "RIG_PICKLE_REDIS_URL" in refused.json()["error"]
    offered = measured.strategies()
    with pytest.raises(UsageError, match="RIG_PICKLE_REDIS_URL"):
        pick_strategies("fixed-timeout,page-cache", "seed", offered, ["fixed-timeout"])
    assert pick_strategies("fixed-timeout", "seed", offered, ["fixed-timeout"]) == ["fixed-timeout"]


def test_pickle_is_refused_an_address_others_can_reach():
    """Who can write a pickle runs code in whoever reads it."""
    env = {"RIG_PICKLE_REDIS_URL": "redis://127.0.0.1:6379/0", "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", "import target_app.config.settings"], env=env, capture_output=True, text=True
    )
    assert done.returncode != 0
    assert "RIG_PICKLE_REDIS_URL is not a unix:// address" in done.stderr


def test_a_marked_page_says_stale():
    """An old value served on purpose is a hit past its time."""
    strategy = STRATEGIES["stale-while-revalidate"]
    _get(strategy)
    _write(strategy, 7777)
    stale = _get(strategy)
    assert (stale["X-Cache"], stale["X-Content-Version"]) == (Status.STALE, f"{NAME}={_version(NAME) - 1}")
    assert _durations(stale)["origin"] == 0
    wait_until(lambda: _get(strategy)["X-Content-Version"] == f"{NAME}={_version(NAME)}", "it was never refreshed")
