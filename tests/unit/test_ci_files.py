"""The files that run the gate in CI: they parse, refer to what there is, and read no text of a stranger as shell."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from rig.cli.main import cli
from rig.plan.target import parse_target
from rig.report.gate_markdown import MARK

yaml = pytest.importorskip("yaml", reason="PyYAML has no wheel for this Python yet")

ROOT = Path(__file__).parents[2]
ACTION, GATE_WORKFLOW, GITLAB = "action.yml", ".github/workflows/perf-gate.yml", "docs/ci/gitlab.yml"
WORKFLOWS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / ".github" / "workflows").glob("*.yml"))
CI_GATE = ROOT / "script" / "ci-gate"
# Whoever opens an issue or a pull request chooses these.
STRANGERS = re.compile(r"github\.(event|head_ref|base_ref|ref|actor)|inputs\.")


def _read(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def _steps(name: str) -> Iterator[dict[str, Any]]:
    document = _read(name)
    if "runs" in document:
        yield from document["runs"]["steps"]
    for job in document.get("jobs", {}).values():
        yield from job["steps"]


def _accepts(words: list[str]) -> click.Context:
    """Reads ``rig gate WORDS`` as the command line does, and runs nothing."""
    gate = cli.get_command(click.Context(cli), "gate")
    assert gate is not None
    return gate.make_context("gate", list(words))


@pytest.mark.parametrize("name", [ACTION, *WORKFLOWS])
def test_no_text_of_a_stranger_is_read_as_shell(name):
    """In ``run`` nothing is interpolated at all; it comes by ``env`` and is quoted there."""
    for step in _steps(name):
        found = re.findall(r"\$\{\{(.*?)\}\}", step.get("run", ""))
        assert not [expression for expression in found if STRANGERS.search(expression)], step
        for variable in step.get("env", {}):
            unquoted = re.sub(r'"[^"]*"', "", step.get("run", ""))
            assert f"${variable}" not in unquoted and f"${{{variable}}}" not in unquoted, step


def test_the_action_refers_to_inputs_and_steps_it_has():
    """And to every input it declares; shell steps of a composite action name their shell."""
    document, text = _read(ACTION), (ROOT / ACTION).read_text()
    assert set(re.findall(r"inputs\.([\w-]+)", text)) == set(document["inputs"])
    steps = {step["id"] for step in _steps(ACTION) if "id" in step}
    assert {step for step, _ in re.findall(r"steps\.([\w-]+)\.outputs\.([\w-]+)", text)} <= steps
    assert all("description" in one for one in (document["inputs"] | document["outputs"]).values())
    assert all(step.get("shell") == "bash" for step in _steps(ACTION) if "run" in step)


def test_the_workflow_gives_the_action_what_it_takes():
    """Both kinds: a pull request against its merge base, and on a schedule against the last release."""
    uses = [step for step in _steps(GATE_WORKFLOW) if step.get("uses") == "./"]
    inputs = _read(ACTION)["inputs"]
    assert [set(step["with"]) <= set(inputs) for step in uses] == [True, True]
    assert "baseline-ref" not in uses[0]["with"]
    assert uses[1]["with"]["baseline-ref"] == "${{ steps.release.outputs.tag }}"
    assert uses[1]["if"] == "steps.release.outputs.tag != ''"
    # YAML 1.1 reads the key `on` as true.
    assert {"pull_request", "schedule"} <= set(_read(GATE_WORKFLOW)[True])


def test_the_gated_code_finds_no_token():
    """It runs in the job: no pull_request_target, no credentials kept by the checkout, rights named one by one."""
    document = _read(GATE_WORKFLOW)
    assert "pull_request_target" not in document[True]
    assert document["permissions"] == {"contents": "read"}
    checkouts = [step for step in _steps(GATE_WORKFLOW) if "checkout" in step.get("uses", "")]
    assert len(checkouts) == 2
    assert all(step["with"] == {"fetch-depth": 0, "persist-credentials": False} for step in checkouts)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A branch of two commits beside ``origin/main``, and a rig that writes down how it was called."""

    def git(*words: str) -> None:
        who = ["-c", "user.name=x", "-c", "user.email=x@example.invalid"]
        subprocess.run(["git", *who, *words], cwd=tmp_path, check=True, capture_output=True)

    git("init", "--quiet")
    git("commit", "--allow-empty", "--message", "base")
    git("update-ref", "refs/remotes/origin/main", "HEAD")
    git("commit", "--allow-empty", "--message", "change")
    (tmp_path / "rig").write_text(
        "#!/bin/sh\n"
        'printf "%s\\n" "$@" >called\n'
        'if [ -n "$VERDICT" ]; then mkdir -p out/1-gate && printf \'{\\n  "verdict": "%s"\\n}\\n\' "$VERDICT" '
        ">out/1-gate/gate.json; fi\n"
        "exit $CODE\n"
    )
    (tmp_path / "rig").chmod(0o755)
    return tmp_path


