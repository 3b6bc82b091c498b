"""``rig lighthouse``: target, audits, results in a run directory."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
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
    reports = run / "lighthouse" / ("at-rest" if wanted.load_rps is None else "under-load")
    lines: list[Json] = []
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rig-lighthouse-")))
        options = stack.enter_context(_target(wanted, logs, work, watcher))
        options = replace(options, browser=browser.path, reports=reports)
        journal = stack.enter_context((run / LINES).open("a", encoding="utf-8"))
        watcher.planned(max(1, len(options.strategies)) * len(options.states) * options.runs)

        def on_line(line: Json) -> None:
            told = {"load_rps": wanted.load_rps, **line}
            if told.get("report"):
                told["report"] = os.path.relpath(told["report"], run)
            lines.append(told)
            journal.write(json.dumps(told) + "\n")
            journal.flush()
            if told["type"] == "audit":
                watcher.audited(told)

        auditor = stack.enter_context(Auditor(options, logs / "lighthouse.log", pinning()[1]))
        try:
            code = auditor.run(_beside(wanted.load_rps, options.timeout_s, work), on_line)
            return code, auditor.budget_lines() if code is ExitCode.REGRESSION else []
        finally:
            facts = {
                "created": datetime.now(UTC).isoformat(timespec="seconds"),
                "path": urlsplit(options.url).path or "/",
                "preset": options.preset,
                "browser": browser.version,
                "environment": fingerprint(),
            }
            if any(line["type"] == "summary" for line in lines):
                write_json(run / FILE, assemble(lines, facts, before))
            _drop_replaced(run)


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


def _beside(load_rps: float | None, timeout_s: float, work: Path) -> Any:
    def around(coming: Json) -> Any:
        if load_rps is None:
            return nothing()
        folder = Path(tempfile.mkdtemp(prefix="load-", dir=work))
        headers = {"X-Cache-Strategy": coming["strategy"]} if coming["strategy"] else {}
        return offered(coming["url"], headers, load_rps, int(coming["run"]), timeout_s + _MARGIN_S, folder)

    return around


def _drop_replaced(run: Path) -> None:
    """Lighthouse's reports that no state refers to any more: of a broken audit, or replaced."""
    found = read_audits(run)
    kept = {state["report"] for one in (found or {"strategies": []})["strategies"] for state in one["states"]}
    for path in (run / "lighthouse").glob("*/*.html"):
        if str(path.relative_to(run)) not in kept:
            path.unlink()
    for folder in (run / "lighthouse").glob("*"):
        if not any(folder.iterdir()):
            shutil.rmtree(folder)
