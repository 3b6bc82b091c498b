"""One launch of the gate: two arms started from a table, asked the same, put under one schedule, ended."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from rig.measure.gate import launch as launching
from rig.measure.gate.arms import Builds
from rig.measure.gate.launch import Launched, Traffic, launch
from rig.measure.gate.trees import Tree
from rig.measure.load.fleet_client import FleetClient
from rig.measure.load.order import PlannedVisit, TrialOrder
from rig.measure.services.app_server import free_port
from rig.measure.single import LOCUSTFILE
from rig.measure.soundness import marks
from rig.model import InfrastructureError
from rig.plan.target import TargetWrite, parse_target

HERE = Path(__file__).parent
TRAFFIC = Traffic(seed=3, rate_rps=200.0, paths={"/": 1.0}, block_s=0.5, head_s=0.5)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory) -> Iterator[FleetClient]:
    with FleetClient(LOCUSTFILE, logs=tmp_path_factory.mktemp("fleet")) as one:
        one.wait_ready()
        yield one


def built(folder: Path, env: str = "", strategy: str | None = None, **environment: str) -> Builds:
    """Two trees of the tiny project; ``environment`` is of the candidate alone."""
    (folder / "candidate").mkdir(exist_ok=True)
    settings = "".join(f"export {name}='{value}'; " for name, value in environment.items())
    (folder / "candidate" / "start.sh").write_text(settings)
    program = f"{sys.executable} {HERE}/tiny_project.py {{port}}"
    target = parse_target(f"""[target]\nserve = ". ./start.sh; {program}"\n{env}""", source="rig.toml")
    assert target is not None
    (folder / "baseline").mkdir(exist_ok=True)
    (folder / "baseline" / "start.sh").write_text("")
    programs = Path(sys.executable).parent
    trees = (Tree(folder / "baseline", programs, "one"), Tree(folder / "candidate", programs, "other"))
    return Builds(target, trees, (free_port(), free_port()), folder, None, strategy)


def launched(
    fleet: FleetClient, folder: Path, number: int = 1, traffic: Traffic = TRAFFIC, **environment: str
) -> Launched:
    """A launch of the tiny project."""
    return launch(built(folder, **environment), fleet, traffic, folder, number=number, blocks=2)


def test_arms_share_nothing_and_swap_ports(tmp_path):
    """Each has a port, data and a cache server of its own, both the strategy; who has which port changes each launch.

    Each has its token, and not from a command line, which everybody can read.
    """
    env = 'env = { TINY_CACHE = "{cache}", TINY_DATA = "{data}" }'
    arms = built(tmp_path, env, "lease")
    urls, tokens = [], []
    for number in (1, 2):
        with arms.launch(number) as pair:
            urls.append([arm.url for arm in pair])
            tokens.append([arm.headers["X-Rig-Token"] for arm in pair])
            words = [word for arm in pair for process in arm.service.tree() for word in process.cmdline()]
            assert not any(token in word for token in tokens[-1] for word in words)
    assert urls[1] == urls[0][::-1] and len(set(urls[0])) == 2
    told = [
        [json.loads(line) for line in (tmp_path / name / "started.jsonl").read_text().splitlines()]
        for name in ("baseline", "candidate")
    ]
    assert [[one["RIG_TOKEN"], other["RIG_TOKEN"]] for one, other in zip(*told, strict=True)] == tokens
    for one, other in zip(*told, strict=True):
        assert one["CACHE_STRATEGY"] == other["CACHE_STRATEGY"] == "lease"
        assert one["TINY_CACHE"] and one["TINY_CACHE"] != other["TINY_CACHE"]
        assert one["TINY_DATA"] != other["TINY_DATA"]


def test_the_peak_is_of_what_the_write_set_off(fleet, tmp_path):
    """Nine recomputed at once when each arm started, which is nobody's stampede under load."""
    for name in ("baseline", "candidate"):
        (tmp_path / name).mkdir()
    traffic = replace(TRAFFIC, write=TargetWrite(path="/", form="a=1"))
    arms = built(tmp_path, TINY_PEAK="5")
    (tmp_path / "baseline" / "start.sh").write_text("export TINY_PEAK=1; ")
    found = launch(arms, fleet, traffic, tmp_path, number=1, blocks=2)
    assert not found.faults
    assert found.peaks == (1, 5)
    assert [len(met) for met in found.stampedes] == [0, 1]
    assert (found.stampedes[1][0].entry, found.stampedes[1][0].peak) == ("page", 5)


