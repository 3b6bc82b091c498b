"""``rig lighthouse``: Lighthouse audits of the strategies, beside the run they belong to."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rig.cli.options import RUNS, Duration, allow_host_option, json_option, print_json
from rig.model import ExitCode, InfrastructureError, RunStatus, UsageError

if TYPE_CHECKING:
    from rig.journal import Run, RunDir
    from rig.measure.lighthouse.audits import Wanted

_PAGE = "/p/moon-jar/"
_STATES = ("cold", "warm", "as-found")


@click.command(short_help="Audit the strategies with Lighthouse, at rest or under load.")
@click.option(
    "--strategies", default=None, help="seed, all, or names separated by commas.  [default: the run's, or seed]"
)
@click.option("--runs", type=click.IntRange(1, 999), default=3, show_default=True, help="Audits of each state.")
@click.option(
    "--cache", "states", default=None, help="cold, warm, as-found, with commas.  [default: cold,warm if rig can]"
)
@click.option("--preset", type=click.Choice(["desktop", "mobile"]), default="desktop", show_default=True)
@click.option("--under-load", type=float, metavar="RATE", default=None, help="Offer that many requests/s meanwhile.")
@click.option("--path", default=None, help=f"Page of the shop.  [default: the run's hot page, or {_PAGE}]")
@click.option("--url", default=None, help="Audit this running target instead; RIG_TOKEN lets rig empty its cache.")
@click.option("--run", "run", type=click.Path(path_type=Path), default=None, help="The run the results belong to.")
@click.option("--budget", type=click.Path(path_type=Path), default=None, help="Limits of medians; exit 1 beyond them.")
@click.option("--timeout", type=Duration(), default=120.0, show_default="2m", help="Of one audit.")
@click.option("--out", type=click.Path(path_type=Path), default=RUNS, show_default=True, help="Where runs are kept.")
@allow_host_option
@json_option
def lighthouse(
    strategies: str | None,
    runs: int,
    states: str | None,
    preset: str,
    under_load: float | None,
    path: str | None,
    url: str | None,
    run: Path | None,
    budget: Path | None,
    timeout: float,
    out: Path,
    allow_host: tuple[str, ...],
    as_json: bool,
) -> int:
    """Start the shop and audit its hot page under each strategy, with an empty cache and with a warm one.

    Results go into the run --run names; without it into the newest complete run below --out that measured these
    strategies, so that its report shows LCP at rest beside LCP under load; where there is none, or with --url, into a
    directory of their own. An audit takes about 10 seconds. One that fails ends the whole with exit code 3; those
    before it are kept.

    \b
    Examples:
      rig lighthouse
      rig lighthouse --strategies seed --runs 3 --run runs/20261123T140200Z-hot-key-1a2b3c
      rig lighthouse --strategies delete-many --under-load 40
      rig lighthouse --url http://127.0.0.1:8000/ --runs 5 --budget lighthouse_scripts/budget.json
    """
    from rig.measure.address import require_allowed
    from rig.measure.lighthouse.audits import Wanted
    from rig.measure.lighthouse.node import AuditOptions

    if url is not None:
        require_allowed(url, allow_host)
        if path is not None:
            raise UsageError("--path: is of the shop; with --url the URL says which page")
    if path is not None and not path.startswith("/"):
        raise UsageError(f"--path {path!r}: write it like {_PAGE}")
    if under_load is not None and not 0 < under_load < math.inf:
        raise UsageError(f"--under-load {under_load:g}: write a number of requests per second, like 20")
    if timeout <= 0:
        raise UsageError("--timeout: must be above 0")
    if budget is not None and not budget.is_file():
        raise UsageError(f"--budget {budget}: no such file; lighthouse_scripts/budget.json is an example")
    if strategies is not None and url is None:
        strategies = ",".join(_named(strategies))
    beside = _run_for(run, out, strategies, own=url is not None)
    plan = beside.manifest.get("plan", {}) if beside else {}
    if strategies is None and url is None and beside:
        strategies = ",".join(_strategies(beside))
    audit = AuditOptions(
        url="",
        states=_states(states, controlled=url is None or bool(os.environ.get("RIG_TOKEN"))),
        runs=runs,
        preset=preset,
        timeout_s=timeout,
        budget=budget,
        allow_host=allow_host,
    )
    page = path or plan.get("hot_path") or _PAGE
    wanted = Wanted(audit=audit, strategies=strategies, url=url, path=page, load_rps=under_load)
    return _measure(wanted, beside.path if beside else None, out, as_json)


def _states(text: str | None, *, controlled: bool) -> tuple[str, ...]:
    """States of the cache to audit in; ``controlled``: rig can empty it."""
    if text is None:
        return ("cold", "warm") if controlled else ("as-found",)
    states = tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
    if not states or set(states) - {*_STATES}:
        raise UsageError(f"--cache {text!r}: write one or more of {', '.join(_STATES)}")
    if "cold" in states and not controlled:
        raise UsageError("--cache cold: rig must empty the target's cache; set RIG_TOKEN to the token of that target")
    return states


def _named(strategies: str) -> list[str]:
    """Refused before anything starts."""
    from rig.cli.catalogue import strategy_catalogue
    from rig.plan.pick import pick_strategies

    rows = strategy_catalogue()
    return pick_strategies(strategies, "seed", rows, [row["name"] for row in rows if row["seed"]])


def _run_for(named: Path | None, out: Path, strategies: str | None, *, own: bool) -> Any:
    """The run the audits belong beside; None: they get a directory of their own."""
    from rig.journal import open_run
    from rig.model import RigError

    if named is not None:
        run = open_run(named)
        if run.status is RunStatus.RUNNING:
            raise UsageError(f"--run {named}: is still being measured; wait for its end")
        # A gate has trials too, but no strategies and no report of theirs.
        if not run.trials or not _strategies(run):
            raise UsageError(f"--run {named}: has no trial to stand beside; name a run of `rig run`")
        return run
    if own:
        return None
    asked = set(strategies.split(",")) if strategies else set()
    for path in sorted(out.iterdir(), reverse=True) if out.is_dir() else []:
        try:
            run = open_run(path)
        except (RigError, OSError, ValueError, KeyError):
            continue
        arms = set(_strategies(run))
        if run.status is RunStatus.COMPLETE and run.trials and arms and asked <= arms:
            return run
    return None


def _strategies(run: Run) -> list[str]:
    return [arm["strategy"] for arm in (run.manifest.get("plan") or {}).get("arms", [])]


def _measure(wanted: Wanted, beside: Path | None, out: Path, as_json: bool) -> int:
    from rig.analysis.audits import read_audits
    from rig.cli.finish import finish
    from rig.cli.progress import AuditProgress
    from rig.journal import RunDir
    from rig.measure.lighthouse.audits import audit_into
    from rig.plan.environment import fingerprint

    own: RunDir | None = None
    with AuditProgress() as progress:
        if beside is None:
            own = RunDir.create(out, "lighthouse", {"environment": fingerprint()})
        path = beside or (own.path if own else out)
        kind = "the run whose report will show them" if beside else "a directory of their own"
        progress.say(f"results go into {path}, {kind}")
        try:
            code, exceeded = audit_into(path, wanted, progress)
        except KeyboardInterrupt:
            _close(own, RunStatus.INTERRUPTED)
            progress.say(f"interrupted; the audits before that are in {path / 'lighthouse.jsonl'}")
            return ExitCode.INTERRUPTED
        except BaseException as error:
            _close(own, RunStatus.FAILED, str(error))
            raise
        _close(own, RunStatus.COMPLETE)
        if beside:
            progress.step("analysis and report")
            finish(path)
    found = read_audits(path)
    if found is None:
        raise InfrastructureError(f"{path}: no audit was written; see {path / 'logs' / 'lighthouse.log'}")
    show_audits(path, found, as_json)
    for line in exceeded:
        click.echo(line, err=True)
    return code


def _close(own: RunDir | None, status: RunStatus, error: str | None = None) -> None:
    if own is not None:
        own.update(**({"error": error} if error else {}))
        own.finish(status)


def show_audits(path: Path, found: dict[str, Any], as_json: bool) -> None:
    """Print what ``rig lighthouse`` left in the run directory ``path``."""
    from rig.journal import open_run
    from rig.report.chart_data import pictures
    from rig.report.lighthouse import as_text

    if as_json:
        print_json({**found, "run_dir": str(path)})
        return
    run = open_run(path)
    click.echo(as_text(found, pictures(run)))
    if run.trials:
        click.echo(f"report  {path / 'report.html'}#lighthouse")
        click.echo(f"Next: open it; Lighthouse's own reports are in {path / 'lighthouse'}")
        return
    click.echo(f"Lighthouse's own reports  {path / 'lighthouse'}")
    click.echo("Next: rig run, then rig lighthouse: LCP under load stands beside these in that run's report")
