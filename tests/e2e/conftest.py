"""A server that misbehaves, one browser for the tests of a file that leave it whole, and a mark on what is started."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from rig.measure.pages.client import BrowserClient
from tests.misbehaving import Site


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.close()


@pytest.fixture
def other_site() -> Iterator[Site]:
    """Another origin."""
    site = Site()
    yield site
    site.close()


@pytest.fixture(scope="module")
def shared(browser_path: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserClient]:
    """One client for all tests that leave it whole."""
    with BrowserClient(browser_path, pages=2, log_path=tmp_path_factory.mktemp("log") / "browser.log") as client:
        yield client
    assert client.restarts == 0


@pytest.fixture
def mark(monkeypatch: pytest.MonkeyPatch) -> str:
    """A mark in the environment of all that is started: also what left its process group and parent is found."""
    mark = uuid.uuid4().hex
    monkeypatch.setenv("RIG_TEST_MARK", mark)
    return mark
