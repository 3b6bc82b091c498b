"""A target that runs already, started by somebody else: where it is, and whether it can be measured from here."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from rig.measure.address import parse_site
from rig.measure.target import Target
from rig.model import InfrastructureError, UsageError
from rig.plan.disturbance import KINDS
from rig.plan.profile import Profile

_NEEDS_OWN = {kind.name for kind in KINDS.values() if kind.own_cache} | {"kill-holder"}


@dataclass(frozen=True, slots=True)
class Given:
    """The target of ``--target-url``, and the folder it writes its event files to."""

    target: Target
    events: Path

    def require_measurable(self) -> None:
        """Refuse a target whose events could not be set beside the requests, or are not where they were said to be.

        Raises:
            InfrastructureError: its clock is another than ours, or a recompute of it leaves no event in the folder.
        """
        before_ns = time.monotonic_ns()
        told_ns = self.target.identity().get("now_ns")
        after_ns = time.monotonic_ns()
        # Two hosts booted within one exchange of each other there are not.
        if told_ns is None or not before_ns <= told_ns <= after_ns:
            raise InfrastructureError(
                f"target {self.target.url}: {'tells no clock' if told_ns is None else 'has another clock'}, so its"
                " events cannot be set beside our requests; start rig on the host the target runs on"
            )

    def require_events(self, since_wall_s: float) -> None:
        """Refuse a folder that no event has come to since a wall-clock second, or whose files are not ours to read.

        Call it after the target recomputed.

        Raises:
            InfrastructureError: nothing was written there, or it can't be read.
        """
        files = list(self.events.glob("events-*.jsonl"))
        # File systems keep times coarser than the clock does.
        if not any(file.stat().st_mtime >= since_wall_s - 1 for file in files):
            raise InfrastructureError(
                f"RIG_EVENT_DIR={self.events}: the target {self.target.url} has recomputed and left no event there;"
                " name the folder it was started with (containers: mount the same volume)"
            )
        for file in files:
            if not os.access(file, os.R_OK):
                raise InfrastructureError(
                    f"{file}: belongs to the user with uid {file.stat().st_uid}, who alone may read it, and rig runs"
                    f" with uid {os.geteuid()}; start both as the same user (delete what an earlier target left)"
                )


def given_target(url: str, environment: Mapping[str, str] = os.environ) -> Given:
    """The target at ``url`` with what the environment says of it.

    Raises:
        UsageError: the URL is more than a host and a port, a variable is missing, or the folder is not there.
    """
    scheme, _, _ = parse_site(url)
    if scheme != "http" or urlsplit(url)[2:] not in (("", "", ""), ("/", "", "")):
        raise UsageError(
            f"--target-url {url}: a target is http:// with a host and a port, nothing behind them: its pages and its"
            " control endpoints begin at /, and https is not spoken; write it like http://127.0.0.1:8000"
        )
    wanted = {
        "RIG_TOKEN": "the token it was started with",
        "RIG_EVENT_DIR": "the folder it writes its event files to",
        "RIG_REDIS_URL": "its cache server",
    }
    for name, meaning in wanted.items():
        if not environment.get(name):
            raise UsageError(f"--target-url {url}: {name} is not set; it must name {meaning}")
    events = Path(environment["RIG_EVENT_DIR"])
    if not os.access(events, os.R_OK | os.X_OK):
        raise UsageError(f"RIG_EVENT_DIR={events}: no folder that can be read; name the one the target writes to")
    return Given(Target(url.rstrip("/"), environment["RIG_TOKEN"]), events)


def refuse_what_needs_own(profile: Profile) -> None:
    """Refuse a profile that kills or empties what rig has not started.

    Raises:
        UsageError: names the disturbance.
    """
    for one in profile.disturbances:
        if one.kind in _NEEDS_OWN:
            raise UsageError(
                f"profile {profile.name}: {one.kind} ends or empties a process that --target-url leaves to you;"
                " leave --target-url out, so that rig starts its own, or choose another profile"
            )
