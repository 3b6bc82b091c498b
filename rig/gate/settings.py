"""What a project asks of its gate: ``[tool.rig.gate]`` of pyproject.toml, ``[gate]`` of rig.toml. All optional.

[tool.rig.gate]
max_regression = "10%"                               # of every response time and LCP
budgets = ["lcp_p75 <= 2500ms", "hit_p95 <= 40ms", "miss_ratio <= 5%"]

[tool.rig.gate.margins]                              # of one metric, or of one figure in all classes or pages
hit_p50 = "5%"
miss_ratio = "2pp"
stampede_peak = "x1.5"
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rig.gate.metrics import GateMetric, Quantity, candidates, lcp_metric
from rig.model import CacheStatus, UsageError

KEYS = ("max_regression", "margins", "budgets")
BUDGETED = (Quantity.RESPONSE, Quantity.LCP, Quantity.MISS_RATIO)

# How an amount is written -> what it says, as the margin of its kind: a ratio, or a difference of shares.
AMOUNTS: Mapping[str, tuple[tuple[str, Callable[[float], float]], ...]] = {
    "ratio": ((r"([\d.]+) ?%", lambda x: 1 + x / 100), (r"[x×] ?([\d.]+)", float)),
    "difference": ((r"([\d.]+) ?pp", lambda x: x / 100),),
}
EXAMPLES = {"ratio": "'10%' or 'x1.5'", "difference": "'2pp' (percentage points)"}
# What a setting for pages means where none is visited.
UNVISITED = replace(lcp_metric(""), name="lcp_p75", page=None)
UNITS = {"ms": 1.0, "s": 1000.0, "%": 0.01}
BUDGET = re.compile(r"(\S+(?: \S+)?) ?<= ?([\d.]+) ?(ms|s|%)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """``name <= most``: ms of a time, or a share."""

    text: str
    name: str
    most: float
    is_share: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a project changed; ``source`` is the file errors name."""

    source: str = "defaults"
    max_regression: str | None = None
    margins: Mapping[str, str] = field(default_factory=dict)
    budgets: tuple[Budget, ...] = ()


def parse(text: str, *, source: str) -> Settings:
    """Read the gate's table from the text of a TOML file; a file without one changes nothing.

    Raises:
        UsageError: it is not TOML, a key is unknown, or an amount has no unit.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{source}: is not TOML ({error})") from None
    table = _table(document, "gate", source) or _table_of_pyproject(document, source)
    if unknown := [key for key in table if key not in KEYS]:
        raise UsageError(f"{source}: gate has no setting {unknown[0]!r}; it has {', '.join(KEYS)}")
    margins, budgets = _table(table, "margins", source), table.get("budgets", [])
    if not isinstance(budgets, list):
        raise UsageError(f"{source}: budgets = {budgets!r}: write a list, like ['lcp_p75 <= 2500ms']")
    settings = Settings(
        source=source,
        max_regression=_text(table, "max_regression", source),
        margins={name: _text(margins, name, source) or "" for name in margins},
        budgets=tuple(_budget(str(line), source) for line in budgets),
    )
    if settings.max_regression is not None:
        _amount(settings.max_regression, "ratio", f"{source}: max_regression")
    return settings


def family(settings: Settings, pages: Sequence[str], classes: Sequence[CacheStatus | None]) -> tuple[GateMetric, ...]:
    """The candidates of :func:`rig.gate.metrics.candidates` with the project's margins, and its budgets.

    A budget of what the target does not have is among them: it was asked for, so it must not vanish.

    Raises:
        UsageError: a margin or budget names no metric this target could have, or has the wrong unit.
    """
    plain = candidates(pages, classes)
    every = candidates(pages, (*CacheStatus, None)) + candidates(pages, ())
    if not pages:
        every += (UNVISITED,)
    for name in (*settings.margins, *(budget.name for budget in settings.budgets)):
        if not any(name in names_of(metric) for metric in every):
            known = ", ".join(dict.fromkeys(names_of(metric)[-1] for metric in every))
            raise UsageError(f"{settings.source}: no metric is called {name!r}; there are {known}")
    budgets = (
        _held_to(metric, budget, settings)
        for budget in settings.budgets
        for metric in _named(budget.name, plain) or _named(budget.name, every)[:1]
    )
    return (*(_with_margin(metric, settings) for metric in plain), *budgets)


def _named(name: str, metrics: Sequence[GateMetric]) -> list[GateMetric]:
    return [metric for metric in metrics if name in names_of(metric)]


def names_of(metric: GateMetric) -> tuple[str, ...]:
    """The names a setting may use, the exact one first: ``hit_p95`` and ``p95``; ``lcp_p75 /x`` and ``lcp_p75``."""
    if metric.quantity is Quantity.RESPONSE:
        return (metric.name, metric.name.rpartition("_")[2])
    return tuple(dict.fromkeys((metric.name, metric.name.partition(" ")[0])))


def _with_margin(metric: GateMetric, settings: Settings) -> GateMetric:
    for name in names_of(metric):
        if name in settings.margins:
            return replace(
                metric, margin=_amount(settings.margins[name], metric.kind, f"{settings.source}: margin of {name}")
            )
    if settings.max_regression is not None and metric.quantity in (Quantity.RESPONSE, Quantity.LCP):
        return replace(
            metric, margin=_amount(settings.max_regression, metric.kind, f"{settings.source}: max_regression")
        )
    return metric


def _held_to(metric: GateMetric, budget: Budget, settings: Settings) -> GateMetric:
    if metric.quantity not in BUDGETED or budget.is_share != (metric.kind == "difference"):
        raise UsageError(f"{settings.source}: budget {budget.text!r}: times take ms or s, miss_ratio takes %")
    neutral = 1.0 if metric.kind == "ratio" else 0.0
    title = budget.text.replace(budget.name, metric.name, 1)
    return replace(metric, name=title, budget=budget.most, margin=neutral, asked=budget.text)


def _amount(text: str, kind: str, place: str) -> float:
    for pattern, read in AMOUNTS[kind]:
        if found := re.fullmatch(pattern, text.strip()):
            amount = read(_number(found[1], place))
            if amount > (1 if kind == "ratio" else 0):
                return amount
    raise UsageError(f"{place}: {text!r} is no margin; write {EXAMPLES[kind]}, more than none")


def _budget(text: str, source: str) -> Budget:
    found = BUDGET.fullmatch(text.strip())
    if not found:
        raise UsageError(f"{source}: budget {text!r}: write it as 'lcp_p75 <= 2500ms' or 'miss_ratio <= 5%'")
    most = _number(found[2], f"{source}: budget {text!r}") * UNITS[found[3]]
    return Budget(text=text.strip(), name=found[1], most=most, is_share=found[3] == "%")


def _number(text: str, place: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not value > 0:
        raise UsageError(f"{place}: {text!r} is not a number above 0")
    return value


def _table(above: Mapping[str, Any], key: str, source: str) -> Mapping[str, Any]:
    found = above.get(key, {})
    if not isinstance(found, Mapping):
        raise UsageError(f"{source}: {key} = {found!r}: is a table, with settings of its own")
    return found


def _table_of_pyproject(document: Mapping[str, Any], source: str) -> Mapping[str, Any]:
    return _table(_table(_table(document, "tool", source), "rig", source), "gate", source)


def _text(table: Mapping[str, Any], key: str, source: str) -> str | None:
    value = table.get(key)
    if value is not None and not isinstance(value, str):
        raise UsageError(f"{source}: {key} = {value!r}: write it with its unit, in quotes: '10%', '2pp', 'x1.5'")
    return value
