"""What ``rig pages`` found, as JSON and for people, 80 columns wide."""

from __future__ import annotations

import json
import shlex
import textwrap
from collections.abc import Collection, Iterable, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from rig.analysis.quantiles import plain
from rig.model import VisitOutcome
from rig.words import figure, listed, milliseconds, plural, seconds

PARTS = {"ttfb": "TTFB", "load_delay": "load delay", "load_duration": "load", "render_delay": "render delay"}
_COPIED = ("url", "outcome", "cause", "status", "lcp_ms", "ttfb_ms", "fcp_ms", "cls", "inp_ms")
_QUANTILES = ("p50", "p75", "p95", "iqr")
_WIDTH = 80
_NAME = 40


def visit_list(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The visits of ``rig pages --json``, from rows of :data:`rig.samples.PAGES`."""
    return [plain(_visit(row)) for row in rows]


def _visit(row: Mapping[str, Any]) -> dict[str, Any]:
    waterfall = json.loads(row["waterfall"]) if row["waterfall"] else []
    return {
        **{name: row[name] for name in _COPIED},
        "final_url": waterfall[0]["url"] if waterfall else None,
        "parts_ms": {part: row[f"{part}_ms"] if row["lcp_ms"] is not None else None for part in PARTS},
        "element": row["element"],
        "resource_url": row["resource_url"],
        "server_timing": json.loads(row["server_timing"]) if row["server_timing"] else [],
        "x_cache": row["cache"],
        "screenshot": row["screenshot"],
    }


def warnings(figures: Mapping[str, Any], restarts: int) -> list[str]:
    """What a reader must know before using the figures."""
    found = []
    if figures["starved"]:
        visits = plural(figures["starved"], "visit")
        found.append(f"{visits} starved: the machine withheld frames for 250 ms or more; they are in no quantile")
    if restarts:
        times = plural(restarts, "time")
        found.append(f"the browser ended unasked {times} and was started again; what was open then failed")
    if figures["options"]["network"]:
        found.append("the browser adds a network's latency behind the first byte: it is in LCP and FCP, not in TTFB")
    moved = {visit["url"]: visit["final_url"] for visit in figures["visits"] if _moved(visit)}
    found += [f"{url} leads to {final}: the redirect is part of TTFB and LCP" for url, final in moved.items()]
    return found


def _moved(visit: Mapping[str, Any]) -> bool:
    """Whether the browser ended up elsewhere; how an address is written does not count."""
    return visit["final_url"] is not None and _address(visit["url"]) != _address(visit["final_url"])


def _address(url: str) -> tuple[str, str | None, int | None, str, str]:
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, parts.hostname, port, unquote(parts.path or "/"), unquote(parts.query)


def as_text(found: Mapping[str, Any], allowed: Collection[str] = ()) -> str:
    """LCP a page, where the time went, the counts, warnings, and what to do next; ``allowed``: hosts that had to be."""
    lines = [*_wrapped(_how(found)), ""]
    lines.append(f"{'LCP':<{_NAME}}" + "".join(f"{name:>10}" for name in _QUANTILES))
    lines += [_line(page["url"], page["lcp_ms"]) for page in found["urls"]]
    if len(found["urls"]) > 1:
        lines.append(_line("all of them", found["lcp_ms"]))
    means = (f"{title} {milliseconds(found['parts_ms'][part])}" for part, title in PARTS.items())
    lines += ["", *_wrapped(f"its parts (mean): {', '.join(means)}")]
    lines += _wrapped(
        f"medians: TTFB {milliseconds(found['ttfb_ms']['p50'])}, FCP {milliseconds(found['fcp_ms'])},"
        f" CLS {figure(found['cls'])}, INP {milliseconds(found['inp_ms'])}"
    )
    lines += ["", *_wrapped(_counts(found))]
    if found["visit_slip_ms"]["max"] is not None:
        slip = found["visit_slip_ms"]
        lines += _wrapped(
            f"begun after they were due: {milliseconds(slip['p50'])} (median), {milliseconds(slip['max'])} at most"
        )
    for warning in found["warnings"]:
        lines += _wrapped(f"WARNING  {warning}")
    return "\n".join([*lines, *_wrapped(_next(found, allowed), "      ")]) + "\n"


def _how(found: Mapping[str, Any]) -> str:
    options = found["options"]
    each = "a new browser context each" if options["fresh_context"] else "each with empty cache, cookies and storage"
    how = [f"{plural(options['visits'], 'visit')} of {plural(len(found['urls']), 'page')}, {each}"]
    how += [options["device"]] if options["device"] else []
    how += [f"{options['viewport'][0]} × {options['viewport'][1]}"] if options["viewport"] else []
    how += [f"CPU slowed {options['cpu_slowdown']:g} times"] if options["cpu_slowdown"] else []
    how += [f"network {options['network']['name']}"] if options["network"] else []
    return f"{', '.join(how)}; seed {options['seed']}"


def _line(name: str, spread: Mapping[str, float | None]) -> str:
    short = name if len(name) < _NAME else f"…{name[2 - _NAME :]}"
    return f"{short:<{_NAME}}" + "".join(f"{_cell(spread[key]):>10}" for key in _QUANTILES)


def _cell(value: float | None) -> str:
    return "·" if value is None else milliseconds(value)


def _counts(found: Mapping[str, Any]) -> str:
    causes = listed([f"{cause} {count}" for cause, count in found["failures"].items()])
    parts = [f"{found[outcome]} {outcome}" for outcome in VisitOutcome]
    counts = f"{plural(found['scheduled'], 'visit')} = {' + '.join(parts)}"
    took = f"{seconds(found['wall_s'])} in all, CPU of the browser {seconds(found['cpu_s'])}"
    return f"{counts}{f' (failed: {causes})' if causes else ''}; {took}"


def _next(found: Mapping[str, Any], allowed: Collection[str]) -> str:
    if not found["measured"]:
        return "next: open the page in a browser of your own, and look at what it needs"
    url = found["urls"][0]["url"]
    host = urlsplit(url).hostname or ""
    allow = f" --allow-host {shlex.quote(host)}" if host in allowed else ""
    url = shlex.quote(url) if len(url) < _NAME else "URL"  # Broken into lines it could not be copied.
    return f"next: rig load {url} --rate 50{allow}, and this again meanwhile: what load does to LCP"


def _wrapped(text: str, indent: str = "  ") -> list[str]:
    return textwrap.wrap(text, _WIDTH, subsequent_indent=indent, break_on_hyphens=False)
