"""The dashboard's list: whatever lies in the runs folder has a line, and what has not changed is not read again."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from pathlib import Path

import pytest

from rig.board import index as index_module
from rig.board.entry import Entry, read_entry
from rig.board.history import as_csv, history, profiles
from rig.board.index import Index
from rig.board.live import progress_of
from rig.journal import RunDir, StreamSink
from rig.model import RunStatus, TrialId
from rig.samples import REQUESTS
from tests.gate_outcomes import OUTCOMES, hostile
from tests.synthetic_runs import MARKUP, STRATEGIES, write, write_gate, write_run


def listed(folder: Path, home: Path) -> Index:
    found = Index(folder, home)
    found.load()
    found.refresh()
    return found


@pytest.fixture
def runs(tmp_path) -> Path:
    folder = tmp_path / "runs"
    folder.mkdir()
    return folder


def damage(path: Path, kind: str) -> None:
    manifest, summary = path / "manifest.json", path / "summary.json"
    whole = json.loads(manifest.read_text())
    if kind == "half-written manifest":
        manifest.write_text(manifest.read_text()[:40])
    elif kind == "empty manifest":
        manifest.write_text("")
    elif kind == "no manifest":
        manifest.unlink()
    elif kind == "garbage":
        manifest.write_bytes(os.urandom(300))
    elif kind == "a list":
        write(manifest, [1, 2])
    elif kind == "nested":
        manifest.write_text("[" * 100_000)
    elif kind == "other schema":
        write(manifest, {**whole, "schema": ["rig.run/1"]})
    elif kind == "status of a wrong type":
        write(manifest, {**whole, "status": {"a": 1}})
    elif kind == "a pipe":
        manifest.unlink()
        os.mkfifo(manifest)
    elif kind == "manifest linked in a loop":
        manifest.unlink()
        manifest.symlink_to("manifest.json")
    elif kind == "manifest linked elsewhere":
        manifest.rename(path.parent.parent / "elsewhere.json")
        manifest.symlink_to(path.parent.parent / "elsewhere.json")
    elif kind == "a folder":
        manifest.unlink()
        manifest.mkdir()
    elif kind == "garbage summary":
        summary.write_text("{]")
    elif kind == "summary of wrong types":
        write(summary, {"valid": "yes", "arms": [1]})


DAMAGES = (
    "half-written manifest", "empty manifest", "no manifest", "garbage", "a list", "nested", "other schema",
    "status of a wrong type", "a pipe", "manifest linked in a loop", "manifest linked elsewhere", "a folder",
    "garbage summary", "summary of wrong types",
)  # fmt: skip


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_run_is_listed_as_damaged_with_the_reason_and_costs_the_others_nothing(runs, tmp_path, kind):
    write_run(runs, 0)
    broken = write_run(runs, 1)
    damage(broken, kind)
    found = listed(runs, tmp_path)
    assert [entry.kind for entry in found.entries] == ["damaged", "run"]
    reason = found.entries[0].reason
    assert reason and ("manifest.json" in reason or "summary.json" in reason)
    assert found.entries[0].created  # Its name still says when.


@pytest.mark.parametrize("value", [None, 7, "text", [], {}, [[]], {"a": {"b": []}}, True, float(2**70)])
def test_wrong_types_anywhere_in_manifest_and_summary_are_no_news(runs, value):
    """Each part in turn is of another type than it should be: the run has a line, and its history can be asked for."""
    path = write_run(runs, 0)
    whole = {name: json.loads((path / name).read_text()) for name in ("manifest.json", "summary.json")}
    parts = [
        ("manifest.json", "plan"), ("manifest.json", "environment"), ("manifest.json", "created"),
        ("manifest.json", "profile"), ("manifest.json", "seed"), ("manifest.json", "plan", "arms"),
        ("manifest.json", "plan", "paths"), ("manifest.json", "environment", "commit"), ("summary.json", "arms"),
        ("summary.json", "arms", "fixed-timeout"), ("summary.json", "arms", "fixed-timeout", "by_round"),
        ("summary.json", "arms", "fixed-timeout", "verdict"),
    ]  # fmt: skip
    for name, *where in parts:
        changed = json.loads(json.dumps(whole[name]))
        place = changed
        for key in where[:-1]:
            place = place[key]
        place[where[-1]] = value
        write(path / name, changed)
        entry = read_entry(path)
        assert entry.kind in ("run", "damaged")
        told = history([entry], entry.profile or "")
        json.dumps([entry.to_json(), told], allow_nan=False)
        write(path / name, whole[name])


def nested(levels: int) -> list[object]:
    value: list[object] = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "facts",
    [
        {"plan": {"paths": nested(600)}}, {"plan": {"rate_rps": nested(300)}},
        {"environment": {"observed_by": 7}}, {"environment": {"observed_by": [7]}},
    ],
    ids=("paths nested", "an amount nested", "observed by a number", "observed by numbers"),
)  # fmt: skip
def test_what_the_history_could_not_compare_is_damaged_and_costs_the_others_nothing(runs, tmp_path, facts):
    for number in range(3):
        write_run(runs, number)
    write_run(runs, 3, manifest=facts)
    found = listed(runs, tmp_path)
    assert [entry.kind for entry in found.entries] == ["damaged", "run", "run", "run"]
    assert history(found.entries, "hot-key")["judged"] == 3


def test_amounts_and_figures_beyond_all_measure_are_no_figures(runs, tmp_path):
    """Neither can be computed with; the run has its line, and the others their history."""
    for number, value in enumerate((1e200, 1e308, 5e-324, 1e-300, 10**400)):
        path = write_run(runs, number, manifest={"plan": {"rate_rps": 10**400, "paths": {}}})
        summary = json.loads((path / "summary.json").read_text())
        for one in summary["arms"]["fixed-timeout"]["by_round"]:
            one["lcp_p75_ms"] = value * one["round"] if value != 1e308 else value
        write(path / "summary.json", summary)
    write_gate(runs, 9, launches=10**400)
    found = listed(runs, tmp_path)
    told = history(found.entries, "hot-key")
    json.dumps(told, allow_nan=False)
    assert told["judged"] == 5
    figures = next(one for one in told["strategies"] if one["name"] == "fixed-timeout")["figures"]
    assert figures["lcp_p75_ms"] == [None] * 5
    assert None not in figures["p95_ms"]
    assert next(entry.gate for entry in found.entries if entry.gate)["launches"] is None


def test_a_run_without_summary_is_not_analysed_and_not_damaged(runs):
    path = write_run(runs, 0)
    (path / "summary.json").unlink()
    entry = read_entry(path)
    assert (entry.kind, entry.valid, entry.analysed) == ("run", None, False)
    assert "not analysed" in (entry.reason or "")
    assert [one["name"] for one in entry.strategies] == list(STRATEGIES)


def test_a_figure_that_one_round_lacks_is_none_of_the_run(runs):
    path = write_run(runs, 0)
    summary = json.loads((path / "summary.json").read_text())
    summary["arms"]["fixed-timeout"]["by_round"][1]["lcp_p75_ms"] = None
    write(path / "summary.json", summary)
    rounds = read_entry(path).strategies[0]["rounds"]
    assert "lcp_p75_ms" not in rounds
    assert len(rounds["p95_ms"]) == 3


def test_links_are_followed_only_where_they_lead_to_runs_elsewhere(runs, tmp_path):
    """A loop is damaged; ``latest`` and links to the folder itself are no runs of their own; nothing hidden is."""
    run = write_run(runs, 0)
    (runs / "latest").symlink_to(run.name)
    (runs / "self").symlink_to(runs)
    (runs / "above").symlink_to(runs.parent)
    (runs / "loop").symlink_to("loop")
    (runs / ".hidden").mkdir()
    (runs / "a file").write_text("x")
    (runs / "other-disk").symlink_to(write_run(tmp_path / "disk", 1))
    found = listed(runs, tmp_path)
    assert {entry.name: entry.kind for entry in found.entries} == {
        run.name: "run", "other-disk": "run", "loop": "damaged",
    }  # fmt: skip


def test_gates_are_listed_with_verdict_metrics_and_reasons(runs, tmp_path):
    path = write_gate(runs, 1)
    broken = write_gate(runs, 2, verdict="perhaps")
    odd = write_gate(
        runs, 3, metrics=[7, {"name": ["x"]}], reasons="none", baseline={"ref": "main", "title": "main (abc)"}
    )
    entries = {entry.name: entry for entry in listed(runs, tmp_path).entries}
    gate = entries[path.name].gate
    assert entries[path.name].state == "fail"
    assert gate and gate["metrics"][0]["value"] == 1.31
    assert entries[broken.name].kind == "damaged"
    assert entries[odd.name].gate == {
        **gate, "baseline": "main (abc)", "reasons": [],
        "metrics": [dict.fromkeys(("name", "kind", "verdict", "value", "lower", "upper", "margin", "mde"))],
    }  # fmt: skip


@pytest.mark.parametrize("outcome", [*OUTCOMES.values(), hostile()], ids=[*OUTCOMES, "hostile"])
def test_what_a_gate_leaves_behind_is_understood(runs, outcome):
    path = write_gate(runs, 1)
    write(path / "gate.json", outcome)
    entry = read_entry(path)
    assert (entry.kind, entry.state) == ("gate", outcome["verdict"])
    assert entry.gate
    assert entry.gate["candidate"] == outcome["candidate"]["title"]
    told = [[one[key] for key in ("verdict", "value", "margin")] for one in outcome["metrics"]]
    assert [[one[key] for key in ("verdict", "value", "margin")] for one in entry.gate["metrics"]] == told
    json.dumps(entry.to_json(), allow_nan=False)


def test_what_has_not_changed_is_taken_from_the_index_file(runs, tmp_path, monkeypatch):
    for number in range(3):
        write_run(runs, number)
    first = listed(runs, tmp_path)
    read: list[str] = []
    monkeypatch.setattr(index_module, "read_entry", lambda folder: read.append(folder.name) or read_entry(folder))
    again = listed(runs, tmp_path)
    assert read == []
    assert again.entries == first.entries
    assert again.revision == 1
    added, changed = write_run(runs, 7), write_run(runs, 8)
    again.refresh()
    (changed / "summary.json").write_text("{")
    gone = again.entries[-1].name
    shutil.rmtree(runs / gone)
    again.refresh()
    assert read == [added.name, changed.name, changed.name]
    assert again.get(gone) is None
    assert again.get(changed.name).kind == "damaged"
    assert again.revision == 3


@pytest.mark.parametrize("content", ["", "[1]", '{"schema": "rig.dashboard-index/2", "entries": {"a": 7}}'])
def test_a_damaged_index_file_is_as_if_there_were_none(runs, tmp_path, content):
    write_run(runs, 0)
    listed(runs, tmp_path)
    store = next((tmp_path / "dashboard").iterdir())
    store.write_text(content)
    assert len(listed(runs, tmp_path).entries) == 1


def test_where_nothing_may_be_written_the_index_is_made_anew(runs, tmp_path):
    write_run(runs, 0)
    (tmp_path / "home").write_text("a file where the folder should be")
    assert len(listed(runs, tmp_path / "home").entries) == 1
    assert [path.name for path in runs.iterdir() if path.name.startswith(".")] == []


def test_a_run_is_running_as_long_as_somebody_holds_its_lock(runs, tmp_path):
    """Its files do not change when it is killed; a pipe in the lock's place keeps nobody waiting."""
    run = RunDir.create(runs, "hot-key", {"plan": {"arms": []}})
    found = listed(runs, tmp_path)
    assert found.entries[0].state == RunStatus.RUNNING
    run._lock.close()
    found.refresh()
    assert found.entries[0].state == RunStatus.INTERRUPTED
    assert found.revision == 2
    (run.path / ".lock").unlink()
    os.mkfifo(run.path / ".lock")
    found.refresh()
    assert found.entries[0].state == RunStatus.INTERRUPTED


