"""Comes before every other import of the suite."""

import os

# `import locust` patches the standard library, which would turn sockets and threads of all later tests into gevent's.
os.environ.setdefault("LOCUST_SKIP_MONKEY_PATCH", "1")

import pytest


@pytest.fixture(scope="session")
def browser_path() -> str:
    """The browser rig itself would use."""
    from rig.measure.services.browser import find_browser

    return str(find_browser().path)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """SQLite in a file, as the shop has it: in memory, all connections share table locks, and no reader gets past a
    writer."""
    from django.conf import settings

    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        database.setdefault("TEST", {})["NAME"] = str(tmp_path_factory.mktemp("database") / "shop.sqlite3")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first: two processes share the suite file by file, and these decide when all are done."""
    items.sort(key=lambda item: item.get_closest_marker("e2e") is None)
