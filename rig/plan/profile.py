"""A load profile: which pages are read how often, what is written, and how the amounts are chosen.

A profile is a small file in ``locustfiles/`` with one ``PROFILE``; the same file runs with plain Locust.
"""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rig.model import RigError, UsageError
from rig.plan.curves import curve_named
from rig.plan.disturbance import Disturbance, check_apart
from rig.plan.write_group import WriteGroup

FOLDER = Path(__file__).resolve().parents[2] / "locustfiles"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Shares are of reads and add up to 1; the first path is the hot one."""

    name: str
    summary: str
    reads: Mapping[str, float]
    """Path -> share of reads."""
    entries: Mapping[str, str]
    """Path -> logical cache entry behind it."""
    write_forms: Mapping[str, str]
    """Where a product page's data are changed: page path -> path of the POST."""
    dependents: int
    """K: cached entries one write touches."""
    visits: Mapping[str, float]
    """Path -> share of page visits."""
    visits_per_s: float = 1.0
    lambda_delta: float = 4.5
    """Wanted λΔ of the hot entry: arrivals during one recompute."""
    hot_writes: int = 5
    """Writes to the hot product in a trial."""
    other_writes: int = 1
    expiries: int = 3
    """Expiries of the hot entry in a trial under the short TTL, at least."""
    window_s: float = 22.0
    curve: str = "steady"
    """How the rate moves over the window: a name of ``rig.plan.curves.CURVES``."""
    warm: Literal["scattered", "together"] = "scattered"
    """Remaining times to live when the window begins; together: all entries expire at the same instant."""
    write_groups: tuple[WriteGroup, ...] = ()
    """Writes besides ``hot_writes`` and ``other_writes``: of another fan-out, or in bursts."""
    disturbances: tuple[Disturbance, ...] = ()
    """What goes wrong on purpose, in order of time."""
    strategies: str = "seed"
    """What is measured unless the user says: words of :mod:`rig.plan.pick`."""
    settle_bodies: int | None = 1
    """How many cached bodies are compared with the database once traffic has stopped; None: all of them."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", self.name):
            raise UsageError(f"profile {self.name!r}: its name names folders; use small letters, digits and hyphens")
        for name, shares in (("reads", self.reads), ("visits", self.visits)):
            if abs(sum(shares.values()) - 1) > 1e-9:
                raise UsageError(f"profile {self.name}: its {name} add up to {sum(shares.values()):.3f}, not 1")
        if missing := set(self.reads) - set(self.entries):
            raise UsageError(f"profile {self.name}: no entry named for {', '.join(sorted(missing))}")
        if self.hot_writes and self.hot_path not in self.write_forms:
            raise UsageError(f"profile {self.name}: hot_writes need a write form for {self.hot_path}")
        if self.other_writes and not self.other_write_paths:
            raise UsageError(f"profile {self.name}: other_writes need a write form besides that of {self.hot_path}")
        if self.warm not in ("scattered", "together"):
            raise UsageError(f"profile {self.name}: warm {self.warm!r} is neither 'scattered' nor 'together'")
        for one in self.disturbances:
            if one.entry is not None and one.entry not in self.entries.values():
                raise UsageError(f"profile {self.name}: {one.kind} of {one.entry}, which none of its pages shows")
        curve_named(self.curve)
        check_apart(self.disturbances)

    @property
    def hot_path(self) -> str:
        """The path most reads go to."""
        return next(iter(self.reads))

    @property
    def hot_entry(self) -> str:
        """The entry behind it."""
        return self.entries[self.hot_path]

    @property
    def hot_share(self) -> float:
        """Share of reads that go to the hot path."""
        return self.reads[self.hot_path]

    @property
    def hot_group_writes(self) -> int:
        """Writes of groups that make the hot entry out of date."""
        return sum(group.count for group in self.write_groups if group.hot)

    @property
    def other_write_paths(self) -> list[str]:
        """Product pages besides the hot one that a write may change."""
        return [path for path in self.write_forms if path != self.hot_path]


def zipf(paths: Sequence[str], exponent: float = 1.0) -> dict[str, float]:
    """Shares by rank: the n-th path gets 1/n^exponent of the first one's. They add up to 1 (Breslau et al. 1999:
    requests for web pages follow exponents of 0.64 to 0.83; shops with a bestseller come nearer to 1).
    """
    weights = [rank**-exponent for rank in range(1, len(paths) + 1)]
    return {path: weight / sum(weights) for path, weight in zip(paths, weights, strict=True)}


def profile_names() -> list[str]:
    """The profiles that come with rig."""
    return sorted(path.stem.replace("_", "-") for path in FOLDER.glob("[a-z]*.py"))


def profile_file(name: str) -> Path:
    """The file of a profile: by its name, or the path of a file of one's own (``./my_profile.py``).

    Raises:
        UsageError: there is no such profile; names those there are.
    """
    if name.endswith(".py") or os.sep in name:
        path = Path(name).resolve()
        if not path.is_file():
            raise UsageError(f"profile {name}: there is no such file")
        return path
    path = FOLDER / f"{name.replace('-', '_')}.py"
    if not path.is_file():
        raise UsageError(
            f"profile {name!r}: there is none; there are {', '.join(profile_names())}; one of your own is named by"
            " its file, ./my_profile.py"
        )
    return path


def load_profile(name: str) -> Profile:
    """Read ``PROFILE`` from a profile's file, without letting Locust patch this process.

    Raises:
        UsageError: there is no such file, it cannot be imported, or it has no PROFILE.
    """
    path = profile_file(name)
    os.environ.setdefault("LOCUST_SKIP_MONKEY_PATCH", "1")
    spec = importlib.util.spec_from_file_location(f"rig_profile_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path}: cannot be imported")
    module = importlib.util.module_from_spec(spec)
    with _importable(path.parent):
        try:
            spec.loader.exec_module(module)
        except RigError:
            raise
        except Exception as error:  # whatever somebody's file does while it is read
            raise UsageError(f"{path}: cannot be imported ({type(error).__name__}: {error})") from error
    profile = getattr(module, "PROFILE", None)
    if not isinstance(profile, Profile):
        raise UsageError(f"{path}: has no PROFILE of type rig.plan.profile.Profile")
    return profile


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Let a profile import what lies beside it, as Locust does."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