def test_progress_is_read_from_the_run_directory_alone(runs):
    order = [["a", MARKUP], [MARKUP, "a"]]
    run = RunDir.create(runs, "hot-key", {"plan": {"order": order, "window_s": 24.0, "visits": 12}})
    told = progress_of(run.path)
    assert told and (told["of"], told["sealed"], told["trial"]) == (4, 0, None)
    first = run.open_trial(TrialId(round=1, arm="a"))
    StreamSink(first.requests_stream, REQUESTS).close()
    first.seal([], {"round": 1, "arm": "a"})
    second = run.open_trial(TrialId(round=1, arm="b-c"))
    visits = [{"outcome": "measured", "lcp_ms": 300.0}, {"outcome": "failed", "lcp_ms": None}, {"control": True}]
    second.pages_lines.write_text("\n".join(json.dumps(one) for one in visits) + "\n{half")
    told = progress_of(run.path)
    assert told and told["phase"] == "preparing"
    second.requests_stream.write_bytes(b"half of a batch")
    told = progress_of(run.path)
    assert told and (told["sealed"], told["trial"], told["round"]) == (1, "b-c", 1)
    assert (told["visits"], told["lcp_ms"], told["at_s"]) == (2, 300.0, None)
    (run.path / "manifest.json").write_text("{")
    assert progress_of(run.path) is None
    run._lock.close()


