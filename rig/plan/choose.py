"""Amounts that suit this machine: rate, writes and TTL from the recompute time measured at start.

A rate that suits one machine drowns another, so a profile says what the load should *mean* (λΔ, expiries, writes),
and this turns it into numbers. What was chosen is printed and recorded; flags override it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from rig.model import UsageError
from rig.plan.curves import curve_named
from rig.plan.profile import Profile

ORIGIN_SHARE_MAX = 0.5
"""Origin work, herds included, stays under this share of one core in every arm."""

_EXPIRY_SHARE_MAX = 0.4
"""What expiries alone may cost under the short TTL: a profile of many pages has many of them."""

_HIT_SHARE_MAX = 0.4
_HIT_PER_RECOMPUTE = 0.04
"""A hit takes about 3 ms of the processor where a recompute takes 60 to 110: hits may use 0.4 of one at the peak."""

_CYCLES_PER_BURST = 2
"""A burst of writes costs the entries behind it about two recomputes each: what it removes again is being computed."""

_HERD_MARGIN = 1.15
"""A herd takes a little longer than threads × Δ: hits are served beside it."""

_SLOW_HERD, _QUICK_HERD = 1.5, 0.75
"""Herds were seen to last between these times the expected length: the machine is shared, and not all join."""

_BACKLOG_S = 1.0
"""After a herd, until those who queued behind it are served."""

_MARGIN_S = 0.3
_SCATTER_S = 0.8
"""Room in which the first expiry differs from round to round."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """What one trial offers."""

    window_s: float
    rate_rps: float
    """Reads and writes together."""
    hot_writes: int
    other_writes: int
    ttl_s: float
    visits: int
    herd_s: float
    """Expected length of a herd on the hot entry: see :func:`herd_size`."""
    group_writes: int = 0

    @property
    def writes(self) -> int:
        """All writes of a trial."""
        return self.hot_writes + self.other_writes + self.group_writes

    @property
    def read_rate_rps(self) -> float:
        """Reads alone, where the rate curve is 1."""
        return max(0.0, self.rate_rps - self.writes / self.window_s)

    @property
    def write_share(self) -> float:
        """Writes as a fraction of all requests, at that rate."""
        return self.writes / (self.rate_rps * self.window_s)


def choose(
    profile: Profile,
    recompute_s: float,
    threads: int,
    *,
    rate_rps: float | None = None,
    write_share: float | None = None,
    ttl_s: float | None = None,
    window_s: float | None = None,
) -> Amounts:
    """Amounts for ``profile`` where one recompute alone takes ``recompute_s``; given ones are taken as they are.

    Raises:
        UsageError: the recompute time is not positive, a given window is too short for the expiries, or writes leave no
            room for reads.
    """
    if recompute_s <= 0:
        raise UsageError("recompute time: not measured, so no rate can be chosen; give --rate, --writes and --ttl")
    total = rate_rps if rate_rps is not None else _rate(profile, recompute_s)
    herd_s = herd_size(profile, profile.hot_share, total * recompute_s, threads) * recompute_s * _HERD_MARGIN
    work_s = cycle_work_s(profile, total, recompute_s, threads)
    window = window_s or _window(profile, work_s)
    hot, other = _split_writes(profile, total, window, write_share)
    amounts = Amounts(
        window_s=window,
        rate_rps=total,
        hot_writes=hot,
        other_writes=other,
        ttl_s=ttl_s if ttl_s is not None else _ttl(profile, window, herd_s, work_s),
        visits=max(1, round(profile.visits_per_s * window)),
        herd_s=herd_s,
        group_writes=sum(group.count for group in profile.write_groups),
    )
    if not amounts.read_rate_rps:
        raise UsageError(
            f"--rate {total:g}: in {window:g} s that is no more than the {amounts.writes} writes, so nothing would be"
            " read; give a higher --rate, or fewer --writes"
        )
    return amounts


def origin_share(profile: Profile, amounts: Amounts, recompute_s: float, threads: int) -> float:
    """Upper estimate of the origin's work in the busiest seed arm, as a share of one core; disturbances left out."""
    work_s = cycle_work_s(profile, amounts.rate_rps, recompute_s, threads)
    by_writes = (amounts.hot_writes + amounts.other_writes + _group_cycles(profile)) * work_s
    by_expiry = amounts.window_s / (amounts.ttl_s + amounts.herd_s) * work_s
    return max(by_writes, by_expiry) / amounts.window_s


