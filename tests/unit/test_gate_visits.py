"""Page visits of a launch when time runs short: what is dropped must not depend on which arm was slow."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from rig.gate.live.visits import planned_visits
from rig.measure.load import pair

UNTIL_S = 4.7


class SlowPage:
    """A browser whose visits last as long as said, in turn, on a clock of its own; 10 s is a failure."""

    def __init__(self, *lasts_s: float) -> None:
        self.now_s, self.lasts_s = 0.0, list(lasts_s)

    def visit(self, url: str, headers: Any, timeout_s: float, tab: int) -> dict[str, Any]:
        took_s = self.lasts_s.pop(0)
        self.now_s += took_s
        known = {"cause": None, "status": 200, "lcp_ms": took_s * 1000}
        return {"outcome": "failed" if took_s >= timeout_s else "measured", **known}


def visited(monkeypatch: pytest.MonkeyPatch, pages: tuple[str, ...], cycles: int, *lasts_s: float) -> list[Any]:
    """(path, cycle) of each visit made."""
    browser = SlowPage(*lasts_s)
    monkeypatch.setattr(pair, "time", SimpleNamespace(monotonic=lambda: browser.now_s))
    monkeypatch.setattr(pair, "gevent", SimpleNamespace(sleep=lambda _s: None))
    trial = SimpleNamespace(
        start_s=0.0, order=SimpleNamespace(url="http://127.0.0.1"), visits=SimpleNamespace(add=lambda _row: None)
    )
    order: Any = SimpleNamespace(
        visits=planned_visits(pages, cycles, 1), visits_from_s=0.0, visits_until_s=UNTIL_S, visit_headers={}
    )
    made: Any = pair._visit(order, [trial, trial], browser)  # type: ignore[list-item, arg-type]
    return [(one["path"], one["cycle"]) for one in made]


def test_a_cycle_that_has_begun_is_finished(monkeypatch):
    """One visit of 4 s uses the calm part up: its cycle is made whole, the next is not begun."""
    assert visited(monkeypatch, ("/",), 3, 0.3, 4.5, 0.3, 0.3) == [("/", 0)] * 4


def test_each_page_has_a_cycle(monkeypatch):
    """However long another page took: else the launch would be measured again because a page was slow."""
    made = visited(monkeypatch, ("/", "/p/"), 4, *[2.0] * 8)
    assert [cycle for _, cycle in made] == [0] * 4 + [1] * 4 and len({path for path, _ in made}) == 2


def test_a_failed_cycle_is_not_prolonged(monkeypatch):
    """It is lost, and what is left of it would wait for time-outs."""
    assert visited(monkeypatch, ("/",), 2, 0.3, 10.0) == [("/", 0)] * 2
