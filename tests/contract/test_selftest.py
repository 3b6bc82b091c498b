"""The selftest: its exact checks hold on any machine, and one that is missed is said so."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from rig.measure.load.fleet_client import FleetClient
from rig.measure.single import LOCUSTFILE
from rig.model import UsageError
from rig.report.selftest import line, verdict
from rig.selftest import load
from rig.selftest.check import at_most, exactly, within
from rig.selftest.parts import checks_of


def test_counts_and_causes_hold_also_on_a_busy_machine(tmp_path):
    """Failures of every kind, and a server killed half-way: nothing of it depends on speed."""
    with FleetClient(LOCUSTFILE, logs=tmp_path) as fleet:
        fleet.wait_ready()
        generator = load._Generator(fleet, tmp_path)
        found = [*load._failures(generator, None, lambda text: None), *load._dying(generator, None, lambda text: None)]
    assert len(found) == 7
    counted = [check for check in found if check.name != "killed server: answered"]  # That one is a matter of time.
    assert [check.name for check in counted if not check.ok] == []


def test_edges_of_a_tolerance_belong_to_it():
    """3 % of 900 is 27: 927 is right, 927.1 is not; what was not measured is a miss."""
    assert within("p99", 927.0, 900.0, "ms", 0.03).ok
    assert not within("p99", 927.1, 900.0, "ms", 0.03).ok
    assert not within("p99", None, 900.0, "ms", 0.03).ok
    assert exactly("count", 6000, 6000).ok
    assert not exactly("count", 5999, 6000).ok
    assert at_most("slip", 5.0, 5.0, "ms").ok
    assert not at_most("slip", 5.01, 5.0, "ms").ok


def test_a_miss_is_named_in_line_and_verdict():
    """Measured beside true, and what to do."""
    rows = [within("freeze: response p99", 873.0, 900.0, "ms", 0.03), exactly("freeze: scheduled", None, 6000)]
    assert line(rows[0].as_dict()).startswith("ok")
    assert line(rows[1].as_dict()).startswith("MISSED")
    assert "nothing" in line(rows[1].as_dict())
    assert "1 of 2 missed" in verdict([row.as_dict() for row in rows])
    assert all(len(line(row.as_dict())) <= 80 for row in rows)


def test_an_unknown_part_is_refused():
    """Naming those there are."""
    with pytest.raises(UsageError, match="there are pages, load"):
        next(checks_of("pages-of-gold", lambda text: None))
    done = subprocess.run(
        [sys.executable, "-m", "rig", "selftest", "--only", "pages-of-gold"], capture_output=True, text=True
    )
    assert done.returncode == 2


def test_the_exit_code_says_what_the_json_says(monkeypatch, tmp_path):
    """0 and ok, or 1 and not ok; and so does the stamp that later runs carry into their reports."""
    from click.testing import CliRunner

    from rig.cli.selftest import selftest
    from rig.plan.environment import fingerprint
    from rig.plan.selftest_stamp import last_stamp
    from rig.selftest import parts

    monkeypatch.setenv("RIG_HOME", str(tmp_path))
    for measured, code in ((900.0, 0), (500.0, 1)):
        checks = [within("p99", measured, 900.0, "ms", 0.03)]
        monkeypatch.setattr(parts, "PARTS", {"load": lambda say, checks=checks: iter(checks)})
        result = CliRunner().invoke(selftest, ["--json"], standalone_mode=False)
        assert result.return_value == code
        assert json.loads(result.stdout)["ok"] is (code == 0)
        stamp = last_stamp(fingerprint())
        assert stamp["parts"]["load"]["ok"] is (code == 0)
        assert stamp["parts"]["load"]["missed"] == ([] if code == 0 else ["p99"])
