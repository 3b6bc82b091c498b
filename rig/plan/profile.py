"""A load profile: which pages are read how often, what is written, and how the amounts are chosen.

A profile is a small file in ``locustfiles/`` with one ``PROFILE``; the same file runs with plain Locust.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rig.model import UsageError

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

    def __post_init__(self) -> None:
        for name, shares in (("reads", self.reads), ("visits", self.visits)):
            if abs(sum(shares.values()) - 1) > 1e-9:
                raise UsageError(f"profile {self.name}: its {name} add up to {sum(shares.values()):.3f}, not 1")
        if missing := set(self.reads) - set(self.entries):
            raise UsageError(f"profile {self.name}: no entry named for {', '.join(sorted(missing))}")

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
    def other_write_paths(self) -> list[str]:
        """Product pages besides the hot one that a write may change."""
        return [path for path in self.write_forms if path != self.hot_path]


def profile_file(name: str) -> Path:
    """The file of a profile.

    Raises:
        UsageError: there is no such profile; names those there are.
    """
    path = FOLDER / f"{name.replace('-', '_')}.py"
    if not path.is_file():
        there_are = ", ".join(sorted(p.stem.replace("_", "-") for p in FOLDER.glob("[a-z]*.py")))
        raise UsageError(f"profile {name!r}: there is none; there are {there_are}")
    return path


def load_profile(name: str) -> Profile:
    """Read ``PROFILE`` from a profile's file, without letting Locust patch this process."""
    path = profile_file(name)
    os.environ.setdefault("LOCUST_SKIP_MONKEY_PATCH", "1")
    spec = importlib.util.spec_from_file_location(f"rig_profile_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path}: cannot be imported")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    profile = getattr(module, "PROFILE", None)
    if not isinstance(profile, Profile):
        raise UsageError(f"{path}: has no PROFILE of type rig.plan.profile.Profile")
    return profile
