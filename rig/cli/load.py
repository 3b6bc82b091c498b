"""``rig load URL``: open-model load on any URL."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from rig.cli.options import (
    Duration,
    allow_host_option,
    header_option,
    headers_of,
    json_option,
    keep_samples,
    metrics_option,
    print_json,
    require_writable,
    samples_option,
)
from rig.model import InfrastructureError, Mark, UsageError

if TYPE_CHECKING:
    from rig.measure.single import LoadOptions

_UNREACHED = {"refused", "connect", "connect_timeout", "tls"}


@click.command(short_help="Put open-model load on any URL.")
@click.argument("url")
@click.option("--rate", type=click.FloatRange(min=0, min_open=True), required=True, help="Requests per second.")
@click.option("--duration", type=Duration(), default=10.0, show_default="10s", help="How long requests are offered.")
@click.option("--arrivals", type=click.Choice(["poisson", "uniform"]), default="poisson", show_default=True)
@click.option("--curve", default="steady", show_default=True, help="How the rate moves: steady, ramp, spike, soak.")
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of the arrivals.")
@header_option
@click.option("--in-flight", type=click.IntRange(min=1), default=512, show_default=True, help="Most requests open.")
@click.option(
    "--at-cap", type=click.Choice(["queue", "drop"]), default="queue", show_default=True, help="What then happens."
)
@click.option("--timeout", type=Duration(), default=30.0, show_default="30s", help="Of one request, from its sending.")
@click.option("--workers", type=click.IntRange(min=0), default=0, help="Locust workers that share the load.")
@samples_option
@metrics_option
@allow_host_option
@json_option
def load(
    url: str,
    rate: float,
    duration: float,
    arrivals: Literal["poisson", "uniform"],
    curve: str,
    seed: int,
    headers: tuple[str, ...],
    in_flight: int,
    at_cap: Literal["queue", "drop"],
    timeout: float,
    workers: int,
    samples: Path | None,
    metrics: tuple[str, int] | None,
    allow_host: tuple[str, ...],
    as_json: bool,
) -> None:
    """Send requests to URL at their scheduled instants, whatever it does; count latency from the intended start.

    Nothing else is sent: no probe, no warm-up, no redirect, no retry. A measurement that completes exits 0, however
    bad the target; a target never reached is 3.

    \b
    Examples:
      rig load http://127.0.0.1:8000/ --rate 200 --duration 30s
      rig load http://127.0.0.1:8000/ --rate 100 --arrivals uniform --curve ramp --json
      rig load http://127.0.0.1:8000/ --rate 100 --duration 5m --metrics-port 9646
      rig load https://staging.example.com/ --rate 5 --allow-host staging.example.com
    """
    from rig.measure import single
    from rig.measure.address import require_allowed
    from rig.plan.curves import curve_named, offered

    require_allowed(url, allow_host)
    if not math.isfinite(rate):
        raise UsageError(f"--rate {rate:g}: write a number of requests per second, like 20")
    if samples is not None:
        require_writable(samples)
    if duration <= 0 or timeout <= 0:
        raise UsageError("--duration and --timeout: must be above 0")
    if (expected := offered(curve_named(curve), rate, duration)) < 1:
        raise UsageError(f"--rate {rate:g} for {duration:g} s: that is {expected:.2g} requests; offer at least one")
    options = single.LoadOptions(
        url=url,
        rate_rps=rate,
        duration_s=duration,
        arrivals=arrivals,
        curve=curve,
        seed=seed,
        headers=headers_of(headers),
        in_flight=in_flight,
        at_cap=at_cap,
        timeout_s=timeout,
        workers=workers,
    )
    figures = _measure(options, samples, metrics)
    print_json(figures) if as_json else _show(options, figures, samples)


def _measure(options: LoadOptions, samples: Path | None, metrics: tuple[str, int] | None) -> dict[str, Any]:
    from rig.analysis import requests
    from rig.cli.progress import LoadProgress
    from rig.measure import single

    with (
        LoadProgress(options.duration_s) as progress,
        single.load(options, progress.at, metrics=metrics, on_metrics=_tell_metrics) as (trial, parquet),
    ):
        if samples is not None:
            keep_samples(parquet, samples)
        figures = requests.figures(
            [trial], window_s=options.duration_s, generator_cpu_s=trial.facts["cpu_s"]["generator"]
        )
        marks = trial.facts["marks"]
    if Mark.LOST_SAMPLES in marks or figures["scheduled"] != figures["sent"] + figures["dropped"]:
        raise InfrastructureError(f"generator: samples were lost ({figures['scheduled']} scheduled); run it again")
    if figures["sent"] and not figures["statuses"] and set(figures["failures"]) <= _UNREACHED:
        causes = ", ".join(f"{cause} {count}" for cause, count in figures["failures"].items())
        raise InfrastructureError(f"{options.url}: never reached ({causes}); is it running?")
    return {
        "url": options.url,
        "seed": options.seed,
        "arrivals": options.arrivals,
        "duration_s": options.duration_s,
        **figures,
        "warnings": [_warning(mark) for mark in marks],
    }


def _tell_metrics(address: str) -> None:
    click.echo(f"metrics for Prometheus: {address}", err=True)


def _warning(mark: str) -> str:
    if mark == Mark.LATE_GENERATOR:
        return (
            "late generator: requests were sent more than 5 ms (p99) after they were due; response times contain that"
        )
    if mark == Mark.LOST_WORKER:
        return "lost worker: its share was not sent to the end; the figures are of what came"
    return mark


def _show(options: LoadOptions, figures: dict[str, Any], samples: Path | None) -> None:
    from rig.report.load import as_text

    click.echo(as_text(figures), nl=False)
    if samples is not None:
        click.echo(f"every sample: {samples}")
