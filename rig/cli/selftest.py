"""``rig selftest``: proves the rig's own accuracy on this machine."""

from __future__ import annotations

import click

from rig.cli.options import json_option, print_json
from rig.model import ExitCode


@click.command(short_help="Prove the rig's own accuracy on this machine.")
@click.option("--only", default=None, help="Only the checks of one part: load.")
@json_option
def selftest(only: str | None, as_json: bool) -> int:
    """Measure known truths and print them beside what was measured; exit 1 when one is missed.

    \b
    Examples:
      rig selftest
      rig selftest --only load --json
    """
    from rig.report.selftest import HEAD, line, verdict
    from rig.selftest.parts import PARTS, checks_of

    found = []
    if not as_json:
        click.echo(HEAD)
    for check in checks_of(only, lambda text: click.echo(f"… {text}", err=True)):
        found.append(check)
        if not as_json:
            click.echo(line(check.as_dict()))
    rows = [check.as_dict() for check in found]
    ok = all(check.ok for check in found)
    if as_json:
        print_json({"ok": ok, "parts": list(PARTS) if only is None else [only], "checks": rows})
    else:
        click.echo(verdict(rows))
    return ExitCode.OK if ok else ExitCode.REGRESSION
