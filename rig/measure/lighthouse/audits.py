"""``rig lighthouse``: target, audits, results in a run directory."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from rig.analysis.audits import FILE, assemble, read_audits
from rig.journal import write_json
from rig.measure.lighthouse.beside import nothing, offered
from rig.measure.lighthouse.node import AuditOptions, Auditor
from rig.measure.lighthouse.shop import shop_for
from rig.measure.services import app_server
from rig.measure.services.browser import find_browser
from rig.model import ExitCode
from rig.plan.environment import fingerprint, pinning

LINES = "lighthouse.jsonl"
_MARGIN_S = 60.0

Json = dict[str, Any]


class Watcher(Protocol):
    """What is told to whoever waits."""

    def step(self, text: str) -> None:
        """A step of the start-up or the end."""

    def planned(self, audits: int) -> None:
        """That many audits begin."""

    def audited(self, line: Json) -> None:
        """One of them has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """``url``: a target that runs already; None: the shop is started, and its page ``path`` audited."""

    audit: AuditOptions
    strategies: str | None
    url: str | None
    path: str
    load_rps: float | None = None


def audit_into(run: Path, wanted: Wanted, watcher: Watcher) -> tuple[ExitCode, list[str]]:
    """Audit, and leave ``lighthouse.jsonl`` (a line as it comes), ``lighthouse.json`` and Lighthouse's reports in
    ``run``; returns REGRESSION and what was exceeded where there is a budget.

    Raises:
        UsageError, InfrastructureError: an audit failed; those before it are in both files.
        KeyboardInterrupt: those before it are in ``lighthouse.jsonl``.
    """
    browser = find_browser()
    logs = run / "logs"
    logs.mkdir(exist_ok=True)
    before = read_audits(run)
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rig-lighthouse-")))
        options = stack.enter_context(_target(wanted, logs, work, watcher))
        options = replace(options, browser=browser.path, reports=work / "reports")
        journal = stack.enter_context(_Journal(run, wanted.load_rps, watcher))
        watcher.planned(max(1, len(options.strategies)) * len(options.states) * options.runs)
        auditor = stack.enter_context(Auditor(options, logs / "lighthouse.log", pinning()[1]))
        try:
            code = auditor.run(_beside(wanted.load_rps, options.timeout_s, work), journal.add)
            return code, auditor.budget_lines() if code is ExitCode.REGRESSION else []
        finally:
            facts = {
                "created": datetime.now(UTC).isoformat(timespec="seconds"),
                "path": urlsplit(options.url).path or "/",
                "preset": options.preset,
                "browser": browser.version,
                "environment": fingerprint(),
            }
            journal.keep(facts, before)


class _Journal:
    """Lines as they come, and what becomes of them in the run directory. Use as a context manager."""

    def __init__(self, run: Path, load_rps: float | None, watcher: Watcher) -> None:
        self._run, self._load_rps, self._watcher = run, load_rps, watcher
        self._lines: list[Json] = []
        self._reports: dict[Path, str] = {}
        """Lighthouse's reports where the script left them, and what they will be called in the run."""

    def __enter__(self) -> _Journal:
        self._file = (self._run / LINES).open("a", encoding="utf-8")
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, line: Json) -> None:
        """An audit or a summary."""
        told = {"load_rps": self._load_rps, **line}
        if told.get("report"):
            made = Path(told["report"])
            folder = "at-rest" if self._load_rps is None else "under-load"
            told["report"] = self._reports[made] = f"lighthouse/{folder}/{made.name}"
        self._lines.append(told)
        self._file.write(json.dumps(told) + "\n")
        self._file.flush()
        if told["type"] == "audit":
            self._watcher.audited(told)

    def keep(self, facts: Json, before: Json | None) -> None:
        """Put the summaries into ``lighthouse.json``, and the reports they name beside it; nothing without any."""
        if not any(line["type"] == "summary" for line in self._lines):
            return
        found = assemble(self._lines, facts, before)
        for made, name in self._reports.items():
            (self._run / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.move(made, self._run / name)
        write_json(self._run / FILE, found)
        named = {state["report"] for one in found["strategies"] for state in one["states"]}
        for path in (self._run / "lighthouse").glob("*/*.html"):
            if path.relative_to(self._run).as_posix() not in named:
                path.unlink()


@contextmanager
def _target(wanted: Wanted, logs: Path, work: Path, watcher: Watcher) -> Iterator[AuditOptions]:
    if wanted.url is not None:
        names = [name for name in (wanted.strategies or "").split(",") if name]
        yield replace(wanted.audit, url=wanted.url, strategies=names, token=os.environ.get("RIG_TOKEN"))
        return
    watcher.step("shop data")
    app_server.prepare_data(watcher.step)
    watcher.step("cache server and shop start")
    with shop_for(wanted.strategies, logs, work) as shop:
        watcher.step("Lighthouse and browser start")
        yield replace(
            wanted.audit,
            url=shop.url + wanted.path,
            strategies=shop.strategies,
            own=shop.own,
            token=shop.token,
        )


def _beside(load_rps: float | None, timeout_s: float, work: Path) -> Callable[[Json], AbstractContextManager[Json]]:
    def around(coming: Json) -> AbstractContextManager[Json]:
        if load_rps is None:
            return nothing()
        folder = Path(tempfile.mkdtemp(prefix="load-", dir=work))
        headers = {"X-Cache-Strategy": coming["strategy"]} if coming["strategy"] else {}
        return offered(coming["url"], headers, load_rps, int(coming["run"]), timeout_s + _MARGIN_S, folder)

    return around
