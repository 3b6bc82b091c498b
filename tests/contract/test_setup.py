"""What set-up promises: everything locked, no addresses, failures that show themselves."""

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ["requirements.lock", "script/bootstrap.lock", "package-lock.json"]


def _run(*command, cwd=ROOT, **environment):
    return subprocess.run(command, cwd=cwd, env=os.environ | environment, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("name", LOCKS)
def test_lock_files_name_packages_and_never_where_they_were_downloaded_from(name):
    text = (ROOT / name).read_text()
    assert not re.findall(r"https?://\S+\.(?:whl|tgz|tar\.gz)|--(?:extra-)?index-url|\"resolved\": \"http", text)


def test_every_dependency_is_locked_with_hashes():
    """A dependency added to pyproject.toml without `make lock` would be missing on other machines."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = (
        project["project"]["dependencies"]
        + project["project"]["optional-dependencies"]["libraries"]
        + project["dependency-groups"]["dev"]
        + project["build-system"]["requires"]
    )
    lock = (ROOT / "requirements.lock").read_text()
    pinned = dict(re.findall(r"^([a-z0-9-]+)(?:\[[a-z,]+\])?==[^\n]*\\\n    --hash=(sha256):", lock, re.MULTILINE))
    missing = {re.match(r"[A-Za-z0-9._-]+", entry).group().lower().replace(".", "-") for entry in wanted} - set(pinned)
    assert not missing, "run 'make lock'"


def test_a_python_that_will_not_do_is_refused_in_one_line():
    done = _run("script/setup", "tools", PYTHON="/nonexistent/python3")
    assert done.returncode == 1
    assert done.stderr == "setup: PYTHON=/nonexistent/python3 is not a Python 3.11 or later; name one that is\n"


def test_a_failing_step_shows_its_command_and_what_it_said(tmp_path):
    (tmp_path / ".rig").mkdir()
    script = f". {ROOT}/script/lib; step 'trying it' sh -c 'echo the reason; exit 7'; echo not reached"
    done = _run("sh", "-eu", "-c", script, cwd=tmp_path)
    assert done.returncode == 1
    assert "setup: trying it" in done.stderr
    assert "failed (exit 7): sh -c echo the reason; exit 7" in done.stderr
    assert done.stderr.endswith("the reason\n")
    assert "not reached" not in done.stdout


def test_a_stamp_holds_only_for_what_it_was_made_from(tmp_path):
    script = f". {ROOT}/script/lib; made_from stamp a || echo none; mark stamp a; made_from stamp a && echo same; "
    script += "made_from stamp b || echo other"
    assert _run("sh", "-eu", "-c", script, cwd=tmp_path).stdout.split() == ["none", "same", "other"]
