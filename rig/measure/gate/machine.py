"""What the computer did meanwhile: why a launch should be measured again, whatever it shows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psutil

STEAL_MOST = 0.10
"""Share of the CPUs' time that a hypervisor gave to others."""
FOREIGN_MOST = 0.50
"""Share of the CPUs' time that went to processes which are not the gate's."""
INSTRUMENT_MOST = 0.90
"""Of one CPU: a generator or browser that fills its own can't be on time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """Shares of the CPUs' time in a launch; ``instrument`` is of one CPU. None: the platform doesn't tell."""

    steal: float | None
    foreign: float
    instrument: float

    def spoils(self) -> list[str]:
        """Why this launch should not count, however it came out."""
        found = []
        if self.steal is not None and self.steal > STEAL_MOST:
            found.append(f"steal time {self.steal:.0%}, more than {STEAL_MOST:.0%}")
        if self.foreign > FOREIGN_MOST:
            found.append(f"other processes took {self.foreign:.0%} of the CPUs, more than {FOREIGN_MOST:.0%}")
        if self.instrument > INSTRUMENT_MOST:
            found.append(f"the load generator took {self.instrument:.0%} of a CPU, more than {INSTRUMENT_MOST:.0%}")
        return found


class Watch:
    """From its making to :meth:`stop`."""

    def __init__(self) -> None:
        self._began_s, self._before = time.monotonic(), psutil.cpu_times()

    def stop(self, *, arms_s: float, fleet: Sequence[float | None]) -> Use:
        """``arms_s``: processor seconds of both arms; ``fleet``: of generator and browser, None if unknown."""
        after, wall_s = psutil.cpu_times(), time.monotonic() - self._began_s
        spent = {name: getattr(after, name) - getattr(self._before, name) for name in after._fields}
        return shares(spent, wall_s=wall_s, arms_s=arms_s, fleet_s=sum(one or 0.0 for one in fleet))


def shares(spent: dict[str, Any], *, wall_s: float, arms_s: float, fleet_s: float) -> Use:
    """Shares from CPU seconds by kind, as psutil names them."""
    # Linux counts guests' time in user's, too.
    total = sum(value for name, value in spent.items() if not name.startswith("guest"))
    busy = sum(value for name, value in spent.items() if name in ("user", "nice", "system", "irq", "softirq"))
    foreign = max(0.0, busy - arms_s - fleet_s)
    return Use(
        steal=spent["steal"] / total if "steal" in spent and total else None,
        foreign=foreign / total if total else 0.0,
        instrument=fleet_s / wall_s if wall_s else 0.0,
    )
