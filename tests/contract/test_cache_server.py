"""The cache server that rig starts can be killed and comes back empty on the same socket."""

from __future__ import annotations

import psutil
import pytest
import redis

from rig.measure.services.cache_server import CacheServer, cache_server, commands_processed
from rig.model import InfrastructureError


@pytest.fixture
def own(monkeypatch, tmp_path):
    monkeypatch.delenv("RIG_REDIS_URL", raising=False)
    with cache_server(tmp_path, None) as running:
        yield running


def test_a_killed_server_refuses_and_a_restarted_one_is_empty(own):
    """SIGKILL loses the keys: that is the point."""
    client = redis.Redis.from_url(own.url)
    client.set("key", "value")
    own.kill()
    with pytest.raises(redis.exceptions.ConnectionError):
        redis.Redis.from_url(own.url).ping()
    own.restart()
    # The same client, over the socket of the same name.
    assert client.get("key") is None
    assert own.starts == 2


def test_restarting_one_that_runs_changes_nothing(own):
    before = {process.pid for process in own.service.tree()}
    own.restart()
    assert {process.pid for process in own.service.tree()} == before
    assert own.starts == 1


def test_the_restarted_server_ends_with_the_block(monkeypatch, tmp_path):
    monkeypatch.delenv("RIG_REDIS_URL", raising=False)
    with cache_server(tmp_path, None) as running:
        running.kill()
        running.restart()
        processes = running.service.tree()
        assert processes
    assert not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in processes)


def test_flush_removes_all_keys_and_counts_as_rigs_own_command(own):
    """Figures of commands are the target's."""
    with redis.Redis.from_url(own.url) as client:
        client.set("key", "value")
        before = commands_processed(own.url)
        own.flush()
        assert own.own_commands == 1
        assert commands_processed(own.url) - before - own.own_commands == 1, "the second asking is the other one"
        assert client.dbsize() == 0


def test_a_server_the_user_brought_is_not_killed(own):
    theirs = CacheServer(own.url)
    with pytest.raises(InfrastructureError, match="not rig's own"):
        theirs.kill()
    assert redis.Redis.from_url(own.url).ping()
