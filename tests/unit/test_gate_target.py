"""The table that says how a project is started: what it may hold, and how it is refused."""

from __future__ import annotations

import pytest

from rig.model import UsageError
from rig.plan.target import find_target, parse_target

SERVE = 'serve = "python -m shop --port {port}"\n'


def read(table: str):
    return parse_target(f"[target]\n{table}", source="rig.toml")


def test_serve_alone_is_enough():
    """One path, the root; no writes; answers must be the same."""
    found = read(SERVE)
    assert found.paths == {"/": 1.0}
    assert (found.write, found.content, found.ready, found.wants_cache) == (None, "same", "/", False)


def test_everything_that_can_be_said():
    """A list of paths has equal shares, a table its own; who names {cache} is given a cache server."""
    found = read(
        SERVE
        + 'setup = ["make db"]\nseed = ["cp a {data}/b"]\nready = "/up"\nrate = 40\ncontent = "any"\n'
        + 'paths = { "/a/" = 3, "/b/" = 1 }\npages = ["/a/"]\nenv = { CACHE = "{cache}" }\n'
        + 'write = { path = "/w/", form = "a={1-9}" }\nstrategy = "lease"\n'
    )
    assert found.paths == {"/a/": 0.75, "/b/": 0.25}
    assert found.wants_cache
    assert (found.write.path, found.write.form) == ("/w/", "a={1-9}")
    assert (found.setup, found.seed, found.rate_rps, found.strategy) == (("make db",), ("cp a {data}/b",), 40, "lease")
    assert read(SERVE + 'paths = ["/a", "/b"]').paths == {"/a": 0.5, "/b": 0.5}


def test_a_file_without_the_table_says_nothing():
    """pyproject.toml has other uses."""
    assert parse_target("[project]\nname = 'x'\n", source="pyproject.toml") is None
    assert parse_target(f"[tool.rig.target]\n{SERVE}", source="pyproject.toml") is not None


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('serve = "python -m shop"', "{port}"),
        (SERVE + "speed = 3", "no setting 'speed'"),
        (SERVE + 'paths = ["a"]', "'a' is not a path"),
        (SERVE + "paths = []", "at least one path"),
        (SERVE + 'paths = { "/a" = 0 }', "share above 0"),
        (SERVE + 'paths = { "/a" = inf }', "share above 0"),
        (SERVE + "paths = 5", "in brackets"),
        (SERVE + 'paths = [["/"]]', "in brackets"),
        (SERVE + 'setup = "make"', "in brackets"),
        (SERVE + "rate = 0", "above 0"),
        (SERVE + "rate = inf", "above 0"),
        (SERVE + 'content = "alike"', "same, similar, any"),
        (SERVE + 'write = { path = "/w" }', "target.write"),
        (SERVE + "env = { A = 1 }", "in quotes"),
        (SERVE + 'env = ["A=1"]', "target.env = ['A=1']: is a table"),
        ("serve =", "is not TOML"),
    ],
)
def test_what_cannot_be_meant_is_refused(table, said):
    """Named with file, setting and remedy."""
    with pytest.raises(UsageError, match=r"rig\.toml") as caught:
        read(table)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"), [("target = 5", "target = 5: is a table"), ('[tool]\nrig = "x"', "tool.rig = 'x': is a table")]
)
def test_a_target_that_is_no_table_is_refused(text, said):
    with pytest.raises(UsageError, match=rf"rig\.toml: {said}"):
        parse_target(text, source="rig.toml")


def test_rig_toml_comes_before_pyproject(tmp_path):
    """And where neither has the table, the error says what to do."""
    with pytest.raises(UsageError, match="--baseline-url"):
        find_target(tmp_path)
    (tmp_path / "pyproject.toml").write_text('[tool.rig.target]\nserve = "a {port}"\n')
    assert find_target(tmp_path).serve == "a {port}"
    (tmp_path / "rig.toml").write_text('[target]\nserve = "b {port}"\n')
    assert find_target(tmp_path).serve == "b {port}"
