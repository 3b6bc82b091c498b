"""What the last selftest left for later runs: part by part, of this machine alone."""

from __future__ import annotations

import pytest

from rig.plan.selftest_stamp import last_stamp, leave_stamp, stamp_path

HERE = {"system": "Linux 6", "machine": "x86_64", "cpu": "a", "cpus": 2, "commit": "1"}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("RIG_HOME", str(tmp_path / "home"))


def leave(*checks, at="2026-11-23T14:02:00+00:00", facts=HERE):
    rows = [{"part": part, "name": name, "ok": ok} for part, name, ok in checks]
    leave_stamp(rows, of=["pages", "load"], at=at, version="1", facts=facts)


def test_without_a_selftest_there_is_none():
    assert last_stamp(HERE) is None


def test_a_part_tested_alone_leaves_the_other_as_it_was():
    leave(("load", "p99", True))
    leave(("pages", "lcp", True), ("pages", "starved", False), at="2026-11-24T08:00:00+00:00")
    found = last_stamp({**HERE, "commit": "another"})
    assert found["of"] == ["pages", "load"]
    assert (found["parts"]["load"]["ok"], found["parts"]["load"]["at"]) == (True, "2026-11-23T14:02:00+00:00")
    assert (found["parts"]["pages"]["ok"], found["parts"]["pages"]["missed"]) == (False, ["starved"])


def test_another_machines_is_not_believed():
    leave(("load", "p99", True))
    assert last_stamp({**HERE, "cpu": "b"}) is None


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"schema": "rig.selftest/1"}', '{"schema": "other/1", "machine": {}}']
)
def test_a_damaged_one_is_as_good_as_none(text):
    leave(("load", "p99", True))
    stamp_path().write_text(text)
    assert last_stamp(HERE) is None


def test_a_folder_that_cannot_be_written_fails_nothing(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RIG_HOME", str(tmp_path / "file"))
    leave(("load", "p99", True))
    assert last_stamp(HERE) is None
