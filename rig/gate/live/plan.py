"""From what the user asked for to what a gate needs: two arms, their traffic, margins, and what it leaves open."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from rig.gate.metrics import LUCK
from rig.gate.outcome import Side
from rig.gate.settings import Settings, parse
from rig.measure.address import require_allowed
from rig.measure.gate.arms import Arms, Builds, Urls
from rig.measure.gate.launch import Traffic
from rig.measure.gate.trees import Tree, baseline_tree, candidate_tree, project_root
from rig.measure.services.app_server import free_port
from rig.model import UsageError
from rig.plan.environment import pinning
from rig.plan.profile import load_profile
from rig.plan.target import DEFAULT_RATE_RPS, FILES, Content, TargetConfig, find_target, parse_target, shares_of

BLOCK_S = 5.0
HEAD_OF_VISITS = 1.7
"""Blocks that a launch's head is long where pages are visited in it; one where none are. Between the arms' LCPs chance
is larger than anything else that is compared, so the time that a launch less would take is worth more as visits."""
MOST_PAGES = 1
"""Pages visited where nobody says which: they share the visits, and with half of them LCP sees half as much."""
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class GateOptions:
    """What the user asked for; either ``baseline_ref`` or both URLs, or neither: the build against itself."""

    baseline_ref: str | None = None
    baseline_url: str | None = None
    candidate_url: str | None = None
    strategy: str | None = None
    paths: tuple[str, ...] = ()
    profile: str | None = None
    config: Path | None = None
    rate_rps: float | None = None
    visits: bool = True
    content: Content | None = None
    seed: int = 1
    allow_host: tuple[str, ...] = ()
    advisory: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GatePlan:
    """What a gate needs. ``arms`` makes them, given a folder for their data and logs; it sets both trees up."""

    arms: Callable[[Path, Say], Arms]
    traffic: Traffic
    pages: tuple[str, ...]
    settings: Settings
    baseline: Side
    candidate: Side
    relaunched: bool
    left_open: tuple[str, ...] = ()
    advisory: bool = False


def plan_gate(options: GateOptions, folder: Path, say: Say) -> GatePlan:
    """Plan the gate of the project ``folder`` lies in, or of two URLs; checks the baseline out, sets nothing up yet.

    Raises:
        UsageError: what was asked for can't be gated; says what can.
        InfrastructureError: git or an install command failed.
    """
    if options.baseline_url or options.candidate_url:
        return _between_urls(options, folder)
    return _of_builds(options, folder, say)


def _of_builds(options: GateOptions, folder: Path, say: Say) -> GatePlan:
    root = project_root(folder)
    target = _target(options.config, root)
    if target.wants_cache and os.environ.get("RIG_REDIS_URL"):
        raise UsageError(
            "RIG_REDIS_URL: both arms would share that cache server; unset it, and each has one of its own"
        )
    candidate = candidate_tree(root)
    baseline = candidate
    if options.baseline_ref is not None:
        baseline = baseline_tree(root, options.baseline_ref, target, candidate, say)
    traffic = _traffic(options, target.paths, target.rate_rps)
    pages = _pages(options, target.pages, traffic.paths)
    return GatePlan(
        arms=partial(_builds, target, (baseline, candidate), options.strategy or target.strategy),
        traffic=replace(
            traffic,
            head_s=head_s(pages),
            write=target.write,
            content=options.content or target.content,
            strategy=options.strategy or target.strategy,
        ),
        pages=pages,
        settings=_settings(options.config, root),
        baseline=Side(ref=options.baseline_ref, revision=baseline.revision),
        candidate=Side(revision=candidate.revision),
        relaunched=True,
        advisory=options.advisory,
        left_open=tuple(_left_open_of_builds(target)),
    )


def head_s(pages: Collection[str]) -> float:
    """How long a launch is calm before its first kept block."""
    return HEAD_OF_VISITS * BLOCK_S if pages else BLOCK_S


def _builds(target: TargetConfig, trees: tuple[Tree, Tree], strategy: str | None, folder: Path, say: Say) -> Arms:
    arms = Builds(target, trees, (free_port(), free_port()), folder, pinning()[0], strategy)
    arms.set_up(say)
    return arms


def _between_urls(options: GateOptions, folder: Path) -> GatePlan:
    if not (options.baseline_url and options.candidate_url):
        raise UsageError("--baseline-url and --candidate-url: name both, the servers that are compared")
    urls = (options.baseline_url, options.candidate_url)
    for url in urls:
        require_allowed(url, options.allow_host)
    bases = [f"{urlsplit(url).scheme}://{urlsplit(url).netloc}" for url in urls]
    if bases[0] == bases[1]:
        raise UsageError(
            f"--baseline-url and --candidate-url: both are {bases[0]}; a server differs from itself by luck"
        )
    traffic = _traffic(options, _own_paths(options, urls), DEFAULT_RATE_RPS)
    pages = _pages(options, None, traffic.paths)
    return GatePlan(
        arms=lambda _folder, _say: Urls(bases[0], bases[1]),
        traffic=replace(
            traffic, head_s=head_s(pages), strategy=options.strategy, content=options.content or traffic.content
        ),
        pages=pages,
        settings=_settings(options.config, project_root(folder)),
        baseline=Side(url=urls[0]),
        candidate=Side(url=urls[1]),
        relaunched=False,
        advisory=options.advisory,
        left_open=_left_open(),
    )


def _own_paths(options: GateOptions, urls: Sequence[str]) -> Mapping[str, float]:
    """The URL's own path, where neither --path nor --profile says what is asked for."""
    if options.paths or options.profile:
        return {}
    own = [(parts.path or "/") + (f"?{parts.query}" if parts.query else "") for parts in map(urlsplit, urls)]
    if own[0] != own[1]:
        raise UsageError(f"the URLs' paths differ ({own[0]} and {own[1]}); say with --path what both are asked for")
    return {own[0]: 1.0}