def test_the_history_says_what_changed_and_leaves_out_what_does_not_count(runs, tmp_path):
    for number in range(12):
        write_run(runs, number, factor=1.5 if number >= 8 else 1.0)
    write_run(runs, 12, valid=False)
    write_run(runs, 13, manifest={"profile": "soak"})
    found = listed(runs, tmp_path)
    assert profiles(found.entries) == [{"name": "soak", "runs": 1}, {"name": "hot-key", "runs": 12}]
    told = history(found.entries, "hot-key")
    assert (told["judged"], told["left_out"]) == (12, 1)
    points = told["strategies"][0]["figures"]["lcp_p75_ms"]
    assert [number for number, point in enumerate(points) if point["mark"] == "change"] == [8]
    assert told["sentences"][0].startswith("LCP p75 changed on 3 Nov 2025, 17:00 UTC: fixed-timeout +")
    short = history(found.entries, "hot-key", most=3)
    assert short["strategies"][0]["figures"]["lcp_p75_ms"] == points[-3:]
    assert history(found.entries, "nobody's")["runs"] == []


def test_no_change_is_said_only_of_what_was_judged(runs, tmp_path):
    """Seven runs under like conditions, four at most of any strategy: none was held against anything."""
    for number in range(7):
        write_run(runs, number, strategies=("lease",) if number < 3 else ("delete-many",))
    (said,) = history(listed(runs, tmp_path).entries, "hot-key")["sentences"]
    assert "Too few runs of any one strategy" in said


