"""``rig browser``: which browser is used, and getting one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from rig.cli.options import json_option, print_json

if TYPE_CHECKING:
    from rig.measure.services.browser import Browser


@click.group(short_help="Say which browser is used, or install one.")
def browser() -> None:
    """Find or install the browser that opens the pages.

    Looked for in this order: RIG_BROWSER, Playwright's own Chromium, Chrome or Chromium as installed.

    \b
    Examples:
      rig browser path
      rig browser install
      RIG_BROWSER=/opt/google/chrome/chrome rig run
    """


@browser.command(short_help="Where the browser is.")
@json_option
def path(as_json: bool) -> None:
    """Print the path of the browser a run would use; exit code 3 where there is none that starts."""
    from rig.measure.services.browser import find_browser

    _show(find_browser(), as_json)


@browser.command(short_help="Get a browser: Playwright's, else the system's.")
@json_option
def install(as_json: bool) -> None:
    """Install a browser unless there is one: Playwright's download, else by the system's package manager."""
    from rig.measure.services.browser import install_browser

    _show(install_browser(lambda line: click.echo(line, err=True)), as_json)


def _show(found: Browser, as_json: bool) -> None:
    if as_json:
        print_json({"path": str(found.path), "version": found.version, "source": found.source})
    else:
        click.echo(found.path)
