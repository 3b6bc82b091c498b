"""Whether two runs may be compared: the facts of machine, software and plan that must agree, as data.

A fact of weight *refuse* changes latency by itself, so a difference of figures could be its doing. One of weight *warn*
usually does not, or is itself what the target's code brought about (how long a recompute takes). What is known of one
run alone is a difference; what is known of neither is said as a warning: not knowing never passes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from rig.analysis.rules import section
from rig.model import UNKNOWN
from rig.words import is_number

REFUSE: Literal["refuse"] = "refuse"
WARN: Literal["warn"] = "warn"


def _whole(value: Any) -> Any:
    return value


def _first_word(value: Any) -> Any:
    """``Linux 6.18.44`` -> ``Linux``: the kernel's release is another fact."""
    return str(value).split(" ")[0]


def _major(value: Any) -> Any:
    """``156.0.8078.79`` -> ``156``."""
    return str(value).split(".")[0]


def _minor(value: Any) -> Any:
    """``3.11.7`` -> ``3.11``."""
    return ".".join(str(value).split(".")[:2])


def _observers(value: Any) -> Any:
    """``["unknown"]``: the target did not say."""
    return None if value == [UNKNOWN] else ", ".join(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One fact of a manifest. ``reading``: the part of it that counts. ``tolerance``: numbers that differ by no more
    than this share of the greater one agree.
    """

    name: str
    title: str
    where: tuple[str, ...]
    weight: Literal["refuse", "warn"]
    reading: Callable[[Any], Any] = _whole
    tolerance: float = 0.0
    untold: Any = None
    """What a run has that says nothing."""

    def of(self, manifest: Mapping[str, Any]) -> Any:
        """What is known of it in a run; None: nothing."""
        value = section(manifest, *self.where)
        return self.untold if value is None else self.reading(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A fact in which two runs differ, with what each says; None: not known there."""

    fact: str
    title: str
    a: Any
    b: Any

    def to_json(self) -> dict[str, Any]:
        """As in ``rig compare --json``."""
        return asdict(self)


def _machine(key: str, title: str, name: str | None = None, **more: Any) -> Fact:
    return Fact(name=name or key, title=title, where=("environment", key), weight=more.pop("weight", REFUSE), **more)


def _package(name: str, weight: Literal["refuse", "warn"] = REFUSE) -> Fact:
    return Fact(name=name, title=name, where=("environment", "packages", name), weight=weight)


def _planned(name: str, title: str, **more: Any) -> Fact:
    return Fact(name=name, title=title, where=("plan", name), weight=more.pop("weight", REFUSE), **more)


# Amounts that rig chooses by the measured recompute time: a tenth more traffic is not another question, a half is.
_AMOUNT = 0.1
# The same machine measured twice differs by this much in what takes milliseconds.
_MEASURED = 0.2
# What is written with fewer digits than it has is not another amount.
_ROUNDING = 0.001

# In the order of the reader's questions: which machine, which software, which traffic.
FACTS = (
    _machine("machine", "processor architecture"),
    _machine("cpu", "processor"),
    _machine("cpus", "number of processors"),
    _machine("system", "operating system", reading=_first_word),
    _machine("pinned", "processors of target and instrument"),
    _machine("python", "Python", reading=_minor),
    _machine("browser", "browser", reading=_major),
    _machine("cache_server", "cache server"),
    _machine("observed_by", "what else the target does (RIG_METRICS, RIG_OTEL)", reading=_observers, untold="nothing"),
    _package("django"),
    _package("django-redis"),
    _package("redis"),
    _package("gunicorn"),
    Fact(name="profile", title="profile", where=("profile",), weight=REFUSE),
    _planned("hot_path", "hot page"),
    _planned("paths", "pages read and their shares"),
    _planned("curve", "curve of the rate"),
    _planned("write_groups", "groups of writes"),
    _planned("disturbances", "disturbances"),
    _planned("dependents", "dependents of a write"),
    _planned("threads", "server threads"),
    _planned("database", "database"),
    _planned("isolated", "cross-origin isolation (steps of LCP)"),
    _planned("ttl_mode", "kind of TTL"),
    _planned("rate_rps", "requests/s", tolerance=_AMOUNT),
    _planned("write_share", "share of writes", tolerance=_AMOUNT),
    _planned("ttl_s", "TTL in s", tolerance=_AMOUNT),
    _planned("window_s", "window in s", tolerance=_AMOUNT),
    _planned("visits", "page visits in a trial", tolerance=_AMOUNT),
    _machine("system", "release of the operating system", "system_release", weight=WARN),
    _machine("memory_mb", "memory in MB", weight=WARN, tolerance=0.02),
    _machine("python", "release of Python", "python_release", weight=WARN),
    _machine("browser", "release of the browser", "browser_release", weight=WARN),
    _package("locust", WARN),
    _package("gevent", WARN),
    _package("httptools", WARN),
    _package("playwright", WARN),
    _planned("recompute_ms", "recompute alone in ms", weight=WARN, tolerance=_MEASURED),
    _planned("cache_round_trip_ms", "cache round trip in ms", weight=WARN, tolerance=_MEASURED),
)
NAMES = tuple(fact.name for fact in FACTS)
_AMOUNTS = tuple(fact for fact in FACTS if fact.weight == REFUSE and fact.tolerance)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparability:
    """What two manifests say of each other.

    ``refused``: figures may not be compared; ``differing``: they may, with this in mind; ``unknown``: titles of facts
    of weight *refuse* that neither run tells.
    """

    refused: Sequence[Difference]
    differing: Sequence[Difference]
    unknown: Sequence[str]


def comparability(a: Mapping[str, Any], b: Mapping[str, Any], allowed: Collection[str] = ()) -> Comparability:
    """Compare two manifests fact by fact. ``allowed``: names of facts that were changed on purpose; they only warn."""
    found = list(_differences(a, b))
    refused = [one for fact, one in found if _weight(fact, one) == REFUSE and fact.name not in allowed]
    told = {one.fact for one in refused}
    unknown = [fact.title for fact in FACTS if fact.weight == REFUSE and fact.of(a) is None and fact.of(b) is None]
    return Comparability(refused=refused, differing=[one for _, one in found if one.fact not in told], unknown=unknown)


def exact_conditions(manifest: Mapping[str, Any]) -> str:
    """The facts that must be equal, as one text: runs of different texts may not be compared.

    Of runs with one text, those whose amounts agree may be: see :func:`amounts_agree`.
    """
    facts = [fact.of(manifest) for fact in FACTS if fact.weight == REFUSE and not fact.tolerance]
    return json.dumps(facts, sort_keys=True, default=str)


def amounts_agree(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    """Whether rate, TTL and the other amounts of two runs are near enough to compare them."""
    return all(_agree(fact.of(a), fact.of(b), fact.tolerance) for fact in _AMOUNTS)


def conditions_of(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a manifest that :data:`FACTS` read; it compares as the whole does."""
    found: dict[str, Any] = {}
    for fact in FACTS:
        value = section(manifest, *fact.where)
        if value is not None:
            *path, last = fact.where
            place = found
            for name in path:
                place = place.setdefault(name, {})
            place[last] = value
    return found


def _differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[tuple[Fact, Difference]]:
    places = set()
    for fact in FACTS:
        one, other = fact.of(a), fact.of(b)
        # Where another system answered, its release is no news.
        if _agree(one, other, fact.tolerance if fact.weight == WARN else _ROUNDING) or fact.where in places:
            continue
        places.add(fact.where)
        yield fact, Difference(fact=fact.name, title=fact.title, a=one, b=other)


def _weight(fact: Fact, found: Difference) -> str:
    """An amount that is almost the same only warns."""
    return WARN if _agree(found.a, found.b, fact.tolerance) else fact.weight


def _agree(one: Any, other: Any, tolerance: float) -> bool:
    if is_number(one) and is_number(other):
        return abs(one - other) <= tolerance * max(abs(one), abs(other))
    return bool(one == other)
