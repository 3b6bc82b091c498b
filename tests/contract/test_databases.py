"""The two databases on which contract tests run."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from rig.contrib.django import snapshot, write
from target_app.shop.models import ScopeVersion

pytestmark = pytest.mark.django_db(transaction=True)


def test_every_thread_is_connected_to_the_database_a_module_asked_for(database):
    """SQLite would pass for PostgreSQL otherwise, and nobody would see."""

    def vendor():
        try:
            connection.ensure_connection()
            return connection.vendor
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        assert vendor() == pool.submit(vendor).result(10) == database


# SQLite's test database lives in memory, where a reader locks writers out.
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_snapshot_does_not_see_what_is_committed_meanwhile(database):
    """Content and version belong together, however long a recompute takes: REPEATABLE READ."""
    ScopeVersion.objects.create(scope="home", version=1)

    def raise_version():
        try:
            with write():
                ScopeVersion.objects.filter(scope="home").update(version=2)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool, snapshot():
        before = ScopeVersion.objects.get(scope="home").version
        pool.submit(raise_version).result(10)
        assert (before, ScopeVersion.objects.get(scope="home").version) == (1, 1)
    assert ScopeVersion.objects.get(scope="home").version == 2