def test_a_page_that_is_only_visited_is_compared_too(fleet, tmp_path, monkeypatch):
    """Its LCP would be that of another page."""
    asked = []
    monkeypatch.setattr(launching, "differences", lambda urls, paths, *_: asked.append(paths) or ["stop"])
    monkeypatch.setattr(launching, "drifted", lambda urls, paths, *_: asked.append(paths) or [])
    visits = [PlannedVisit(side=0, path="/only-visited/", cycle=0)]
    with suppress(InfrastructureError):  # This fleet has no browser.
        launch(built(tmp_path), fleet, TRAFFIC, tmp_path, number=1, blocks=1, visits=visits)
    assert asked[0] == ["/", "/only-visited/"]


def test_both_arms_meet_one_schedule(fleet, tmp_path):
    """Each read goes to one of them; nothing is lost; the samples of both are kept; the servers are gone."""
    found = launched(fleet, tmp_path)
    assert not found.faults
    baseline, candidate = found.requests
    assert not set(baseline["index"]) & set(candidate["index"])
    together = len(baseline) + len(candidate)
    assert sorted([*baseline["index"], *candidate["index"]]) == list(range(together))
    # Expected: 200/s for 1.05 s and a fifth of it for 0.45 s; four standard deviations of a Poisson count.
    assert abs(together - 228) < 4 * 228**0.5
    assert (baseline["status"] == 200).all() and (candidate["status"] == 200).all()
    assert found.peaks == (None, None)
    kept = sorted(path.parent.name for path in (tmp_path / "trials").rglob("requests.parquet"))
    assert kept == ["1-baseline", "1-candidate"]
    assert not list((tmp_path / "data").iterdir())


def test_what_waits_for_an_arm_at_the_cap_is_not_the_generators_lateness(fleet, tmp_path, monkeypatch):
    """Else a launch in which an arm hung would be measured again, until one came in which it did not."""
    caps = []

    def spied(*given, in_flight=None, **more):
        caps.append(in_flight)
        return marks(*given, in_flight=in_flight, **more)

    monkeypatch.setattr(launching, "marks", spied)
    launched(fleet, tmp_path)
    assert caps == [TrialOrder.__dataclass_fields__["in_flight"].default] * 2


def test_another_page_is_a_fault(fleet, tmp_path):
    """Times of different answers say nothing about each other."""
    found = launched(fleet, tmp_path, TINY_PAGE="Something else")
    assert any("different content" in fault for fault in found.faults)


def test_errors_under_load_are_a_fault(fleet, tmp_path):
    """An arm that answers errors quickly can't be compared, though it began well."""
    found = launched(fleet, tmp_path, TINY_STATUS="500")
    assert any("status 200, the candidate with 500" in fault for fault in found.faults)
    assert (found.requests[1]["status"] == 500).any()


def test_a_refused_write_is_a_fault(fleet, tmp_path):
    """The tiny project takes none: nothing was invalidated in either arm, so what that costs is not compared."""
    found = launched(fleet, tmp_path, traffic=replace(TRAFFIC, write=TargetWrite(path="/", form="a=1")))
    assert [fault.partition("(")[2][:10] for fault in found.faults] == ["status 501"] * 2


def test_an_arm_that_dies_is_named(fleet, tmp_path):
    """What was measured before stands beside the reason."""
    found = launched(fleet, tmp_path, TINY_REQUESTS="60")
    assert any(fault.startswith("candidate: its server ended by itself") for fault in found.faults)
    assert found.requests[1]["cause"].notna().any()
