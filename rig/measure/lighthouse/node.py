"""The conversation with ``lighthouse_scripts/audit.mjs``: one Node process and one browser for all audits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rig.model import ExitCode, InfrastructureError, UsageError

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = ROOT / "lighthouse_scripts" / "audit.mjs"
_END_S = 5.0

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditOptions:
    """What to audit. ``own``: strategies with a server of their own, by name, and its URL. Seconds."""

    url: str
    strategies: Sequence[str] = ()
    own: Mapping[str, str] | None = None
    states: Sequence[str] = ("as-found",)
    runs: int = 1
    preset: str = "desktop"
    timeout_s: float = 120.0
    budget: Path | None = None
    reports: Path | None = None
    allow_host: Sequence[str] = ()
    token: str | None = None
    browser: Path | None = None

    @property
    def arguments(self) -> list[str]:
        """The script's command line; the token is none of it, since everybody can read command lines."""
        own = self.own or {}
        pairs = [
            ("--url", self.url),
            *(("--strategy", f"{name}={own[name]}" if name in own else name) for name in self.strategies),
            *(("--cache", state) for state in self.states),
            ("--runs", str(self.runs)),
            ("--preset", self.preset),
            ("--timeout", f"{self.timeout_s:g}"),
            *(("--allow-host", host) for host in self.allow_host),
            *([("--budget", str(self.budget.absolute()))] if self.budget else []),
            *([("--reports", str(self.reports.absolute()))] if self.reports else []),
        ]
        return [word for pair in pairs for word in pair] + ["--paced"]


class Auditor:
    """The process. Use as a context manager: it and its browser end with the block, or with whoever started it."""

    def __init__(self, options: AuditOptions, log: Path, cpus: str | None) -> None:
        node = Path(sys.executable).with_name("node")
        if not node.exists() or not (ROOT / "node_modules" / "lighthouse").is_dir():
            raise InfrastructureError("Lighthouse: Node or its packages are not installed; run make setup")
        self._log = log
        env = {name: value for name, value in os.environ.items() if name not in ("RIG_TOKEN", "INIT_CWD")}
        env |= {"RIG_TOKEN": options.token} if options.token else {}
        env |= {"RIG_BROWSER": str(options.browser)} if options.browser else {}
        with log.open("wb") as stream:
            self._process = subprocess.Popen(
                [str(node), str(SCRIPT), *options.arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stream,
                text=True,
                env=env,
                # Ctrl-C in the terminal is rig's to handle: it ends the script by closing its input.
                start_new_session=True,
            )
        if cpus and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(self._process.pid, {int(cpu) for cpu in cpus.split(",")})

    def run(self, beside: Callable[[Json], AbstractContextManager[Json]], on_line: Callable[[Json], None]) -> ExitCode:
        """Let it audit to its end. ``beside`` is entered before each audit, with ``{"strategy", "cache", "run", …}``,
        and left after it; what it yielded is then part of the audit's line. ``on_line`` gets audits and summaries.

        Returns OK, or REGRESSION where a budget was exceeded.

        Raises:
            InfrastructureError: no browser, or a page could not be audited; the audits before it have been told.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        with ExitStack() as around:
            facts: Json = {}
            for text in self._process.stdout:
                line = json.loads(text)
                if line["type"] == "next":
                    facts = around.enter_context(beside(line))
                    # Where it has ended, its output ends, too, and its last words say why.
                    with suppress(BrokenPipeError):
                        self._process.stdin.write("go\n")
                        self._process.stdin.flush()
                    continue
                around.close()
                on_line({**line, **facts} if line["type"] == "audit" else line)
        return self._ended(self._process.wait())

    def _ended(self, code: int) -> ExitCode:
        said = self._log.read_text(errors="replace").strip().splitlines() or ["it said nothing"]
        words = said[-1].removeprefix("audit: ")
        if code in (ExitCode.OK, ExitCode.REGRESSION):
            return ExitCode(code)
        if code == ExitCode.USAGE:
            raise UsageError(words.replace(" (npm run audit -- --help)", ""))
        raise InfrastructureError(f"Lighthouse: {words}")

    def budget_lines(self) -> list[str]:
        """What it said of budgets that were exceeded."""
        return [line.removeprefix("audit: ") for line in self._log.read_text(errors="replace").splitlines()]

    def stop(self) -> None:
        """End it and its browser."""
        if self._process.stdin:
            with suppress(OSError):
                self._process.stdin.close()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            # Its browser ends with the pipe between them.
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()

    def __enter__(self) -> Auditor:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
