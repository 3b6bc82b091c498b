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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first: two processes share the suite file by file, and these decide when all are done."""
    items.sort(key=lambda item: item.get_closest_marker("e2e") is None)