def herd_size(profile: Profile, share: float, offered: float, threads: int) -> int:
    """Recomputes one expiry sets off on a page with that share of the reads.

    ``offered``: all reads that arrive in one recompute time. On one core n recomputes share the processor, so n grows
    as 1 + λt until the first ends: at n = e^(λΔ), or when all server threads compute.
    """
    peak = max(factor for _, factor in curve_named(profile.curve))
    return round(min(threads, math.exp(min(share * offered * peak, 50))))


def cycle_work_s(profile: Profile, rate_rps: float, recompute_s: float, threads: int) -> float:
    """Core seconds to recompute every page once, herds included: what one bump costs, or all expiries of one TTL."""
    herds = (herd_size(profile, share, rate_rps * recompute_s, threads) for share in profile.reads.values())
    return sum(herds) * recompute_s


def first_expiry_s(amounts: Amounts, expiries: int, draw: float) -> float:
    """When the hot entry first expires, ``draw`` in [0, 1): early enough that the last wanted herd and its backlog end
    in the window even where herds are slow, late enough that the next one falls outside even where they are quick.
    """
    slow_s, quick_s = _SLOW_HERD * amounts.herd_s, _QUICK_HERD * amounts.herd_s
    latest = amounts.window_s - _BACKLOG_S - expiries * slow_s - (expiries - 1) * amounts.ttl_s
    earliest = amounts.window_s + _MARGIN_S - expiries * (amounts.ttl_s + quick_s)
    low = min(earliest, latest)
    return min(max(0.5, low + draw * (latest - low)), amounts.ttl_s)


def _rate(profile: Profile, recompute_s: float) -> float:
    """The rate that gives the hot entry its λΔ, lower where hits alone would keep the processor busy."""
    peak = max(factor for _, factor in curve_named(profile.curve))
    most = _HIT_SHARE_MAX / (_HIT_PER_RECOMPUTE * recompute_s) / peak
    return _round(min(profile.lambda_delta / recompute_s / profile.hot_share, most))


def _window(profile: Profile, work_s: float) -> float:
    """The profile's window, longer where recomputes are so slow that writes would fill it."""
    work = (profile.hot_writes + profile.other_writes + _group_cycles(profile)) * work_s
    return float(max(profile.window_s, math.ceil(work / (ORIGIN_SHARE_MAX * 0.98))))


def _group_cycles(profile: Profile) -> float:
    """How often the write groups make every page recompute, in an arm where any write does."""
    return sum(min(group.count, _CYCLES_PER_BURST) if group.at else group.count for group in profile.write_groups)


def _ttl(profile: Profile, window_s: float, herd_s: float, work_s: float) -> float:
    """The TTL under which the wanted expiries, and no further one, fit the window: see :func:`first_expiry_s`.

    Longer where the expiries of all pages would cost the origin too much.
    """
    count = profile.expiries
    slow_s, quick_s = _SLOW_HERD * herd_s, _QUICK_HERD * herd_s
    apart = _BACKLOG_S + _MARGIN_S + count * (slow_s - quick_s)
    # The first expiry can't come later than one TTL after the start.
    reaching = (window_s + _MARGIN_S - count * quick_s) / (count + 1)
    ttl = max(apart + _SCATTER_S, reaching)
    if count > 1:
        ttl = min(ttl, (window_s - 1.0 - _BACKLOG_S - count * slow_s) / (count - 1))
    if ttl < 0.5:
        raise UsageError(
            f"window {window_s:.0f} s: too short for {count} expiries where a herd lasts {herd_s:.1f} s;"
            f" use --window {round(window_s * 2)} or give --ttl"
        )
    return _round(max(ttl, work_s / _EXPIRY_SHARE_MAX - herd_s))


def _split_writes(profile: Profile, rate: float, window: float, share: float | None) -> tuple[int, int]:
    """Hot and other writes; a given share is of all requests, and groups of writes keep their number."""
    if share is None:
        return profile.hot_writes, profile.other_writes
    total = max(0, round(share * rate * window) - sum(group.count for group in profile.write_groups))
    planned = profile.hot_writes + profile.other_writes
    if total and profile.hot_path not in profile.write_forms:
        raise UsageError(
            f"--writes {share:g}: profile {profile.name} has no form for {profile.hot_path}, so they can't be set;"
            " leave --writes out"
        )
    other = round(total * profile.other_writes / planned) if planned else 0
    return total - other, other


def _round(value: float) -> float:
    """Three significant digits: what is printed is what is used, so the printed command repeats the run."""
    return float(f"{value:.3g}")
