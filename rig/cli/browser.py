"""``rig browser``: which browser is used, and getting one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from rig.cli.options import json_option, print_json

if TYPE_CHECKING:
    from rig.measure.services.browser import Browser


_PORT = 9222
"""Where Chromium itself listens for those who drive it."""


@click.group(short_help="Say which browser is used, install or serve one.")
def browser() -> None:
    """Find or install the browser that opens the pages.

    Looked for in this order: RIG_BROWSER, Playwright's own Chromium, Chrome or Chromium as installed.

    \b
    Examples:
      rig browser path
      rig browser install
      rig browser serve                    (then: RIG_BROWSER_URL=ws://… rig run)
      rig browser serve --host 10.0.0.7    (then elsewhere: … rig run --master 10.0.0.5)
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


@browser.command(short_help="Let runs elsewhere open their pages here.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=_PORT, show_default=True, help="Port to listen on.")
@json_option
def serve(host: str, port: int, as_json: bool) -> None:
    """Start the browser and let runs open their pages in it, until it is told to end.

    It prints the address they are to be given as RIG_BROWSER_URL. That ends in a random path, or in
    RIG_BROWSER_PATH, so that pages of other sites cannot connect. Whoever reaches the port itself can learn it, and
    order the browser to any page: keep it on loopback, or on a network of containers alone.
    """
    import signal

    from rig.measure.pages.serving import address_path, served_browser
    from rig.measure.services.app_server import require_free
    from rig.measure.services.browser import find_browser
    from rig.model import InfrastructureError

    secret = address_path()
    url = f"ws://{host}:{port}/{secret}"
    require_free(host, port)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    found = find_browser()
    with served_browser(found.path, host, port, secret) as service:
        if as_json:
            print_json({"url": url, "version": found.version})
        else:
            click.echo(f"RIG_BROWSER_URL={url}  Chromium {found.version}; Ctrl-C ends it", err=True)
        service.wait_ended()
        raise InfrastructureError(f"browser server: ended by itself; {service.last_words()}")


def _show(found: Browser, as_json: bool) -> None:
    if as_json:
        print_json({"path": str(found.path), "version": found.version, "source": found.source})
    else:
        click.echo(found.path)
