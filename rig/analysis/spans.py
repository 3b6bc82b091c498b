"""Which of many intervals touch a given one, without looking at all of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rig.analysis.quantiles import Floats


class Spans:
    """Intervals [begin, end], looked up by time. One with an unknown edge (NaN) touches nothing."""

    def __init__(self, begin_s: Floats, end_s: Floats) -> None:
        known = np.flatnonzero(~np.isnan(begin_s) & ~np.isnan(end_s))
        self._positions = known[np.argsort(begin_s[known], kind="stable")]
        self._begin_s, self._end_s = begin_s[self._positions], end_s[self._positions]
        self._longest_s = float((self._end_s - self._begin_s).max(initial=0.0))

    def touching(self, from_s: float, to_s: float) -> npt.NDArray[np.int64]:
        """Positions of the intervals that share an instant with [from_s, to_s], both ends included."""
        # What began earlier than the longest takes has ended before. The hair is for the rounding of the subtraction.
        first = int(np.searchsorted(self._begin_s, from_s - self._longest_s - 1e-6, side="left"))
        last = int(np.searchsorted(self._begin_s, to_s, side="right"))
        return self._positions[first:last][self._end_s[first:last] >= from_s]
