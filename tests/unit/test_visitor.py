"""Page visits go through Locust's event bus and the journal alike, and each ends as exactly one outcome."""

from __future__ import annotations

import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from rig.journal import TrialDir, read_json_lines, table_of
from rig.measure.load.control_visits import at_rest
from rig.measure.load.order import TrialOrder
from rig.measure.load.trial import Trial
from rig.measure.load.visitor import VisitRunner
from rig.measure.pages.protocol import Order
from rig.plan.schedule import ScheduleSpec
from rig.samples import PAGES

SPEC = ScheduleSpec(
    seed=1, round=1, window_s=0.6, read_rate_rps=0, reads={"/": 1.0}, visits=4, visit_paths={"/": 1.0}, quiet_tail_s=0
)


GOOD = {"outcome": "measured", "cause": None, "strategy": "a", "lcp_ms": 1.0}


class Bus:
    """Locust's ``events.request``, as far as a visit uses it."""

    def __init__(self):
        self.fired = []

    def fire(self, **facts):
        self.fired.append(facts)


class Browser:
    """Answers each visit with the next of its answers."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []
        self.control = []
        self.answer_control = lambda: GOOD

    def visit(self, url, headers, deadline_s, begin_by_s=None, *, control=False, pictures=None):
        if control:
            self.control.append((url, headers))
            return {"url": url, "paint": None, **self.answer_control()}
        self.asked.append((url, headers, begin_by_s))
        answer = {"url": url, "paint": None, **self.answers.pop(0)}
        if pictures is not None:
            order = pictures.asked_of(Order(id=len(self.asked), url=url, headers=headers, deadline_s=deadline_s))
            Path(order.screenshot).write_bytes(b"jpeg")
            answer["screenshot"] = order.screenshot
        return answer


def _run(tmp_path, *answers, **more):
    pages = tmp_path / "pages.jsonl"
    order = TrialOrder(
        url="http://127.0.0.1:1",
        strategy="a",
        spec=SPEC,
        headers={"X-Cache-Strategy": "a"},
        pages_path=str(pages),
        **more,
    )
    trial, bus, browser = Trial(order), Bus(), Browser(*answers)
    trial.begin(time.monotonic())
    VisitRunner(bus, trial, browser).run()
    trial.close()
    return trial, bus, browser, list(read_json_lines(pages))


def test_each_visit_is_journalled_and_told_to_locust(tmp_path):
    """LCP appears in Locust's statistics as request type LCP; anything but 'measured' is a failure there."""
    answers = [
        {"outcome": "measured", "cause": None, "strategy": "a", "lcp_ms": 120.0},
        {"outcome": "failed", "cause": "timeout", "strategy": None, "lcp_ms": None},
        {"outcome": "starved", "cause": "frame_withheld", "strategy": "a", "lcp_ms": 900.0},
        {"outcome": "failed", "cause": "not_started", "strategy": None, "lcp_ms": None},
    ]
    trial, bus, browser, rows = _run(tmp_path, *answers)
    assert table_of(rows, PAGES).num_rows == 4
    assert sorted(row["index"] for row in rows) == [0, 1, 2, 3]
    assert [row["outcome"] for row in rows] == [answer["outcome"] for answer in answers]
    assert {facts["request_type"] for facts in bus.fired} == {"LCP"}
    assert [facts["response_time"] for facts in bus.fired if facts["exception"] is None] == [120.0]
    assert len(bus.fired) == 4
    assert all(headers == {"X-Cache-Strategy": "a"} and by == trial.end_s for _, headers, by in browser.asked)


def test_the_control_page_is_visited_in_between_and_told_to_nobody(tmp_path):
    """At the schedule's own instants, on its own page, without the arm's header; journalled as control."""
    trial, bus, browser, rows = _run(tmp_path, *[GOOD] * 4, control_url="http://127.0.0.1:2/")
    control = [row for row in rows if row["control"]]
    assert [row["intended_s"] - trial.start_s for row in control] == pytest.approx(trial.schedule.control_at_s)
    assert [row["index"] for row in control] == [4, 5, 6]
    assert browser.control == [("http://127.0.0.1:2/", {})] * 3
    assert table_of(rows, PAGES).num_rows == 7
    assert len(bus.fired) == 4
    assert trial.wrong_arm == 0


def test_at_rest_warm_ups_and_what_was_not_measured_are_left_out():
    """Two visits to warm up, five that count, of which one failed: four figures."""
    browser = Browser()
    outcomes = iter(["measured", "measured", "measured", "failed", *["measured"] * 3])
    browser.answer_control = lambda: {"outcome": next(outcomes), "lcp_ms": 50.0}
    assert at_rest(browser, "http://127.0.0.1:2/") == [50.0] * 4
    assert len(browser.control) == 7


def test_a_page_of_another_arm_is_a_failed_visit(tmp_path):
    """Its figures belong to another strategy; the trial is marked for it."""
    good = {"outcome": "measured", "cause": None, "strategy": "a", "lcp_ms": 1.0}
    trial, _, _, rows = _run(tmp_path, good, {**good, "strategy": "b"}, good, good)
    assert trial.wrong_arm == 1
    assert [row["cause"] for row in rows].count("wrong_arm") == 1


def test_pictures_of_the_slowest_are_named_from_the_run(tmp_path):
    """A picture that gave way to a slower visit's is gone, and sealing takes its name from the table."""
    folder = TrialDir(tmp_path / "trials" / "1-a")
    folder.path.mkdir(parents=True)
    good = {"outcome": "measured", "cause": None, "strategy": "a"}
    answers = [{**good, "lcp_ms": lcp_ms} for lcp_ms in (10.0, 400.0, 300.0, 200.0)]
    _, _, _, rows = _run(folder.path, *answers, pictures=str(folder.pictures))
    assert [row["screenshot"] for row in rows] == [f"trials/1-a/pictures/{n}.jpg" for n in range(4)]
    folder.seal([], {"round": 1, "arm": "a"})
    sealed = {row["index"]: row["screenshot"] for row in pq.read_table(folder.path / "pages.parquet").to_pylist()}
    assert sealed == {0: None, **{n: f"trials/1-a/pictures/{n}.jpg" for n in (1, 2, 3)}}
    assert sorted(file.name for file in folder.pictures.iterdir()) == ["1.jpg", "2.jpg", "3.jpg"]


def test_a_page_of_another_arm_is_not_pictured(tmp_path):
    """Its picture would stand among those of this arm."""
    wrong = {"outcome": "measured", "cause": None, "strategy": "b", "lcp_ms": 900.0}
    pictures = tmp_path / "trials" / "1-a" / "pictures"
    _, _, _, rows = _run(tmp_path, wrong, wrong, wrong, wrong, pictures=str(pictures))
    assert {row["screenshot"] for row in rows} == {None}
    assert not list(pictures.iterdir())
