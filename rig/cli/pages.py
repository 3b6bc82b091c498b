"""``rig pages URL…``: LCP and its parts for any page."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rig.cli.options import (
    Duration,
    allow_host_option,
    header_option,
    headers_of,
    json_option,
    print_json,
    require_writable,
    samples_option,
)
from rig.model import InfrastructureError, UsageError

if TYPE_CHECKING:
    import pyarrow as pa

    from rig.measure.visits import PagesOptions, Visited

_UNSCHEDULED = {"p50": None, "max": None}


class Viewport(click.ParamType[tuple[int, int]]):
    """Width and height in CSS pixels, like ``390x844``."""

    name = "viewport"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """Text to a pair."""
        found = re.fullmatch(r"(\d{1,5})[x×](\d{1,5})", str(value).strip())
        if not found or not int(found[1]) or not int(found[2]):
            self.fail(f"{value!r} is no size; write it like 1280x720", param, ctx)
        return int(found[1]), int(found[2])


@click.command(short_help="Measure LCP of any page, in a real browser.")
@click.argument("urls", nargs=-1, required=True, metavar="URL...")
@click.option("--visits", type=click.IntRange(min=1), default=10, show_default=True, help="Of each URL.")
@click.option("--fresh-context", is_flag=True, help="A new browser context each visit; slower, and scatters more.")
@click.option("--pages", "at_once", type=click.IntRange(1, 32), default=1, show_default=True, help="Open at once.")
@click.option("--every", type=Duration(), default=None, help="From one visit to the next; without it, back to back.")
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of the order, where there are several URLs.")
@click.option("--device", metavar="NAME", default=None, help="A device of Playwright's, like 'Pixel 7'.")
@click.option("--viewport", type=Viewport(), metavar="WxH", default=None, help="CSS pixels; 1280x720 if no device.")
@click.option("--cpu-slowdown", type=click.FloatRange(1, 100), metavar="X", default=None, help="4: four times slower.")
@click.option("--network", metavar="NAME", default=None, help="slow-3g, fast-3g, 4g, dsl or cable.")
@click.option("--no-interaction", is_flag=True, help="Don't click anything; INP then stays unknown.")
@header_option
@click.option("--timeout", type=Duration(), default=30.0, show_default="30s", help="Of one visit.")
@click.option("--ignore-certificate-errors", is_flag=True, help="Visit pages whose certificate nobody vouches for.")
@samples_option
@click.option("--screenshots", type=click.Path(path_type=Path), default=None, help="Folder for the 3 slowest visits.")
@allow_host_option
@json_option
def pages(
    urls: tuple[str, ...],
    visits: int,
    fresh_context: bool,
    at_once: int,
    every: float | None,
    seed: int,
    device: str | None,
    viewport: tuple[int, int] | None,
    cpu_slowdown: float | None,
    network: str | None,
    no_interaction: bool,
    headers: tuple[str, ...],
    timeout: float,
    ignore_certificate_errors: bool,
    samples: Path | None,
    screenshots: Path | None,
    allow_host: tuple[str, ...],
    as_json: bool,
) -> None:
    """Open each URL in a real browser, time after time; say when its largest content was painted, and why then.

    Every visit is a first visit: cache, cookies and storage are empty. It ends as measured, failed or starved (the
    machine withheld frames); only measured ones are in the quantiles. With several URLs, their visits take turns. After
    all else was read, one visible button that sends no form is clicked, for INP; an element with the attribute
    data-rig-interaction is taken instead. If no visit was measured the exit code is 3.

    \b
    Examples:
      rig pages http://127.0.0.1:8000/
      rig pages http://127.0.0.1:8000/ http://127.0.0.1:8000/p/moon-jar/ --visits 40 --json
      rig pages http://127.0.0.1:8000/ --device 'Pixel 7' --cpu-slowdown 4 --network fast-3g
      rig pages https://staging.example.com/ --allow-host staging.example.com
    """
    from rig.measure.address import require_allowed
    from rig.measure.pages.protocol import VisitOptions
    from rig.measure.visits import PagesOptions

    for url in urls:
        require_allowed(url, allow_host)
    if timeout <= 0 or (every is not None and every <= 0):
        raise UsageError("--timeout and --every: must be above 0")
    _require_network(network)
    if samples is not None:
        require_writable(samples)
    if screenshots is not None:
        _require_folder(screenshots)
    options = PagesOptions(
        urls=urls,
        visits=visits,
        pages=at_once,
        every_s=every,
        seed=seed,
        timeout_s=timeout,
        headers=headers_of(headers),
        how=VisitOptions(
            fresh_context=fresh_context,
            device=device,
            viewport=viewport,
            cpu_slowdown=cpu_slowdown,
            network=network,
            ignore_certificate_errors=ignore_certificate_errors,
            interact=not no_interaction,
        ),
        screenshots=screenshots,
    )
    found = _measure(options, samples)
    print_json(found) if as_json else _show(found, allow_host, samples, screenshots)
    if not found["measured"]:
        causes = ", ".join(f"{cause} {count}" for cause, count in found["failures"].items())
        failed = f"{found['failed']} failed" + (f" ({causes})" if causes else "")
        raise InfrastructureError(f"no visit was measured: {failed}, {found['starved']} starved")


def _measure(options: PagesOptions, samples: Path | None) -> dict[str, Any]:
    from rig.cli.progress import VisitProgress
    from rig.measure.visits import visit_pages
    from rig.report.pages import warnings
    from rig.words import cleaned

    with VisitProgress(options.scheduled) as progress:
        visited = visit_pages(options, progress.at)
    for line in visited.said:
        click.echo(cleaned(line), err=True)
    if samples is not None:
        _keep(visited.table, samples)
    found = _figures(options, visited)
    return {**found, "warnings": warnings(found, visited.restarts)}


def _figures(options: PagesOptions, visited: Visited) -> dict[str, Any]:
    """The contract of ``rig pages --json``, the same for each URL, and how it was measured."""
    from rig.analysis.pages import figures
    from rig.report.pages import visit_list

    frame = visited.table.to_pandas()
    # Back to back no visit is due at an instant of its own, so none is late.
    slip = {"visit_slip_ms": _UNSCHEDULED} if options.every_s is None else {}
    # Visits take turns: what passed from the first to the last of one URL is not its own.
    shared: Mapping[str, None] = {"wall_s": None, "cpu_s": None}
    by_url = [(url, frame[frame["url"] == url]) for url in dict.fromkeys(options.urls)]
    return {
        **figures([frame], browser_cpu_s=visited.cpu_s),
        **slip,
        "urls": [{"url": url, **figures([own]), **shared, **slip} for url, own in by_url],
        "browser": visited.browser,
        "options": _stamp(options),
        "visits": visit_list(visited.table.to_pylist()),
    }


def _stamp(options: PagesOptions) -> dict[str, Any]:
    """How it was measured. Of headers the names alone: their values may be secrets."""
    from rig.measure.pages.network import NETWORKS

    how = options.how.as_dict()
    network = {"name": how["network"], **asdict(NETWORKS[how["network"]])} if how["network"] else None
    own = ("visits", "pages", "every_s", "seed", "timeout_s")
    return {
        **{name: getattr(options, name) for name in own},
        "headers": sorted(options.headers),
        **how,
        "network": network,
    }


def _require_network(name: str | None) -> None:
    from rig.measure.pages.network import NETWORKS

    if name is not None and name not in NETWORKS:
        raise UsageError(f"--network {name!r}: there is no such network; there are {', '.join(NETWORKS)}")


def _require_folder(screenshots: Path) -> None:
    try:
        screenshots.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--screenshots {screenshots}: no such folder can be made ({error.strerror})") from error


def _keep(table: pa.Table, samples: Path) -> None:
    from rig.parquet import write_parquet

    try:
        write_parquet(table, samples)
    except OSError as error:
        raise InfrastructureError(f"{samples}: cannot be written ({error.strerror})") from error


def _show(found: dict[str, Any], allow_host: tuple[str, ...], samples: Path | None, screenshots: Path | None) -> None:
    from rig.report.pages import as_text

    click.echo(as_text(found, allow_host), nl=False)
    if samples is not None:
        click.echo(f"every visit: {samples}")
    if screenshots is not None:
        click.echo(f"the slowest: {screenshots}")
