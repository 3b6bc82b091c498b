"""Where a run opens its pages: in a browser of this machine, or in one that runs elsewhere (`rig browser serve`)."""

from __future__ import annotations

import os
from dataclasses import dataclass

from rig.measure.services.browser import find_browser
from rig.model import UsageError

REMOTE = ("ws://", "wss://")
"""How the address of a browser that runs elsewhere begins."""

PLACE = "RIG_BROWSER_PLACE"
"""By this variable rig's own processes tell each other where: an address ends in a secret, and every user may read
command lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a run opens its pages: a path to start, or the ``ws://`` address of a browser that runs elsewhere."""

    where: str
    version: str | None
    """None where only the browser itself can tell."""

    @property
    def elsewhere(self) -> bool:
        """Whether somebody else has started it."""
        return self.where.startswith(REMOTE)


def browser_place() -> Place:
    """``RIG_BROWSER_URL`` where it is set, else what :func:`find_browser` finds.

    Raises:
        UsageError: the variable is no such address.
        InfrastructureError: as of :func:`find_browser`.
    """
    if url := os.environ.get("RIG_BROWSER_URL"):
        if not url.startswith(REMOTE):
            raise UsageError(
                f"RIG_BROWSER_URL={url}: not an address like ws://browser:9222/PATH, which `rig browser serve` prints"
            )
        return Place(where=url, version=None)
    found = find_browser()
    return Place(where=str(found.path), version=found.version)
