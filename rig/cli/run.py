"""``rig run``: the main job."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rig.cli.options import RUNS, Duration, allow_host_option, json_option, metrics_option, print_json
from rig.model import ExitCode, InfrastructureError

if TYPE_CHECKING:
    from rig.plan.plan import RunOptions

_LOCUST_UI_PORT = 8089


@click.command(short_help="Measure strategies under a load profile (the main job).")
@click.option("--profile", default="hot-key", show_default=True, help="Load profile, or a file of your own.")
@click.option("--strategies", default=None, help="seed, all, or names separated by commas.  [default: seed]")
@click.option("--rounds", type=int, default=None, help="Times each strategy is measured.  [default: 2]")
@click.option("--window", type=Duration(), default=None, help="Measured time of one trial.  [default: chosen]")
@click.option("--rate", type=float, default=None, help="Requests per second.  [default: chosen]")
@click.option("--writes", type=float, default=None, help="Writes as a fraction of requests.  [default: chosen]")
@click.option(
    "--ttl", default=None, help="as-used, equal, literal, or a duration for the short TTL.  [default: as-used]"
)
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of schedules and orders.")
@click.option(
    "--budget", "budgets", multiple=True, metavar="NAME=LIMIT", help="What a strategy may cost; exit 1 when exceeded."
)
@click.option("--quick", is_flag=True, help="One short round: to see that everything works.")
@click.option("--no-pages", is_flag=True, help="Leave the browser out; LCP is then not measured.")
@click.option("--workers", type=click.IntRange(min=0), default=0, help="Locust workers that share the load.")
@click.option(
    "--master", metavar="ADDRESS[:PORT]", default=None, help="Await workers started by hand, also on other hosts."
)
@click.option("--target-url", metavar="URL", default=None, help="Measure a target that runs already.")
@allow_host_option
@click.option("--ui", is_flag=True, help="Open Locust's web UI with the live picture, on loopback.")
@metrics_option
@click.option("--out", type=click.Path(path_type=Path), default=RUNS, show_default=True, help="Where runs are kept.")
@click.option("--dry-run", is_flag=True, help="Print the plan, measure nothing.")
@json_option
def run(
    profile: str,
    strategies: str | None,
    rounds: int | None,
    window: float | None,
    rate: float | None,
    writes: float | None,
    ttl: str | None,
    seed: int,
    budgets: tuple[str, ...],
    quick: bool,
    no_pages: bool,
    workers: int,
    master: str | None,
    target_url: str | None,
    allow_host: tuple[str, ...],
    ui: bool,
    metrics: tuple[str, int] | None,
    out: Path,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Run each strategy under the same traffic; print what it did to freshness, LCP and the origin.

    'all' leaves out the known-bad controls: name them, or a pattern such as 'bad-*', or run the profile faults, which
    measures them unless --strategies says otherwise. Each round meets the strategies in an order of its own.

    Rate, writes, TTL and window are chosen from the time of one recompute, measured at start, unless given.

    --target-url measures a target that somebody else has started in measurement mode on this host, in a container for
    one; RIG_TOKEN, RIG_EVENT_DIR and RIG_REDIS_URL say its token, its folder of events and its cache server.
    A budget is one limit, or GOOD:OK: freshness_s, stampede_lcp_extra_ms, stampede_lcp_ratio, p95_ms,
    origin_cpu_share, failed_share. Verdicts are by them; where one is exceeded by a strategy, the exit code is 1, where
    one could not be measured, 3.

    \b
    Examples:
      rig run
      rig run --strategies fixed-timeout,versioned-keys --rounds 4
      rig run --strategies all --rounds 3
      rig run --profile faults
      rig run --ttl 10s --rate 40 --window 1m
      rig run --strategies lease --budget freshness_s=0.5 --budget p95_ms=100:300
      rig run --profile cache-outage --ui
      rig run --workers 2
      rig run --target-url http://127.0.0.1:8000
      rig run --metrics-port 9646          (for Prometheus and Grafana: docs/grafana.md)
      rig run --dry-run
    """
    from rig.analysis.budgets import parse
    from rig.plan.plan import RunOptions

    if target_url is not None:
        from rig.measure.address import require_allowed

        require_allowed(target_url, allow_host)
    mode, ttl_s = _ttl(ttl)
    options = RunOptions(
        profile=profile,
        strategies=strategies,
        rounds=rounds if rounds is not None else (1 if quick else 2),
        window_s=window,
        rate_rps=rate,
        write_share=writes,
        ttl_mode=mode,
        ttl_s=ttl_s,
        seed=seed,
        budgets=parse(budgets),
        quick=quick,
        visits=not no_pages,
        workers=workers,
        master=master,
        target_url=target_url,
    )
    if dry_run:
        return _dry_run(options, as_json)
    return _measure(options, out, ui, metrics, as_json)