def _left_open_of_builds(target: TargetConfig) -> Iterator[str]:
    if target.write is None:
        yield "Nothing is written: what invalidation costs is not compared. target.write in rig.toml would name a form."
    else:
        yield (
            "The write comes behind the last block of a launch: what it makes others recompute is in no response time,"
            " only in the stampede peak and in errors."
        )
        if not target.names("{data}"):
            yield "Nothing in [target] names {data}: where both arms write to one database, each sees the other's."
    if not target.wants_cache:
        yield "Nothing in [target] names {cache}: a cache server, if the project has one, is shared by both arms."


def _left_open() -> tuple[str, ...]:
    widths = ", ".join(
        f"{share:.0%} at {f'LCP p{q * 100:.0f}' if q == 0.75 else f'p{q * 100:.0f}'}" for q, share in LUCK.items()
    )
    return (
        "Servers that run already can't be started anew, so the luck of one launch (memory layout, order of workers)"
        f" stays in the figures: intervals are wider by {widths} on each side.",
        "Nothing is written, and recomputes can't be seen: what invalidation costs is not compared.",
    )


def _traffic(options: GateOptions, paths: Mapping[str, float], rate_rps: float) -> Traffic:
    if options.paths and options.profile:
        raise UsageError("--path and --profile: name one of them")
    if options.paths:
        paths = shares_of(options.paths, "--path")
    elif options.profile:
        paths = load_profile(options.profile).reads
    rate = options.rate_rps or rate_rps
    if not math.isfinite(rate):
        raise UsageError(f"--rate {rate:g}: write a number of requests per second, like 100")
    return Traffic(seed=options.seed, rate_rps=rate, paths=paths, block_s=BLOCK_S, head_s=BLOCK_S)


def _pages(options: GateOptions, configured: Collection[str] | None, paths: Mapping[str, float]) -> tuple[str, ...]:
    if not options.visits:
        return ()
    if options.profile:
        return tuple(load_profile(options.profile).visits)[:MOST_PAGES]
    return tuple(paths)[:MOST_PAGES] if configured is None or options.paths else tuple(configured)


def _target(config: Path | None, root: Path) -> TargetConfig:
    if config is None:
        return find_target(root)
    found = parse_target(_text(config), source=str(config))
    if found is None:
        raise UsageError(f"--config {config}: has no [target] table; docs/gate.md shows one")
    return found


def _settings(config: Path | None, root: Path) -> Settings:
    """Margins and budgets of the file named, or of the first that has some."""
    files = [config] if config is not None else [root / name for name in FILES if (root / name).is_file()]
    found = [parse(_text(path), source=path.name) for path in files]
    return next((one for one in found if one.max_regression or one.margins or one.budgets), Settings())


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--config {path}: cannot be read ({error.strerror})") from None
