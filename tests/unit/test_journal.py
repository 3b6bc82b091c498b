"""The run directory keeps what was measured through anything but the loss of the disk."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from rig.journal import RunDir, StreamSink, open_run, read_json_lines, read_stream, recorded
from rig.model import InfrastructureError, RunStatus, TrialId, UsageError
from rig.samples import REQUESTS


def _batch(first: int, count: int, path: str) -> pa.RecordBatch:
    rows = [
        {
            "index": first + i,
            "kind": "read",
            "path": path,
            "intended_s": float(first + i),
            "content_version": f"{path}=1",
        }
        for i in range(count)
    ]
    return pa.RecordBatch.from_pylist(rows, schema=REQUESTS)


def test_a_stream_cut_off_anywhere_keeps_every_whole_batch(tmp_path):
    """After kill -9 all but the batch being written can be read."""
    path = tmp_path / "requests.arrows"
    sink = StreamSink(path, REQUESTS)
    sizes = []
    for number in range(3):
        sink.write(_batch(number * 10, 10, f"/{number}/"))
        sizes.append(path.stat().st_size)
    whole = path.read_bytes()
    for cut in range(sizes[0], len(whole), 7):
        path.write_bytes(whole[:cut])
        table = read_stream(path, REQUESTS)
        assert table.num_rows == 10 * sum(size <= cut for size in sizes)
    assert set(table["path"].to_pylist()) >= {"/0/", "/1/"}


def test_a_half_written_json_line_is_left_out(tmp_path):
    """A line without its newline was cut off."""
    path = tmp_path / "pages.jsonl"
    path.write_text('{"a": 1}\n{"a": 2}\n{"a"')
    assert [row["a"] for row in read_json_lines(path)] == [1, 2]


def test_a_sealed_trial_reads_back_and_its_journal_is_gone(tmp_path):
    """Samples survive sealing to the last column."""
    run = RunDir.create(tmp_path, "p", {})
    trial = run.open_trial(TrialId(round=1, arm="a"))
    sink = StreamSink(trial.requests_stream, REQUESTS)
    sink.write(_batch(0, 5, "/x/"))
    sink.close()
    trial.pages_lines.write_text(
        json.dumps({"index": 0, "url": "u", "path": "/x/", "intended_s": 1.0, "outcome": "measured"}) + "\n"
    )
    trial.seal([], {"round": 1, "arm": "a", "marks": []})
    run.finish(RunStatus.COMPLETE)
    read = open_run(run.path)
    assert read.status is RunStatus.COMPLETE
    assert read.trials[0].table("requests").num_rows == 5
    assert read.trials[0].frame("pages")["outcome"].tolist() == ["measured"]
    assert read.unsealed == []
    assert not trial.requests_stream.exists()


def test_a_trial_that_was_not_sealed_is_named_not_analysed(tmp_path):
    """trial.json comes last: without it the trial is not whole."""
    run = RunDir.create(tmp_path, "p", {})
    run.open_trial(TrialId(round=1, arm="a"))
    read = open_run(run.path)
    assert read.trials == []
    assert read.unsealed == ["1-a"]


def test_a_running_manifest_without_an_owner_is_read_as_interrupted(tmp_path):
    """After kill -9 the manifest still says running; the lock tells the truth."""
    run = RunDir.create(tmp_path, "p", {})
    assert open_run(run.path).status is RunStatus.RUNNING
    run._lock.close()
    assert open_run(run.path).status is RunStatus.INTERRUPTED


def test_a_run_that_failed_over_its_manifest_says_so(tmp_path):
    """Facts that are no JSON are left out, so that how the run ended can be written."""
    run = RunDir.create(tmp_path, "p", {})
    with pytest.raises(ValueError, match="JSON"), recorded(run):
        run.update(rate_rps=float("nan"))
    read = open_run(run.path)
    assert read.status is RunStatus.FAILED
    assert "JSON" in read.manifest["error"]
    assert "rate_rps" not in read.manifest


def test_an_unknown_column_is_refused(tmp_path):
    """A sample the schema has no place for is a defect, not a loss."""
    run = RunDir.create(tmp_path, "p", {})
    trial = run.open_trial(TrialId(round=1, arm="a"))
    with pytest.raises(ValueError, match="colour"):
        trial.seal([{"event": "write", "colour": "red"}], {"round": 1, "arm": "a"})


def test_what_is_no_run_is_refused_by_name(tmp_path):
    """A folder without a manifest is a usage error; a damaged or foreign manifest is not usable."""
    with pytest.raises(UsageError, match="manifest"):
        open_run(tmp_path)
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(InfrastructureError, match="cannot be read"):
        open_run(tmp_path)
    (tmp_path / "manifest.json").write_text('{"schema": "rig.run/99"}')
    with pytest.raises(InfrastructureError, match=r"rig\.run/99"):
        open_run(tmp_path)


def test_an_unwritable_output_folder_is_one_clear_error(tmp_path):
    """The message names the folder and the flag."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(InfrastructureError, match="--out"):
        RunDir.create(blocked, "p", {})
