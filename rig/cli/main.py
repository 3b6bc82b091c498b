"""The ``rig`` command: one verb a file, heavy imports inside the verb."""

from __future__ import annotations

import importlib
import signal
import sys
import traceback
from typing import Any

import click

from rig import __version__
from rig.cli.unread import drop_unread
from rig.model import ExitCode, RigError
from rig.words import cleaned

VERBS = {
    "run": "rig.cli.run:run",
    "load": "rig.cli.load:load",
    "pages": "rig.cli.pages:pages",
    "report": "rig.cli.report:report",
    "compare": "rig.cli.compare:compare",
    "dashboard": "rig.cli.dashboard:dashboard",
    "lighthouse": "rig.cli.lighthouse:lighthouse",
    "gate": "rig.cli.gate:gate",
    "serve": "rig.cli.serve:serve",
    "strategies": "rig.cli.strategies:strategies",
    "profiles": "rig.cli.profiles:profiles",
    "runs": "rig.cli.runs:runs",
    "selftest": "rig.cli.selftest:selftest",
    "doctor": "rig.cli.doctor:doctor",
    "browser": "rig.cli.browser:browser",
    "prepare": "rig.cli.prepare:prepare",
}


class LazyGroup(click.Group):
    """Imports a verb's file only when that verb is used: ``rig --help`` does not load pandas."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs, in the order a newcomer meets them."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb of that name."""
        if cmd_name not in VERBS:
            return None
        module, _, attribute = VERBS[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="rig")
def cli() -> None:
    """Measure what each Django cache-invalidation strategy does to real users.

    \b
    Examples:
      rig run                       the four seed strategies under the hot-key profile
      rig load URL --rate 100       open-model load on any URL
      rig pages URL --visits 20     LCP and its parts of any page, in a real browser
      rig report RUN                look at a run again
      rig compare A B               two runs beside each other
      rig dashboard                 all runs in a browser
      rig lighthouse                Lighthouse audits of the strategies, beside a run
      rig gate --baseline-ref main  did latency or LCP get worse? a verdict for CI
      rig serve                     the sample shop alone, to look at in a browser
      rig selftest                  is this machine able to measure?
      rig doctor                    what is installed, what is missing
    """


def main() -> None:
    """Entry point: runs the verb, turns errors into one line and an exit code."""
    # Told to end, a run ends as with Ctrl-C: what was sealed is kept, and nothing is left running.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    drop_unread()
    sys.exit(_run())


def _run() -> int:
    try:
        result: Any = cli.main(standalone_mode=False)
        return int(result) if isinstance(result, int) else ExitCode.OK
    except RigError as error:
        # It may quote a server's last words.
        click.echo("\n".join(map(cleaned, f"rig: {error}".splitlines())), err=True)
        return error.exit_code
    except click.UsageError as error:
        error.show()
        return ExitCode.USAGE
    except click.ClickException as error:
        error.show()
        return ExitCode.INVALID
    except (click.Abort, KeyboardInterrupt):
        click.echo("rig: interrupted", err=True)
        return ExitCode.INTERRUPTED
    except Exception:
        # Python's own exit code, 1, would say that something was measured and got worse.
        traceback.print_exc()
        click.echo("rig: this is a fault of rig itself, please report it; what was measured is kept", err=True)
        return ExitCode.INVALID