def _ci_gate(folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    known = {"RIG": str(folder / "rig"), "OUT": "out", "CODE": "0", "VERDICT": "pass",
             "GITHUB_OUTPUT": str(folder / "github-output"), "PATH": os.environ["PATH"]}  # fmt: skip
    return subprocess.run([CI_GATE], cwd=folder, env=known | env, capture_output=True, text=True, timeout=60)


def _called(folder: Path) -> list[str]:
    return (folder / "called").read_text().splitlines()


@pytest.mark.parametrize(
    "env",
    [
        {"TARGET_BRANCH": "main"},
        {"BASELINE_REF": "v1.0", "STRATEGY": "lease", "CONFIG": "ci/rig.toml", "ADVISORY": "true", "CONTENT": "any"},
        {"BASELINE_REF": "v1.0", "INCONCLUSIVE": "fail"},
        {"BASELINE_REF": "--help; touch owned $(touch owned) `touch owned`", "STRATEGY": "--json"},
    ],
    ids=["pull request", "all", "fail", "hostile"],
)
def test_ci_calls_the_gate_with_words_its_parser_takes(repository, env):
    """What a variable holds stays the value of its option, whatever it looks like."""
    assert _ci_gate(repository, **env).returncode == 0
    verb, *words = _called(repository)
    assert verb == "gate"
    found = _accepts(words).params
    assert found["baseline_ref"] == env.get("BASELINE_REF", found["baseline_ref"])
    assert found["strategy"] == env.get("STRATEGY")
    assert found["content"] == env.get("CONTENT")
    assert found["advisory"] is (env.get("ADVISORY") == "true")
    assert found["inconclusive"] == env.get("INCONCLUSIVE")
    assert not (repository / "owned").exists()


def test_a_pull_request_is_compared_with_its_merge_base(repository):
    base = subprocess.run(["git", "rev-parse", "HEAD~1"], cwd=repository, capture_output=True, text=True).stdout.strip()
    _ci_gate(repository, TARGET_BRANCH="main")
    assert _called(repository)[1] == f"--baseline-ref={base}"


@pytest.mark.parametrize(
    ("code", "verdict", "env", "ends"),
    [
        (0, "pass", {}, 0),
        (1, "fail", {}, 1),
        (3, "invalid", {}, 3),
        (4, "inconclusive", {}, 0),
        (4, "inconclusive", {"NEUTRAL_EXIT": "4"}, 4),
        (3, "", {}, 3),
        (3, "", {"ADVISORY": "true"}, 0),
        (2, "", {"ADVISORY": "true"}, 0),
        (0, "fail", {"ADVISORY": "true"}, 0),
    ],
)
def test_how_the_job_ends(repository, code, verdict, env, ends):
    """Inconclusive is neutral; advisory never fails, also where nothing could be measured; the verdict is an output."""
    done = _ci_gate(repository, BASELINE_REF="v1.0", CODE=str(code), VERDICT=verdict, **env)
    assert done.returncode == ends, done.stderr
    output = repository / "github-output"
    told = output.read_text() if output.exists() else ""
    assert told == (f"verdict={verdict}\nrun-dir=out/1-gate\n" if verdict else "")
    if env.get("ADVISORY") and code:
        assert "::warning title=rig gate::" in done.stdout


def test_a_verdict_of_before_is_not_told_as_this_ones(repository):
    """The gate ended before it could judge; what lies in OUT is of an earlier one."""
    _ci_gate(repository, BASELINE_REF="v1.0", VERDICT="pass")
    (repository / "github-output").unlink()
    assert _ci_gate(repository, BASELINE_REF="v1.0", CODE="3", VERDICT="").returncode == 3
    assert not (repository / "github-output").exists()


@pytest.mark.parametrize("env", [{}, {"TARGET_BRANCH": "gone"}, {"BASELINE_REF": "v1", "INCONCLUSIVE": "maybe"}])
def test_a_job_that_does_not_know_what_to_do_says_so(repository, env):
    done = _ci_gate(repository, **env)
    assert done.returncode == 2
    assert done.stderr.startswith(("rig: ", "fatal: "))
    assert not (repository / "called").exists()


def test_gitlab_calls_the_same_script_and_keeps_its_files():
    """Inconclusive marks the job and lets the pipeline pass; every variable the script is given is one it reads."""
    document, script = _read(GITLAB), CI_GATE.read_text()
    calls = [line for job in document.values() for line in job.get("script", []) if "ci-gate" in line]
    assert len(calls) == 2
    for call in calls:
        *assigned, command = shlex.split(call.partition(" || ")[0])
        assert command.endswith("/script/ci-gate")
        assert all(f"{word.partition('=')[0]}" in script for word in assigned)
    hidden = document[".rig-gate"]
    assert hidden["allow_failure"] == {"exit_codes": [4]}
    assert hidden["artifacts"]["reports"]["junit"] == "rig-gate/*/junit.xml"
    assert hidden["variables"]["GIT_DEPTH"] == "0"


@pytest.mark.parametrize(
    ("fails", "code", "ends"), [("", 0, 0), ("git", 128, 1), ("make", 2, 1), ("ci-gate", 4, 4), ("ci-gate", 3, 3)]
)
@pytest.mark.parametrize("job", ["rig-gate", "rig-gate-release"])
@pytest.mark.parametrize("advisory", ["false", "true"])
def test_what_fails_a_job_of_gitlab(tmp_path, fails, code, ends, job, advisory):
    """The gate with its own exit code, so that inconclusive stays 4; in advisory mode nothing, not even the set-up."""
    for name, does in (
        ("git", 'if [ "$1" = describe ]; then echo v1; else cp -r "$TOOLS" "$RIG_HOME_DIR"; fi'),
        ("make", ""),
        ("script/ci-gate", ""),
    ):
        tool = tmp_path / "tools" / name
        tool.parent.mkdir(parents=True, exist_ok=True)
        fault = f"exit {code}" if name.endswith(fails or "none") else ""
        tool.write_text(f"#!/bin/sh\n{fault}\n{does}\n")
        tool.chmod(0o755)
    document = _read(GITLAB)
    lines = [*document[".rig-gate"]["before_script"], *(document[".rig-gate"] | document[job])["script"]]
    env = {"PATH": f"{tmp_path / 'tools'}:{os.environ['PATH']}", "TOOLS": str(tmp_path / "tools"),
           "RIG_HOME_DIR": str(tmp_path / "home"), "RIG_REPOSITORY": "x", "RIG_VERSION": "main", "RIG_STRATEGY": "",
           "RIG_CONFIG": "", "RIG_CONTENT": "", "RIG_INCONCLUSIVE": "neutral", "RIG_ADVISORY": advisory,
           "BASELINE_REF": "v1"}  # fmt: skip
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", "\n".join(lines)], env=env, timeout=60)
    assert done.returncode == (0 if advisory == "true" else ends)


@pytest.mark.parametrize("name", ["README.md", "docs/ci.md", "docs/gate.md"])
def test_every_gate_in_the_documents_is_a_command_line_that_works(name):
    """A line of a code block, or code within a sentence that has options."""
    text = (ROOT / name).read_text(encoding="utf-8")
    lines = re.findall(r"^(?:\S*/)?rig gate (-.*)$|`rig gate (-[^`]*)`", text, flags=re.MULTILINE)
    for words in (first or second for first, second in lines):
        _accepts(shlex.split(re.sub(r"\s#.*| \|\|.*|\s{2,}\S.*", "", words)))


def test_the_projects_described_in_the_documents_are_understood():
    """Each TOML block with a target is one rig reads."""
    text = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    blocks = [block for block in re.findall(r"```toml\n(.*?)```", text, flags=re.DOTALL) if "target" in block]
    found = [parse_target(block, source="docs/ci.md") for block in blocks]
    assert found and all(one is not None and one.paths for one in found)


@pytest.fixture
def commenting(tmp_path: Path) -> Callable[..., tuple[list[str], str]]:
    """``script/ci-comment`` with a gh that notes who is looked for and how it is called; both, and what is said."""
    gh, calls = tmp_path / "gh", tmp_path / "calls"
    gh.write_text(
        '#!/bin/sh\nprintf "%s %s\\n" "$COMMENT_AUTHOR" "$*" >>"$CALLS"\n'
        '[ "$2" = --paginate ] && echo "$EARLIER"\nexit $CODE\n'
    )
    gh.chmod(0o755)

    def comment(earlier: str, **env: str) -> tuple[list[str], str]:
        calls.unlink(missing_ok=True)
        known = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "COMMENT_FILE": str(tmp_path / "comment.md"),
                 "REPOSITORY": "o/r", "PULL_REQUEST": "7", "CALLS": str(calls), "CODE": "0"}  # fmt: skip
        done = subprocess.run([ROOT / "script" / "ci-comment"], env=known | {"EARLIER": earlier} | env, check=True,
                              capture_output=True, text=True, timeout=60)  # fmt: skip
        return calls.read_text().splitlines(), done.stdout

    return comment


def test_a_comment_is_replaced_only_if_its_author_wrote_it(commenting, tmp_path):
    """Anyone may write the mark into a comment of theirs; and where comments are refused the job goes on."""
    file = tmp_path / "comment.md"
    file.write_text("x")
    for earlier, method in (("", "POST repos/o/r/issues/7/comments"), ("12", "PATCH repos/o/r/issues/comments/12")):
        (asked, written), _ = commenting(earlier)
        assert asked.startswith("github-actions[bot] ") and ".user.login == env.COMMENT_AUTHOR" in asked
        assert method in written and f"body=@{file}" in written
    assert commenting("", COMMENT_AUTHOR="my-app[bot]")[0][0].startswith("my-app[bot] ")
    assert "pull-requests: write" in commenting("", CODE="1")[1]


def test_a_gate_that_measured_nothing_takes_back_an_earlier_verdict(commenting):
    """The mark stays, so that the next gate finds the comment; where there is none, none is made."""
    (_, written), _ = commenting("12")
    assert "PATCH repos/o/r/issues/comments/12" in written
    assert "measured nothing" in written and MARK in written
    asked, said = commenting("")
    assert len(asked) == 1 and "no verdict" in said
