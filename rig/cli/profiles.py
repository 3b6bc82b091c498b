"""``rig profiles``: the load profiles."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import click

from rig.cli.options import json_option, print_json

if TYPE_CHECKING:
    from rig.plan.profile import Profile

_BINS = 24
_BLOCKS = "▁▂▃▄▅▆▇█"
_NAME, _SUMMARY = 20, 34
_BURST = "W"


@click.command(short_help="List the load profiles.")
@json_option
def profiles(as_json: bool) -> None:
    """List the load profiles: their rate over the window, and what goes wrong when.

    \b
    Examples:
      rig profiles
      rig run --profile cache-outage
      rig run --profile ./my_profile.py     a profile of your own, see docs/profiles.md
    """
    from rig.plan.profile import load_profile, profile_names

    found = [load_profile(name) for name in profile_names()]
    if as_json:
        print_json({"profiles": [_row(profile) for profile in found]})
        return
    for profile in found:
        click.echo(_drawn(profile))
    click.echo(f"\nrate over the window; below it {_legend()}")
    click.echo("Next: rig run --profile NAME, or --profile ./my_profile.py for one of your own")


def _row(profile: Profile) -> dict[str, Any]:
    """``window_s`` and ``rate`` (requests/s, evenly spaced over the window) are those of a nominal machine."""
    from dataclasses import asdict

    from rig.plan.choose import choose
    from rig.plan.plan import NOMINAL_RECOMPUTE_S, NOMINAL_THREADS

    amounts = choose(profile, NOMINAL_RECOMPUTE_S, NOMINAL_THREADS)
    return {
        "name": profile.name,
        "summary": profile.summary,
        "reads": dict(profile.reads),
        "dependents": profile.dependents,
        "curve": profile.curve,
        "disturbances": [asdict(one) for one in profile.disturbances],
        "window_s": amounts.window_s,
        "rate": [round(amounts.rate_rps * factor, 2) for factor in _factors(profile)],
    }


def _factors(profile: Profile) -> list[float]:
    """The factor on the rate in the middle of each of the bins."""
    from rig.plan.curves import curve_named, rate_at

    return rate_at(curve_named(profile.curve), [(number + 0.5) / _BINS for number in range(_BINS)])


def _drawn(profile: Profile) -> str:
    """Name, sparkline and summary; below the sparkline what goes wrong where. At most 80 columns."""
    factors = _factors(profile)
    # A steady rate at half height: full blocks would look like a peak.
    scale = max(factors) * (1 if len(set(factors)) > 1 else 2)
    spark = "".join(_BLOCKS[min(7, int(factor / scale * 8))] for factor in factors)
    marks = _marks(profile)
    summary = textwrap.wrap(profile.summary, _SUMMARY) or [""]
    rows = [(profile.name, spark), *([("", marks)] if marks else [])]
    rows += [("", "")] * (len(summary) - len(rows))
    summary += [""] * (len(rows) - len(summary))
    lines = [
        f"{name:<{_NAME}}{middle:<{_BINS}}  {text}".rstrip() for (name, middle), text in zip(rows, summary, strict=True)
    ]
    return "\n".join(lines)


def _marks(profile: Profile) -> str:
    """A letter under each bin a disturbance or a burst of writes falls into; empty where there is none."""
    from rig.plan.disturbance import KINDS

    spans = [(one.at, one.until, KINDS[one.kind].letter) for one in profile.disturbances]
    spans += [(group.at, group.at, _BURST) for group in profile.write_groups if group.at is not None]
    bins = [" "] * _BINS
    for begin, end, letter in spans:
        for number in range(int(begin * _BINS), max(int(begin * _BINS) + 1, round(end * _BINS))):
            bins[number] = letter
    return "".join(bins).rstrip()


def _legend() -> str:
    from rig.plan.disturbance import KINDS

    marks = [f"{kind.letter} {kind.name}" for kind in KINDS.values()]
    return textwrap.fill(
        ", ".join([*marks, f"{_BURST} burst of writes"]), 80, initial_indent=" " * 30, break_on_hyphens=False
    ).lstrip()
