"""Writers that share dependents, on the database server DATABASE_URL names: locks are taken in one order.

SQLite's writers exclude each other; test_disturbances.py posts to it from several processes.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from rig.contrib.django import Trace
from rig.contrib.django.trace import tracing
from target_app.shop import catalogue, writes
from target_app.shop.models import ScopeVersion
from target_app.shop.unseen import unseen_write

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has no row locks; set DATABASE_URL"),
]
ROUNDS = 15


def _prices(number):
    writes.change_product("moon-jar", price_cents=15000 + number, stock=3)


def _words(number):
    writes.describe_category("vases", f"Words, version {number}.")


def _notices(number):
    writes.post_notice(f"Notice {number}.")


def _unseen(number):
    unseen_write({"entry": "product:bud-vase", "seed": number})


def test_no_writer_waits_for_one_that_waits_for_it():
    """Four writers at once, all of which raise the page of a vase or its category: no deadlock, no lost version."""
    catalogue.prepare(orders=50)

    def repeat(act):
        try:
            with tracing(Trace(strategy="fixed-timeout")):
                for number in range(ROUNDS):
                    act(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(repeat, act) for act in (_prices, _words, _notices, _unseen)]:
            done.result(60)
    versions = dict(ScopeVersion.objects.values_list("scope", "version"))
    assert versions["category:vases"] == 1 + 4 * ROUNDS
    assert versions["product:moon-jar"] == versions["product:bud-vase"] == 1 + 3 * ROUNDS
    assert versions["home"] == 1 + 3 * ROUNDS
    assert versions["product:tea-bowl"] == 1 + ROUNDS
