"""``rig dashboard``: all runs in a browser."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rig.cli.options import RUNS, json_option, print_json
from rig.model import UsageError

if TYPE_CHECKING:
    from rig.board.server import Dashboard

_LINE_EVERY_S = 2.0


@click.command(short_help="All runs in a browser: list, LCP and p95 over time, comparisons, the run under way.")
@click.argument("folder", metavar="[RUNS]", type=click.Path(path_type=Path), default=RUNS)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8300, show_default=True, help="0 takes a free one.")
@click.option(
    "--allow-host", multiple=True, metavar="HOST", help="An address beyond this machine, or a name to answer as."
)
@json_option
def dashboard(folder: Path, host: str, port: int, allow_host: tuple[str, ...], as_json: bool) -> None:
    """Serve pages over all run directories in RUNS (default: runs) until Ctrl-C.

    The pages show what anybody who reaches them may see, so they are served on this machine only. To serve them to
    others, name the address twice, and the names they will use: --host 0.0.0.0 --allow-host 0.0.0.0 --allow-host NAME.

    \b
    Examples:
      rig dashboard
      rig dashboard --port 0 --json
      rig dashboard ~/measurements/runs
    """
    from rig.board.guard import LOOPBACK
    from rig.board.server import Dashboard
    from rig.measure.address import is_loopback
    from rig.report.html import ROOT

    if not is_loopback(host) and host not in allow_host:
        raise UsageError(f"--host {host}: others could reach the runs there; if they may, add --allow-host {host}")
    if (folder / "manifest.json").is_file():
        raise UsageError(f"{folder}: one run; name the folder it lies in, or look at it with: rig report {folder}")
    if not folder.is_dir() and folder != RUNS:
        raise UsageError(f"{folder}: no such folder; name where runs are kept, or measure first with: rig run")
    home = Path(os.environ.get("RIG_HOME", ROOT / ".rig"))
    named = [f"[{one}]" if ":" in one else one for one in (host, *allow_host)]
    board = Dashboard(folder, home, host, port, [*LOOPBACK, *named])
    try:
        if as_json:
            print_json({"url": board.url, "runs_dir": str(folder)})
        else:
            click.echo(f"{board.url}  runs in {folder}; Ctrl-C ends it")
        threading.Thread(target=_first_look, args=(board,), daemon=True).start()
        board.serve()
    finally:
        board.close()


def _first_look(board: Dashboard) -> None:
    """Read all runs; the page shows how far this is, and so does the terminal where it takes a while."""
    said_s = time.monotonic()

    def progress(done: int, total: int) -> None:
        nonlocal said_s
        if time.monotonic() - said_s >= _LINE_EVERY_S:
            said_s = time.monotonic()
            click.echo(f"{done:,} of {total:,} runs read", err=True)

    board.index.load()
    board.index.refresh(progress=progress)
