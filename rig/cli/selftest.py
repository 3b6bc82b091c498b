"""``rig selftest``: proves the rig's own accuracy on this machine."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from rig import __version__
from rig.cli.options import json_option, print_json
from rig.model import ExitCode


@click.command(short_help="Prove the rig's own accuracy on this machine.")
@click.option("--only", default=None, help="Only the checks of one part: pages or load.")
@json_option
def selftest(only: str | None, as_json: bool) -> int:
    """Measure known truths and print them beside what was measured; exit 1 when one is missed.

    Runs of this machine name the result and its date in their reports.

    \b
    pages   LCP of pages with known delays, Server-Timing, withheld frames (1.5 min)
    load    response times under freezes and delays, counts of failures (1 min)

    \b
    Examples:
      rig selftest
      rig selftest --only pages
      rig selftest --only load --json
    """
    from rig.measure.services.browser import find_browser
    from rig.plan.environment import fingerprint
    from rig.plan.selftest_stamp import leave_stamp
    from rig.report.selftest import HEAD, line, verdict
    from rig.selftest.parts import PARTS, checks_of

    rows = []
    started_utc = datetime.now(UTC).isoformat(timespec="seconds")
    if not as_json:
        click.echo(HEAD)
    for part, check in checks_of(only, lambda text: click.echo(f"… {text}", err=True)):
        rows.append({"part": part, **check.as_dict()})
        if not as_json:
            click.echo(line(rows[-1]))
    ok = all(row["ok"] for row in rows)
    facts = fingerprint()
    leave_stamp(rows, of=list(PARTS), at=started_utc, version=__version__, facts=facts)
    if as_json:
        parts = list(PARTS) if only is None else [only]
        environment = {**facts, "browser": find_browser().version if "pages" in parts else None}
        stamp = {"started_utc": started_utc, "rig_version": __version__, "environment": environment}
        print_json({"ok": ok, "parts": parts, "checks": rows, **stamp})
    else:
        click.echo(verdict(rows))
    return ExitCode.OK if ok else ExitCode.REGRESSION
