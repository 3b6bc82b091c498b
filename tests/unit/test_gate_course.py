"""The course of a gate over launches that are given: what is measured again, what ends it, what is judged."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from typing import Any

import pandas as pd
import pytest

from rig.gate.live import course as courses
from rig.gate.live.course import LIMIT_S, MOST_SPOILED, Course
from rig.gate.live.plan import GatePlan
from rig.gate.outcome import Side
from rig.gate.settings import Settings
from rig.gate.verdict import Verdict
from rig.measure.gate.launch import Launched, Traffic
from rig.measure.gate.machine import Use
from rig.model import InfrastructureError
from tests.tables import request, requests

TRAFFIC = Traffic(seed=1, rate_rps=100.0, paths={"/": 1.0}, block_s=5.0, head_s=5.0)
BUSY = "other processes took half of the CPUs"


def reads(took_s: float, number: int) -> pd.DataFrame:
    """40 hits a second; each launch has its own pace, and a little scatter that both arms don't share."""
    pace = took_s * (1 + 0.01 * (number % 3))
    return requests(*(request(5.0 + n / 40, took_s=pace * (1 + n % 7 / 50), cache="HIT") for n in range(400)))


def launched(number: int, candidate_s: float = 0.01, **known: Any) -> Launched:
    given = {"spoiled": (), "faults": (), "visits": (), **known}
    return Launched(
        number=number,
        start_s=0.0,
        window_s=15.0,
        requests=(reads(0.01, number), reads(candidate_s, number + 1)),
        peaks=(None, None),
        stampedes=((), ()),
        use=Use(steal=0.0, foreign=0.0, instrument=0.0),
        **given,
    )


class Given:
    """Launches in the order given, the last for ever; an exception among them is raised."""

    def __init__(self, folder: Any, launches: Iterable[Any]) -> None:
        self.folder, self.left, self.numbers = folder, list(launches), []

    def __call__(self, *_: Any, number: int, **__: Any) -> Launched:
        self.numbers.append(number)
        for arm in ("baseline", "candidate"):
            (self.folder / "trials" / f"{number}-{arm}").mkdir(parents=True)
        found = self.left.pop(0) if len(self.left) > 1 else self.left[0]
        if isinstance(found, Exception):
            raise found
        return launched(number, **found)


@pytest.fixture
def conducted(tmp_path, monkeypatch):
    """Run a course over given launches: its verdict, the course, and the numbers of the launches it asked for."""

    def run(*launches: Any, pages: tuple[str, ...] = ()):
        given = Given(tmp_path, launches)
        monkeypatch.setattr(courses, "launch", given)
        side = Side(revision="1")
        plan = GatePlan(
            arms=lambda _folder, _say: nullcontext(),  # type: ignore[arg-type, return-value]
            traffic=TRAFFIC,
            pages=pages,
            settings=Settings(),
            baseline=side,
            candidate=side,
            relaunched=True,
        )
        one = Course(plan=plan, arms=None, fleet=None, run_dir=tmp_path, say=lambda _: None)  # type: ignore[arg-type]
        return one.run(), one, given.numbers

    return run


def test_alike_it_passes_and_slower_it_fails(conducted, tmp_path):
    """The warm-up is number 0 and judged by nobody: a candidate slow in it alone is not slow."""
    verdict, _, numbers = conducted({"candidate_s": 0.1}, {})
    assert verdict.verdict is Verdict.PASS
    assert numbers == list(range(len(numbers))) and verdict.launches == len(numbers) - 1


def test_a_candidate_that_is_slower_fails(conducted):
    verdict, _, _ = conducted({}, {"candidate_s": 0.013})
    assert verdict.verdict is Verdict.FAIL
    assert any(reason.startswith("hit_p50: 1.3") for reason in verdict.reasons)


def test_a_baseline_that_is_slower_passes(conducted):
    """Which arm is which."""
    assert conducted({}, {"candidate_s": 0.0077})[0].verdict is Verdict.PASS


def test_a_disturbed_launch_is_measured_again_and_kept_apart(conducted, tmp_path):
    """It counts for nothing, whatever it shows."""
    verdict, course, numbers = conducted({}, {"candidate_s": 0.1, "spoiled": (BUSY,)}, {})
    assert numbers[:4] == [0, 1, 1, 2]
    assert verdict.verdict is Verdict.PASS
    assert sorted(path.name for path in (tmp_path / "spoiled").iterdir()) == ["1-baseline", "1-candidate"]
    assert [bool(one.spoiled) for one in course.facts[:3]] == [False, True, False]


def test_a_machine_too_busy_ends_the_gate(conducted):
    verdict, _, numbers = conducted({}, {"spoiled": (BUSY,)})
    assert numbers == [0] + [1] * (MOST_SPOILED + 1)
    assert verdict.verdict is Verdict.INVALID
    assert verdict.reasons[0] == f"{MOST_SPOILED + 1} launches were disturbed, the last by: {BUSY}"


@pytest.mark.parametrize("spoiled", [(), (BUSY,)])
def test_a_fault_ends_the_gate_at_once(conducted, spoiled):
    """A disturbed launch, too: what it shows of the arms is no less true."""
    verdict, _, numbers = conducted({}, {}, {"faults": ("another page",), "spoiled": spoiled})
    assert numbers == [0, 1, 2]
    assert (verdict.verdict, verdict.reasons[0]) == (Verdict.INVALID, "launch 2: another page")


def test_a_fault_of_the_warm_up_ends_it_before_anything_is_measured(conducted):
    verdict, _, numbers = conducted({"faults": ("another page",)}, {})
    assert (verdict.verdict, numbers) == (Verdict.INVALID, [0])


def test_an_arm_that_no_longer_starts_is_a_finding(conducted):
    verdict, _, numbers = conducted({}, {}, InfrastructureError("candidate: not ready after 60 s"))
    assert numbers == [0, 1, 2]
    assert (verdict.verdict, verdict.reasons[0]) == (Verdict.INVALID, "candidate: not ready after 60 s")


def test_time_is_up(conducted, monkeypatch):
    """The least launches are measured, however long they take; what is not told by then is not known."""
    clock = iter(range(0, 10**6, int(LIMIT_S)))
    monkeypatch.setattr(courses.time, "monotonic", lambda: next(clock))
    verdict, course, _ = conducted({}, {"candidate_s": 0.0105})
    assert verdict.verdict is Verdict.INCONCLUSIVE
    assert verdict.launches == course.looks.last == courses.LEAST_LAUNCHES


@pytest.mark.parametrize(("took_s", "told"), [((9.0, 9.0), "too long to be repeated in each"), ((0.2, 9.0), "not")])
def test_visits_that_do_not_fit_are_not_passed_over(conducted, took_s, told):
    """Both arms supply LCP, so it must be compared, or the gate says that it was not."""
    rows = [
        {"path": "/", "cycle": cycle, "side": side, "took_s": took_s[side], "outcome": "measured", "lcp_ms": 90.0,
         "cause": None}
        for cycle in range(2) for side in (0, 1, 1, 0)
    ]  # fmt: skip
    verdict, _, numbers = conducted({"visits": rows}, {}, pages=("/",))
    assert (verdict.verdict, numbers) == (Verdict.INVALID, [0])
    assert any(reason.startswith("lcp_p75 /: ") and told in reason for reason in verdict.reasons), verdict.reasons
