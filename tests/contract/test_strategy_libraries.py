"""Strategies written with libraries: each holds its contract in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from rig.measure.services.cache_server import cache_server
from target_app.strategies import LIBRARIES, STRATEGIES, library

HERE = Path(__file__).parent
NAMES = [strategy.name for strategy in LIBRARIES]


@pytest.mark.parametrize("name", NAMES)
def test_it_holds_the_contract_in_a_process_of_its_own(name, tmp_path, monkeypatch):
    """``library_contract.py``, with only this library installed among Django's apps."""
    monkeypatch.delenv("RIG_REDIS_URL", raising=False)
    with cache_server(tmp_path, None) as cache:
        own = {"CACHE_STRATEGY": name, "RIG_REDIS_URL": cache.url, "RIG_PICKLE_REDIS_URL": cache.url}
        own |= {"RIG_MEASURE": "1", "RIG_TOKEN": "token", "RIG_EVENT_DIR": str(tmp_path / "events")}
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "-p", "no:cacheprovider"]
        done = subprocess.run(
            [*command, str(HERE / "library_contract.py")],
            cwd=HERE.parents[1],
            env={key: value for key, value in os.environ.items() if not key.startswith("PYTEST")} | own,
            capture_output=True,
            text=True,
            timeout=300,
        )
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout[-6000:]}{done.stderr[-2000:]}"
    assert "Traceback" not in done.stderr  # Of a worker that outlives its test, say.
    assert int(re.search(r"(\d+) passed", done.stdout).group(1)) >= 13


def test_a_missing_library_is_listed_with_the_remedy(monkeypatch):
    """Known names stay known where the extra is not installed."""
    monkeypatch.setattr(library, "find_spec", lambda module: None)
    assert STRATEGIES["dogpile"].unavailable == "dogpile.cache is missing; install rig[libraries]"
    assert "install rig[libraries]" in STRATEGIES["cacheops"].unavailable
    assert STRATEGIES["delete-many"].unavailable is None


@pytest.mark.parametrize("name", ["herd-client", "cachalot"])
def test_pickles_need_a_private_socket(name, settings):
    """Without one there is no alias to store them in, and the strategy says so; with one it works."""
    strategy, own = STRATEGIES[name], STRATEGIES[name].alias
    settings.CACHES = {"default": settings.CACHES["default"]}
    assert "RIG_PICKLE_REDIS_URL" in strategy.unavailable
    settings.CACHES = {**settings.CACHES, own: settings.CACHES["default"]}
    assert strategy.unavailable is None
