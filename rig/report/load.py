"""The figures of ``rig load`` for people, 80 columns wide."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

_ROWS = (
    ("response", "response_ms", "from the intended start: what a user waits"),
    ("service", "service_ms", "from sending: what the server takes"),
    ("slip", "slip_ms", "sent after it was due: the generator's own lateness"),
)
_QUANTILES = ("mean", "p50", "p90", "p95", "p99", "p999", "max")


def as_text(figures: Mapping[str, Any]) -> str:
    """A table of times in milliseconds, the counts below it, warnings last."""
    lines = [f"{figures['url']}  {figures['arrivals']} arrivals, seed {figures['seed']}", ""]
    heads = ("p99.9" if name == "p999" else name for name in _QUANTILES)
    lines.append(f"{'ms':<10}" + "".join(f"{head:>9}" for head in heads))
    for title, key, _ in _ROWS:
        lines.append(f"{title:<10}" + "".join(f"{_ms(figures[key].get(name)):>9}" for name in _QUANTILES))
    lines += ["", *(f"{title:<10}{meaning}" for title, _, meaning in _ROWS), ""]
    lines.append(
        f"scheduled {figures['scheduled']} = sent {figures['sent']} + dropped {figures['dropped']};"
        f" failed {figures['failed']}{_counts(figures['failures'])}"
    )
    lines.append(f"statuses{_counts(figures['statuses']) or ' none'}; {_rate(figures['rate_rps'])} responses/s")
    if figures["cpu_us_per_request"] is not None:
        lines.append(f"the generator used {figures['cpu_us_per_request']:.0f} µs of CPU a request")
    for warning in figures["warnings"]:
        lines += textwrap.wrap(f"WARNING  {warning}", 80, subsequent_indent=" " * 9)
    return "\n".join(lines) + "\n"


def _ms(value: float | None) -> str:
    if value is None:
        return "·"
    return f"{value:.2f}" if value < 100 else f"{value:,.0f}"


def _rate(value: float | None) -> str:
    return "no" if value is None else f"{value:.4g}"


def _counts(counts: Mapping[str, int]) -> str:
    return " (" + ", ".join(f"{name}: {count}" for name, count in counts.items()) + ")" if counts else ""
