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


Known = Sequence[float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """Shares of the CPUs' time in a launch; ``instrument`` is of one CPU. None: it can't be told here, so it spoils
    nothing.
    """

    steal: float | None
    foreign: float | None
    instrument: float | None

    def spoils(self) -> list[str]:
        """Why this launch should not count, however it came out."""
        found = []
        if self.steal is not None and self.steal > STEAL_MOST:
            found.append(f"steal time {self.steal:.0%}, more than {STEAL_MOST:.0%}")
        if self.foreign is not None and self.foreign > FOREIGN_MOST:
            found.append(f"other processes took {self.foreign:.0%} of the CPUs, more than {FOREIGN_MOST:.0%}")
        if self.instrument is not None and self.instrument > INSTRUMENT_MOST:
            found.append(f"the load generator took {self.instrument:.0%} of a CPU, more than {INSTRUMENT_MOST:.0%}")
        return found


class Watch:
    """From its making to :meth:`stop`."""

    def __init__(self) -> None:
        self._began_s, self._before = time.monotonic(), psutil.cpu_times()

    def stop(self, *, arms: Known, fleet: Known) -> Use:
        """Processor seconds of each arm, and of generator and browser; None where unknown."""
        after, wall_s = psutil.cpu_times(), time.monotonic() - self._began_s
        spent = {name: getattr(after, name) - getattr(self._before, name) for name in after._fields}
        return shares(spent, wall_s=wall_s, arms=arms, fleet=fleet)


def used_s(before: Known, after: Known) -> list[float | None]:
    """What each used meanwhile; None where either is unknown."""
    pairs = zip(before, after, strict=True)
    return [None if begun is None or ended is None else ended - begun for begun, ended in pairs]


def shares(spent: dict[str, Any], *, wall_s: float, arms: Known, fleet: Known) -> Use:
    """Shares from CPU seconds by kind, as psutil names them.

    Where a part is unknown, so are the others' share (all of that part would look foreign) and the instrument's, unless
    what is known of it is too much already.
    """
    # Linux counts guests' time in user's, too.
    total = sum(value for name, value in spent.items() if not name.startswith("guest"))
    busy = sum(value for name, value in spent.items() if name in ("user", "nice", "system", "irq", "softirq"))
    own = sum(one or 0.0 for one in (*arms, *fleet))
    instrument = sum(one or 0.0 for one in fleet) / wall_s if wall_s else 0.0
    foreign = max(0.0, busy - own) / total if total else 0.0
    return Use(
        steal=spent["steal"] / total if "steal" in spent and total else None,
        foreign=None if None in (*arms, *fleet) else foreign,
        instrument=None if None in fleet and instrument <= INSTRUMENT_MOST else instrument,
    )
