"""What is asked for becomes a plan, or a refusal that says what can be asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from rig.gate.live.plan import GateOptions, plan_gate
from rig.model import UsageError

TOML = """
[target]
serve = "serve --port {port}"
paths = { "/a/" = 3, "/b/" = 1 }
rate = 80
write = { path = "/a/", form = "x={1-9}" }
strategy = "lock"
env = { CACHE = "{cache}" }

[gate]
max_regression = "20%"
"""
A, B = "http://127.0.0.1:8001/shop/", "http://127.0.0.1:8002/shop/"


def plan(folder: Path, **options):
    return plan_gate(GateOptions(**options), folder, lambda text: None)


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.delenv("RIG_REDIS_URL", raising=False)
    (tmp_path / "rig.toml").write_text(TOML)
    return tmp_path


def test_a_build_against_itself_takes_all_from_the_table(project):
    """Paths, rate, write, strategy and margins; one page is visited, the first path."""
    found = plan(project)
    assert found.traffic.paths == {"/a/": 0.75, "/b/": 0.25}
    assert (found.traffic.rate_rps, found.traffic.strategy, found.pages) == (80, "lock", ("/a/",))
    assert found.traffic.write is not None and found.relaunched
    assert found.settings.max_regression == "20%"
    assert found.baseline.revision == found.candidate.revision


def test_what_the_user_says_goes_first(project):
    """Strategy, rate, paths; pages follow the paths."""
    found = plan(project, strategy="lease", rate_rps=10.0, paths=("/c/",))
    assert (found.traffic.strategy, found.traffic.rate_rps, found.pages) == ("lease", 10.0, ("/c/",))
    assert plan(project, visits=False).pages == ()


def test_what_the_table_leaves_open_is_said(project):
    """The write comes behind the blocks; a database both write to; without a write or a cache server, that."""
    behind, shared = plan(project).left_open
    assert "stampede peak" in behind and "names {data}" in shared
    text = TOML.replace("write = {", "#").replace("{cache}", "{data}")
    (project / "rig.toml").write_text(text)
    unwritten, uncached = plan(project).left_open
    assert unwritten.startswith("Nothing is written") and "names {cache}" in uncached


def test_how_far_answers_must_agree(project):
    """As the table says, unless the user does; between URLs there is no table."""
    assert plan(project).traffic.content == "same"
    assert plan(project, content="any").traffic.content == "any"
    (project / "rig.toml").write_text(TOML.replace("rate = 80", 'content = "similar"'))
    assert plan(project).traffic.content == "similar"
    for content in (None, "similar"):
        found = plan(project, baseline_url=A, candidate_url=B, content=content)
        assert found.traffic.content == (content or "same")


def test_two_urls_are_asked_for_their_own_path(tmp_path):
    """Nothing is started anew and nothing written, and the plan says what that leaves open."""
    found = plan(tmp_path, baseline_url=A, candidate_url=B)
    assert found.traffic.paths == {"/shop/": 1.0} and found.traffic.write is None and not found.relaunched
    assert "6% at p95" in found.left_open[0] and "Nothing is written" in found.left_open[1]


def test_a_profile_says_what_two_urls_are_asked_for(tmp_path):
    """Its reads in their shares, and the page it visits most."""
    found = plan(tmp_path, baseline_url=A, candidate_url=B, profile="hot-key")
    assert found.traffic.paths["/p/moon-jar/"] == 0.92 and found.pages == ("/p/moon-jar/",)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"baseline_url": A}, "name both"),
        ({"baseline_url": A, "candidate_url": A}, "differs from itself by luck"),
        ({"baseline_url": A, "candidate_url": B + "x/"}, "--path"),
        ({"baseline_url": A, "candidate_url": "http://192.0.2.1/shop/"}, "--allow-host 192.0.2.1"),
        ({"paths": ("/",), "profile": "hot-key"}, "one of them"),
        ({"paths": ("x",)}, "is not a path"),
        ({"rate_rps": float("inf")}, "--rate"),
        ({"config": Path("gone.toml")}, "gone.toml"),
    ],
)
def test_what_cannot_be_gated_is_refused(project, options, says):
    """Before anything is started; the message has the remedy."""
    with pytest.raises(UsageError, match="(?s).*" + says.replace("--", "[-][-]")):
        plan(project, **options)


def test_without_a_table_builds_cannot_be_started(tmp_path):
    """The message says where it would stand."""
    with pytest.raises(UsageError, match=r"rig\.toml"):
        plan(tmp_path)


def test_a_shared_cache_server_is_refused(project, monkeypatch):
    """What one arm stores the other would hit."""
    monkeypatch.setenv("RIG_REDIS_URL", "redis://127.0.0.1:6379/0")
    with pytest.raises(UsageError, match="share that cache server"):
        plan(project)
