"""Where a gate's outcome goes: files, the terminal, and GitHub Actions where it runs there."""

from __future__ import annotations

import functools
import json
import os
import secrets
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from rig.cli.options import print_json
from rig.model import InfrastructureError, UsageError

F = TypeVar("F", bound=Callable[..., Any])

SCHEMA = "rig.gate/1"
GATE_FILE = "gate.json"
_TOLD = {
    "junit": "Where JUnit XML goes; otherwise junit.xml in the run directory.",
    "markdown": "Where the pull-request comment goes; otherwise comment.md there.",
    "html": "Where the report goes; otherwise report.html there.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """Files the user named; None: the run directory's."""

    junit: Path | None = None
    markdown: Path | None = None
    html: Path | None = None

    @property
    def named(self) -> dict[str, Path]:
        """Reporter -> file, of those the user named."""
        files = {"junit": self.junit, "markdown": self.markdown, "html": self.html}
        return {name: path for name, path in files.items() if path is not None}

    def told(self, outcome: Mapping[str, Any]) -> Mapping[str, Any]:
        """The outcome, and where its page is if not in the run directory."""
        return {**outcome, "report": str(self.html)} if self.html else outcome

    def require_writable(self) -> None:
        """Before anything is measured: afterwards minutes would be lost.

        Raises:
            UsageError: a file can't be written there.
        """
        for name, path in self.named.items():
            if path.is_dir():
                raise UsageError(f"--{name} {path}: is a folder; name a file in it")
            if not path.parent.is_dir():
                raise UsageError(f"--{name} {path}: there is no folder {path.parent}; make it, or name another")
            if not os.access(path if path.exists() else path.parent, os.W_OK):
                raise UsageError(f"--{name} {path}: cannot be written; name another file")


def output_options(command: F) -> F:
    """``--junit``, ``--markdown``, ``--html``: the command gets them as ``outputs``, an :class:`Outputs` known to be
    writable.
    """

    @functools.wraps(command)
    def gathered(*args: Any, junit: Path | None, markdown: Path | None, html: Path | None, **known: Any) -> Any:
        outputs = Outputs(junit=junit, markdown=markdown, html=html)
        outputs.require_writable()
        return command(*args, outputs=outputs, **known)

    decorated: Any = gathered
    for name, told in reversed(_TOLD.items()):
        option = click.option(f"--{name}", type=click.Path(path_type=Path), metavar="FILE", help=told)
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]


def deliver(outcome: Mapping[str, Any], run_dir: Path, outputs: Outputs, as_json: bool) -> None:
    """Write the files and print the answer; on GitHub Actions also the step's summary and annotations.

    Raises:
        InfrastructureError: a file could not be written.
    """
    from rig.report.gate_reporters import REPORTERS

    write_files(outcome, run_dir, outputs)
    told = outputs.told(outcome)
    on_github = os.environ.get("GITHUB_ACTIONS") == "true"
    if as_json:
        print_json(outcome)
    elif on_github:
        click.echo(_unread(REPORTERS["terminal"](told)), nl=False)
    else:
        print_outcome(told)
    if on_github:
        # The runner reads both streams, in no order of theirs: behind the text on its own stream, or it may obey none.
        click.echo(REPORTERS["annotations"](outcome), err=as_json, nl=False)
        _summarise(REPORTERS["markdown"](outcome))


def write_files(outcome: Mapping[str, Any], run_dir: Path, outputs: Outputs) -> None:
    """All files there are of a gate, each where the user wants it or in the run directory. Links in the run directory
    are replaced, not followed: it may be somebody else's.

    Raises:
        InfrastructureError: one could not be written.
    """
    from rig.journal import replace_text
    from rig.report.gate_reporters import FILES, REPORTERS

    for name, file in FILES.items():
        named = outputs.named.get(name)
        path = named or run_dir / file
        text = REPORTERS[name](outcome)
        try:
            if named:
                # Perhaps a pipe, a device or a link: the user's own word.
                named.write_text(text, encoding="utf-8")
            else:
                replace_text(path, text)
        except OSError as error:
            raise InfrastructureError(f"{path}: cannot be written ({error.strerror}); name another place") from error


def read_outcome(run_dir: Path) -> dict[str, Any] | None:
    """The outcome a gate left in its run directory, None if this is no gate's.

    Raises:
        InfrastructureError: it is there, but can't be read.
    """
    path = run_dir / GATE_FILE
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InfrastructureError(f"{path}: cannot be read ({error}); measure again with rig gate") from error
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise InfrastructureError(f"{path}: is not of schema {SCHEMA}; another version of rig wrote it")
    # It may have been moved since.
    return {**found, "run_dir": str(run_dir)}


def print_outcome(outcome: Mapping[str, Any]) -> None:
    """For people, in colours where they can be seen."""
    from rig.report.gate_text import WIDTH, as_text, render

    if sys.stdout.isatty():
        from rich.console import Console

        Console(width=WIDTH, highlight=False).print(render(outcome), crop=False, soft_wrap=True)
    else:
        click.echo(as_text(outcome), nl=False)


def _unread(text: str) -> str:
    """Text in which the runner looks for no commands of its own: page names come from outside."""
    token = secrets.token_hex(16)
    return f"::stop-commands::{token}\n{text}::{token}::\n"


def _summarise(markdown: str) -> None:
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        return
    try:
        with Path(path).open("a", encoding="utf-8") as stream:
            stream.write(markdown)
    except OSError as error:
        # The verdict stands without it.
        click.echo(f"rig: step summary {path}: cannot be written ({error.strerror})", err=True)