def test_the_csv_has_every_figure_and_no_formula(runs, tmp_path):
    """As many lines as points, the figures unrounded; a name that begins like a formula is text."""
    for number in range(6):
        write_run(runs, number, strategies=("=1+1", MARKUP))
    told = history(listed(runs, tmp_path).entries, "hot-key")
    rows = list(csv.DictReader(io.StringIO(as_csv(told))))
    assert len(rows) == 6 * 2 * 5
    assert {row["strategy"] for row in rows} == {"'=1+1", MARKUP}
    first = next(row for row in rows if row["strategy"] == MARKUP and row["figure_ms"] == "p95_ms")
    point = next(one for one in told["strategies"] if one["name"] == MARKUP)["figures"]["p95_ms"][0]
    assert float(first["value"]) == point["value"]
    assert first["expected_low"] == ""


def test_few_runs_and_other_conditions_are_said_to_decide_nothing(runs, tmp_path):
    for number in range(6):
        write_run(runs, number, factor=1 + number % 2)
    cpu = {"environment": {"cpu": "Apple M2", "cpus": 2, "packages": {"django": "5.2"}}}
    write_run(runs, 6, factor=9, manifest=cpu)
    told = history(listed(runs, tmp_path).entries, "hot-key")
    assert told["sentences"][0].startswith("Too few runs to tell a change: 1 under the conditions of the newest")
    assert told["sentences"][1].endswith("amounts included: rig run --seed 1")
    assert told["breaks"] == [{"at": 6, "facts": ["processor"]}]
    assert told["strategies"][0]["figures"]["p95_ms"][6]["mark"] == "too few runs before it"


def test_an_entry_survives_the_index_file(runs):
    entry = read_entry(write_run(runs, 0))
    assert Entry(**json.loads(json.dumps(entry.to_json()))) == entry
