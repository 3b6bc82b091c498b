"""The baseline's files: another revision beside the candidate's, and an environment of its own where it needs one."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import psutil
import pytest

from rig.measure.gate.trees import baseline_tree, candidate_tree, project_root, set_up
from rig.model import InfrastructureError, UsageError
from rig.plan.target import TargetConfig

TARGET = TargetConfig(source="rig.toml", serve="serve {port}")


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True)


@pytest.fixture
def project(tmp_path):
    """Two commits that differ in one page and in the lock, and a change that is not committed."""
    git(tmp_path, "init", "-q", "-b", "main")
    for number in ("1", "2"):
        (tmp_path / "page").write_text(number)
        (tmp_path / "uv.lock").write_text("a" if number == "1" else "b")
        git(tmp_path, "add", "page", "uv.lock")
        git(tmp_path, "commit", "-qm", number)
    (tmp_path / "page").write_text("3")
    return tmp_path


def test_both_revisions_lie_side_by_side(project):
    """The candidate is what lies there, uncommitted; the baseline's tree is used again, and git never shows it."""
    candidate = candidate_tree(project_root(project))
    baseline = baseline_tree(project, "main", TARGET, candidate, lambda text: None)
    assert (candidate.path / "page").read_text() == "3" and candidate.revision.endswith("-dirty")
    assert (baseline.path / "page").read_text() == "2"
    assert baseline.programs == candidate.programs
    said: list[str] = []
    assert baseline_tree(project, "main", TARGET, candidate, said.append) == baseline and not said
    status = subprocess.run(["git", "-C", project, "status", "--short"], capture_output=True, text=True).stdout
    assert status == " M page\n"


def test_modules_under_src_are_the_trees_own(project, monkeypatch):
    """An environment both arms use may have installed them from the candidate's files."""
    monkeypatch.delenv("PYTHONPATH", raising=False)
    tree = candidate_tree(project)
    assert tree.env()["PYTHONPATH"] == str(project)
    (project / "src").mkdir()
    assert tree.env()["PYTHONPATH"].split(os.pathsep) == [str(project / "src"), str(project)]


def test_a_project_without_an_environment_runs_in_the_callers(project, monkeypatch):
    """Not in rig's own, which holds another Django than the project's."""
    monkeypatch.setenv("PATH", "/here:/there")
    assert candidate_tree(project).env()["PATH"] == "/here:/there"
    (project / ".venv" / "bin").mkdir(parents=True)
    (project / ".venv" / "bin" / "python").touch()
    assert candidate_tree(project).env()["PATH"] == f"{project}/.venv/bin:/here:/there"


def test_another_lock_asks_for_another_environment(project):
    """Without a word how to install it, the gate would compare libraries it doesn't have."""
    candidate = candidate_tree(project)
    with pytest.raises(UsageError, match=r"target\.install"):
        baseline_tree(project, "main~1", TARGET, candidate, lambda text: None)
    making = "mkdir -p .venv/bin && touch .venv/bin/python"
    target = TargetConfig(source="rig.toml", serve="serve {port}", install=(making,))
    baseline = baseline_tree(project, "main~1", target, candidate, lambda text: None)
    assert baseline.programs == baseline.path / ".venv" / "bin"


def test_what_cannot_be_built_is_said(project, tmp_path):
    """An unknown revision is the caller's fault; a setup that fails is quoted."""
    candidate = candidate_tree(project)
    with pytest.raises(UsageError, match="no such revision"):
        baseline_tree(project, "v9", TARGET, candidate, lambda text: None)
    failing = TargetConfig(source="rig.toml", serve="serve {port}", setup=("echo the disk is full; exit 3",))
    with pytest.raises(InfrastructureError, match="the disk is full"):
        set_up(candidate, failing, {}, tmp_path / "setup.log", lambda text: None)


def test_a_setup_command_knows_its_tree_and_leaves_nothing_behind(project, tmp_path):
    """Run in the tree, whose path is filled in; what it put into the background ends with it."""
    candidate = candidate_tree(project)
    commands = ('test "$(pwd)" = "{tree}"', "sleep 600 & echo $! > {tree}/pid")
    target = TargetConfig(source="rig.toml", serve="serve {port}", setup=commands)
    set_up(candidate, target, {}, tmp_path / "setup.log", lambda text: None)
    pid = int((project / "pid").read_text())
    left = [process for process in psutil.process_iter(["status"]) if process.pid == pid]
    assert all(process.info["status"] == psutil.STATUS_ZOMBIE for process in left)
