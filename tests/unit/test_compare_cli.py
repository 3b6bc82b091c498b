"""``rig compare`` and ``rig dashboard`` as commands: what they print where, and what they refuse."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rig.cli.compare import compare
from rig.cli.dashboard import dashboard
from rig.journal import Run
from rig.model import ExitCode, InfrastructureError, UsageError
from tests.synthetic import build


@pytest.fixture(scope="module")
def pair(tmp_path_factory) -> tuple[Run, Run]:
    """Two runs that differ in the number of processors."""
    folder = tmp_path_factory.mktemp("pair")
    a = build(folder, ("fixed-timeout",), rounds=1)
    b = build(folder, ("fixed-timeout",), rounds=1, manifest={"environment": {"cpus": 64}})
    return a, b


def run(command, *arguments: object) -> Result:
    return CliRunner().invoke(command, [str(one) for one in arguments], standalone_mode=False)


@pytest.mark.parametrize(
    ("form", "told"), [("terminal", ""), ("markdown", "number of processors"), ("html", "number of processors")]
)
def test_a_refusal_is_exit_3_and_a_page_where_pages_are_made(pair, form, told):
    """A merge request is told, too; the terminal has it in one line on stderr."""
    done = run(compare, pair[0].path, pair[1].path, "--format", form)
    assert done.return_value == ExitCode.INVALID
    assert told in done.stdout
    assert bool(done.stdout) == bool(told)
    assert ("rig run" in done.stdout) == bool(told)
    assert "cannot be compared: number of processors: 2 in A, 64 in B" in done.stderr


def test_what_was_changed_on_purpose_is_named_and_compared(pair):
    more = ("cpus", "python", "pinned")
    allowed = [argument for fact in more for argument in ("--allow-different", fact)]
    done = run(compare, pair[0].path, pair[1].path, *allowed)
    assert done.return_value == ExitCode.OK
    assert "undecided" in done.stdout
    assert "number of processors differs" in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("name", "content"),
    [("requests.parquet", b"PAR1 cut off"), ("trial.json", b"{"), ("trial.json", b"[]"), ("trial.json", b"{}")],
)
def test_damaged_samples_are_named_not_a_traceback(tmp_path, pair, name, content):
    broken = build(tmp_path, ("fixed-timeout",), rounds=1)
    (broken.path / "trials" / "1-fixed-timeout" / name).write_bytes(content)
    error = run(compare, pair[0].path, broken.path).exception
    assert isinstance(error, InfrastructureError)
    assert str(broken.path) in str(error)


def test_the_dashboard_is_shown_to_others_only_by_name(tmp_path):
    for host in ("0.0.0.0", "192.0.2.7"):
        error = run(dashboard, tmp_path, "--host", host, "--port", "0").exception
        assert isinstance(error, UsageError)
        assert f"--allow-host {host}" in str(error)


def test_the_dashboard_wants_the_folder_of_runs(tmp_path, pair):
    for path in (tmp_path / "nowhere", pair[0].path, Path("pyproject.toml")):
        error = run(dashboard, path, "--port", "0").exception
        assert isinstance(error, UsageError)
        assert "rig" in str(error)
