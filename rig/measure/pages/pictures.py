"""Pictures of the slowest visits: which visit is pictured, and which pictures stay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from rig.measure.pages.protocol import Order
from rig.model import VisitOutcome

SLOWEST = 3


class Pictures:
    """The pictures of the slowest visits so far, in one folder.

    A visit is pictured when it is slower than the fastest of those kept; that one's picture is then deleted. Over n
    visits that is about ``SLOWEST * (1 + log(n / SLOWEST))`` pictures, most of them early.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._kept: dict[Path, float] = {}

    def asked_of(self, order: Order) -> Order:
        """``order`` with what is to be pictured, and in which file."""
        above_ms = min(self._kept.values()) if len(self._kept) == SLOWEST else None
        return replace(order, screenshot=str(self._taken(order.id)), screenshot_above_ms=above_ms)

    def keep(self, visit: Mapping[str, Any], number: int) -> Path | None:
        """File the picture of a visit that ended under its ``number``, and drop the one it replaces.

        Returns the file; None where there is none, the visit is not among the slowest, or does not count.
        """
        if visit.get("screenshot") is None:
            return None
        taken = Path(visit["screenshot"])
        if visit["outcome"] != VisitOutcome.MEASURED:
            taken.unlink(missing_ok=True)
            return None
        file = taken.replace(self._folder / f"{number}.jpg")
        self._kept[file] = visit["lcp_ms"]
        # With several pages open, slower ones may have ended since this one was asked for.
        for spare in sorted(self._kept, key=self._kept.__getitem__)[: max(0, len(self._kept) - SLOWEST)]:
            del self._kept[spare]
            spare.unlink(missing_ok=True)
        return file if file in self._kept else None

    def _taken(self, order_id: int) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder / f".{order_id}.jpg"
