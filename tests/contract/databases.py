"""Fixtures: the databases that contract tests run on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.core.management import call_command
from django.db import connection, connections

from target_app.config import settings as shop_settings
from target_app.strategies import stale_while_revalidate
from tests.postgres import missing, postgres


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server for this session; skips where it is not installed, unless RIG_TEST_POSTGRES=required."""
    reason = missing()
    if reason and os.environ.get("RIG_TEST_POSTGRES") == "required":
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)
    with postgres() as url:
        yield url


@pytest.fixture(scope="session")
def postgres_settings(postgres_url, django_db_setup, django_db_blocker) -> dict[str, object]:
    """Django's settings for it, as ``DATABASE_URL`` would make them, tables in place."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_URL", postgres_url)
        made = shop_settings._database()
    wanted = {**connections.settings["default"], **made}
    with _connected_to(wanted), django_db_blocker.unblock():
        call_command("migrate", verbosity=0)
        connection.close()
    return wanted


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database(request, django_db_setup, django_db_blocker) -> Iterator[str]:
    """Ask for it to run a whole module on SQLite, then on PostgreSQL. Its value is Django's name of the vendor."""
    if request.param == "sqlite":
        yield "sqlite"
        return
    with _connected_to(request.getfixturevalue("postgres_settings")):
        assert connection.vendor == request.param
        yield request.param


@contextmanager
def _connected_to(wanted: dict[str, object]) -> Iterator[None]:
    """Inside, Django's default connection is made with these settings, in every thread."""
    settings_before = connections.settings["default"]
    # The connection itself is kept: what the suite began on it goes on afterwards.
    connection_before = connections["default"]
    connections.settings["default"] = wanted
    del connections["default"]
    _forget_threads()
    try:
        yield
    finally:
        connection.close()
        connection.close_pool()
        connections.settings["default"] = settings_before
        connections["default"] = connection_before
        _forget_threads()


def _forget_threads() -> None:
    """A thread keeps the connection it made first; those that wait for work would refresh from the other database."""
    stale_while_revalidate._pool.cache_clear()
