"""The cache server that rig starts can be killed and comes back empty on the same socket."""

from __future__ import annotations

import psutil
import pytest
import redis

from rig.measure.services.cache_server import CacheServer, cache_server, counters
from rig.model import InfrastructureError, UsageError


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
        before = counters(own.url).commands
        own.flush()
        assert own.own_commands == 1
        assert counters(own.url).commands - before - own.own_commands == 1, "the second asking is the other one"
        assert client.dbsize() == 0


def test_what_is_sent_together_is_one_round_trip(own):
    """Ten commands in a pipeline cost ten commands of the server, and one wait of who sent them."""
    client = redis.Redis.from_url(own.url, protocol=2, driver_info=None)
    client.set("key", "x" * 50_000)
    before = counters(own.url)
    for _ in range(5):
        client.get("key")
    with client.pipeline(transaction=False) as together:
        for number in range(10):
            together.set(f"key{number}", "value")
        together.execute()
    after = counters(own.url)
    assert after.commands - before.commands - 1 == 15, "the first asking is counted by the second"
    assert after.round_trips - before.round_trips - 1 == 6
    assert after.keys == 11
    assert after.memory_bytes > 50_000


def test_a_server_the_user_brought_is_not_killed(own):
    theirs = CacheServer(own.url)
    with pytest.raises(InfrastructureError, match="not rig's own"):
        theirs.kill()
    assert redis.Redis.from_url(own.url).ping()


@pytest.mark.parametrize(
    ("url", "error"),
    [("redis://:secret@127.0.0.1:1/0", InfrastructureError), ("localhost:6379/secret@x", UsageError)],
)
def test_a_password_is_in_no_error(url, error):
    """It would be kept in the run directory, and shown by the dashboard. What is no address is the caller's mistake."""
    with pytest.raises(error) as caught:
        CacheServer(url)
    assert "secret" not in str(caught.value)
