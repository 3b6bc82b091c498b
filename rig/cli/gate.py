"""``rig gate``: did latency or LCP get worse? A verdict for CI."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from rig.cli.gate_outputs import Outputs, deliver, output_options
from rig.cli.options import RUNS, allow_host_option, json_option, print_json
from rig.model import ExitCode, UsageError

if TYPE_CHECKING:
    from rig.gate.live.plan import GateOptions
    from rig.plan.target import Content

_OF_ONE_CALL = ("--json", "--advisory")


@click.command(short_help="Did latency or LCP get worse? pass, fail, inconclusive or invalid.")
@click.option("--baseline-ref", metavar="REF", help="Git revision the working tree is compared with.")
@click.option("--baseline-url", metavar="URL", help="Or a running server, …")
@click.option("--candidate-url", metavar="URL", help="… and the one compared with it.")
@click.option("--path", "paths", multiple=True, metavar="PATH", help="What is asked for; may be repeated.")
@click.option("--profile", help="Or the paths of a load profile.")
@click.option("--strategy", help="Value of the flag cache-strategy for both.")
@click.option("--rate", type=click.FloatRange(min=0, min_open=True), help="Requests per second to both together.")
@click.option("--config", type=click.Path(path_type=Path), help="File with [target] and [gate], instead of rig.toml.")
@click.option("--no-pages", is_flag=True, help="Visit no pages: needs no browser, compares no LCP.")
@click.option(
    "--content",
    type=click.Choice(["same", "similar", "any"]),
    help="How far answers must agree, instead of target.content.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Of arrivals, and of who is asked.")
@click.option("--inconclusive", type=click.Choice(["pass", "fail"]), help="What 'inconclusive' exits like.")
@click.option("--advisory", is_flag=True, help="Exit 0 whatever the verdict.")
@click.option("--calibrate", type=click.IntRange(min=1), metavar="N", help="N gates of this build against itself.")
@click.option("--out", type=click.Path(path_type=Path), default=RUNS, show_default=True, help="Where runs are kept.")
@output_options
@allow_host_option
@json_option
def gate(
    baseline_ref: str | None,
    baseline_url: str | None,
    candidate_url: str | None,
    paths: tuple[str, ...],
    profile: str | None,
    strategy: str | None,
    rate: float | None,
    config: Path | None,
    no_pages: bool,
    content: Content | None,
    seed: int,
    inconclusive: Literal["pass", "fail"] | None,
    advisory: bool,
    calibrate: int | None,
    out: Path,
    outputs: Outputs,
    allow_host: tuple[str, ...],
    as_json: bool,
) -> int:
    """Compare two builds, or two running servers, under the same traffic at the same time.

    Exits 0 when the candidate is not worse than the margins allow, 1 when it is, 4 when that can't be told, 3 when the
    figures can't be believed (errors, other content, a machine too busy). Takes up to 4 minutes, building apart.
    How a project is started, and its margins, stand in rig.toml or pyproject.toml: docs/gate.md.

    \b
    Examples:
      rig gate --baseline-ref main                     the working tree against main
      rig gate --baseline-ref v1.4 --strategy lease    both under one strategy
      rig gate --baseline-url http://127.0.0.1:8001/ --candidate-url http://127.0.0.1:8002/
      rig gate --baseline-ref main --inconclusive fail --json
      rig gate --calibrate 20                          how often it errs on this machine
    """
    from rig.gate.live.plan import GateOptions

    if calibrate is None and not (baseline_ref or baseline_url or candidate_url):
        raise UsageError("gate: say what to compare with: --baseline-ref REF, or --baseline-url and --candidate-url")
    if baseline_ref and (baseline_url or candidate_url):
        raise UsageError("--baseline-ref and URLs: name one of them")
    options = GateOptions(
        baseline_ref=baseline_ref,
        baseline_url=baseline_url,
        candidate_url=candidate_url,
        strategy=strategy,
        paths=paths,
        profile=profile,
        config=config,
        rate_rps=rate,
        visits=not no_pages,
        content=content,
        seed=seed,
        allow_host=allow_host,
        advisory=advisory,
    )
    if calibrate is not None:
        return _calibrate(options, calibrate, out, as_json)
    return _gate(options, out, inconclusive, outputs, as_json)


def _gate(
    options: GateOptions, out: Path, inconclusive: Literal["pass", "fail"] | None, outputs: Outputs, as_json: bool
) -> int:
    from rig.gate.live.conductor import gate as conducted
    from rig.gate.verdict import exit_code

    outcome = conducted(options, Path.cwd(), out, _say, again=_again())
    found = outcome.to_json()
    deliver(found, Path(found["run_dir"]), outputs, as_json)
    return ExitCode.OK if options.advisory else exit_code(outcome.verdict.verdict, inconclusive)


def _calibrate(options: GateOptions, count: int, out: Path, as_json: bool) -> int:
    from rig.gate.live.calibrate import as_text, calibrate

    if options.baseline_ref or options.baseline_url or options.candidate_url:
        raise UsageError("--calibrate: compares this build with itself; leave --baseline-ref and the URLs out")
    found = calibrate(options, count, Path.cwd(), out, _say)
    print_json(found) if as_json else click.echo(as_text(found), nl=False)
    return ExitCode.OK


def _say(text: str) -> None:
    click.echo(text, err=True)


def _again() -> str:
    return "rig " + shlex.join(word for word in sys.argv[1:] if word not in _OF_ONE_CALL)