def _measure(options: RunOptions, out: Path, ui: bool, metrics: tuple[str, int] | None, as_json: bool) -> int:
    from rig.cli.finish import finish, show
    from rig.cli.progress import RunProgress
    from rig.measure import conductor
    from rig.measure.load.fleet_client import Watching

    if metrics is not None:
        _require_free(metrics)
    watching = Watching(ui_port=_ui_port() if ui else None, metrics=metrics)
    with RunProgress() as progress:
        try:
            path = conductor.run(options, out, progress, watching)
        except KeyboardInterrupt:
            progress.interrupted()
            return ExitCode.INTERRUPTED
        progress.step("analysis and report")
        summary = finish(path)
    if as_json:
        print_json({**summary, "run_dir": str(path)})
    else:
        show(path, summary)
    if not summary["valid"]:
        return ExitCode.INVALID
    return by_budgets(summary)


def by_budgets(summary: dict[str, Any]) -> ExitCode:
    """Name the declared budgets that were exceeded, and those nothing is known of: neither is a pass."""
    from rig.analysis.budgets import exceeded, unmeasured

    over, unknown = list(exceeded(summary)), list(unmeasured(summary))
    for text in over:
        click.echo(f"over budget: {text}", err=True)
    for text in unknown:
        click.echo(f"budget not judged: {text}", err=True)
    if over:
        return ExitCode.REGRESSION
    return ExitCode.INVALID if unknown else ExitCode.OK


def _require_free(metrics: tuple[str, int]) -> None:
    """Now, before anything is started for nothing."""
    from rig.measure.services.app_server import require_free

    require_free(*metrics, "--metrics-port")


def _ui_port() -> int:
    """Locust's own where it is free."""
    from rig.measure.services.app_server import free_port, require_free

    try:
        require_free("127.0.0.1", _LOCUST_UI_PORT)
    except InfrastructureError:
        return free_port()
    return _LOCUST_UI_PORT


def _dry_run(options: RunOptions, as_json: bool) -> int:
    from rig.cli.catalogue import strategy_catalogue
    from rig.measure.given import refuse_what_needs_own
    from rig.measure.planning import refuse_borrowed_cache
    from rig.plan.plan import nominal_plan
    from rig.plan.schedule import build

    plan = nominal_plan(options, strategy_catalogue())
    if options.target_url:
        refuse_what_needs_own(plan.profile)
    refuse_borrowed_cache(plan.profile)
    described = {**plan.as_dict(), "profile": plan.profile.name, "seed": options.seed, "reproduce": plan.reproduce}
    schedules = {number: build(plan.spec(number)) for number in range(1, options.rounds + 1)}
    described["schedules"] = [
        {"round": number, "digest": one.digest, "disturbances": [asdict(each) for each in one.disturbances]}
        for number, one in schedules.items()
    ]
    if as_json:
        print_json(described)
        return ExitCode.OK
    amounts = plan.amounts
    click.echo(f"profile {plan.profile.name}, seed {options.seed}: nothing is measured")
    click.echo(
        f"amounts as they would be if one recompute took {plan.conditions.recompute_ms:g} ms;"
        " a run measures it at start"
    )
    click.echo(f"  {amounts.rate_rps:g} requests/s, of which {described['writes']} writes a trial")
    click.echo(f"  window {amounts.window_s:g} s, {described['visits']} page visits, short TTL {amounts.ttl_s:g} s")
    for number, arms in enumerate(described["order"], 1):
        click.echo(f"  round {number}: {' → '.join(arms)}")
        for one in schedules[number].disturbances:
            lasting = f" for {one.end_s - one.begin_s:.1f} s" if one.end_s is not None else ""
            click.echo(f"    {one.kind} at {one.begin_s:.1f} s{lasting}, the same in each")
    total = amounts.window_s * sum(len(arms) for arms in described["order"])
    click.echo(f"about {total * 1.15 / 60:.1f} min; start it with: {plan.reproduce}")
    return ExitCode.OK


def _ttl(text: str | None) -> tuple[str, float | None]:
    from rig.plan.plan import TTL_MODES

    if text is None or text in TTL_MODES:
        return text or "as-used", None
    try:
        return "as-used", Duration().convert(text, None, None)
    except click.BadParameter as error:
        raise click.BadParameter(
            f"{text!r} is neither {', '.join(TTL_MODES)} nor a duration like 6s", param_hint="--ttl"
        ) from error
