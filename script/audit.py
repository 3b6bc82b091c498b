"""Known vulnerabilities in what is locked: ``make audit`` asks for Python's packages and for npm's.

Exit codes: 0 nothing known, or each finding explained below · 1 a vulnerability · 3 it could not be asked.
Of npm's findings those of high and critical severity count; those of Python have no severity, so each counts.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
BIN = ROOT / ".venv" / "bin"
SEVERE = ("high", "critical")

EXPLAINED: dict[str, str] = {}
"""Findings that do not concern rig, by identifier, and why; docs/security.md says when one may stand here."""


class UnansweredError(Exception):
    """The audit was not made: whether there are vulnerabilities is not known."""


def main() -> int:
    """Both audits, each with one line."""
    codes = []
    for title, ask in (("Python packages", ask_python), ("npm packages", ask_npm)):
        try:
            audited, found = ask()
        except UnansweredError as error:
            print(f"{title}: could not ask: {error}")
            codes.append(3)
            continue
        open_ones = [one for one in found if one.split()[0] not in EXPLAINED]
        print(f"{title}: {audited} audited, {len(open_ones)} vulnerable")
        for one in found:
            reason = EXPLAINED.get(one.split()[0])
            print(f"  {one}{f'; explained: {reason}' if reason else ''}")
        codes.append(1 if open_ones else 0)
    return 1 if 1 in codes else max(codes)


def ask_python() -> tuple[int, list[str]]:
    """How many packages were audited, and what was found, as ``"ID package version"``."""
    lock = str(ROOT / "requirements.lock")
    flags = ["--require-hashes", "--disable-pip", "--format", "json", "--progress-spinner", "off", "--desc", "off"]
    return judge_python(*_run([str(BIN / "pip-audit"), "--requirement", lock, *flags]))


def judge_python(out: str, err: str) -> tuple[int, list[str]]:
    """The same of what pip-audit said.

    Raises:
        UnansweredError: it said nothing, or passed over packages: then they were not audited.
    """
    packages = _json(out, err).get("dependencies") or []
    passed_over = [one for one in packages if "skip_reason" in one]
    if passed_over or not packages:
        reason = passed_over[0]["skip_reason"] if passed_over else _last(err)
        raise UnansweredError(f"{len(passed_over)} of {len(packages)} packages were passed over; the first: {reason}")
    found = [f"{vuln['id']} {one['name']} {one['version']}" for one in packages for vuln in one["vulns"]]
    return len(packages), found


def ask_npm() -> tuple[int, list[str]]:
    """As :func:`ask_python`; without identifier, by package."""
    return judge_npm(*_run([str(BIN / "npm"), "audit", "--json"]))


def judge_npm(out: str, err: str) -> tuple[int, list[str]]:
    """The same of what npm said.

    Raises:
        UnansweredError: the registry did not answer.
    """
    said = _json(out, err)
    if "vulnerabilities" not in said:
        raise UnansweredError(said.get("message") or _last(err))
    severe = {name: one for name, one in said["vulnerabilities"].items() if one["severity"] in SEVERE}
    return said["metadata"]["dependencies"]["total"], [f"{name} ({one['severity']})" for name, one in severe.items()]


def _run(command: list[str]) -> tuple[str, str]:
    """What it prints; its exit code says no more than that."""
    env = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    try:
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)
    except (OSError, subprocess.TimeoutExpired) as error:
        return "", str(error)
    return done.stdout, done.stderr


def _json(out: str, err: str) -> dict[str, Any]:
    try:
        said: dict[str, Any] = json.loads(out)
    except ValueError:
        raise UnansweredError(_last(err)) from None
    return said


def _last(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if "A complete log" not in line]
    return lines[-1] if lines else "it said nothing"


if __name__ == "__main__":
    sys.exit(main())
