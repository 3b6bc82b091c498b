"""The selftest's pages part with a real Chromium, in a short form."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time

import psutil
import pytest

from rig.selftest import pages
from rig.selftest.calibration import DELAYS_MS

pytestmark = pytest.mark.e2e
ATTEMPTS = 3


@pytest.fixture(scope="module")
def here(browser_path):
    with pages.lab() as lab:
        yield lab
    assert lab.browser.restarts == 0


def test_every_calibrated_visit_has_an_end_and_a_slope(here):
    """Two visits a delay, each accounted for; how exact they are is a matter of the machine, and the unit test's.

    50 % either way: LCP is the held image's and not that of something painted before it, whatever else runs.
    """
    found = {check.name: check for check in pages.calibrated(here, 2)}
    assert found["calibration: visits with an end"].measured == 2 * len(DELAYS_MS)
    assert found["calibration: visits with an end"].ok
    assert found["calibration: LCP / delay"].measured == pytest.approx(1.0, abs=0.5)
    assert found["calibration: the browser's own"].measured is not None
    assert found["calibration: LCP p50 without delay"].measured > 0


def test_server_timing_is_read_back_exactly(here):
    """Quoted commas, escapes, umlauts, odd names, and entries without a duration."""
    assert [check.name for check in pages.server_timing(here) if not check.ok] == []


def test_a_wrong_server_timing_is_missed(here, monkeypatch):
    """One duration a little off is one entry too few."""
    wrong = [*pages.SERVER_TIMING_READ[:-1], ("b", "Bücher = Büchlein; ×2", 2.51)]
    monkeypatch.setattr(pages, "SERVER_TIMING_READ", wrong)
    sent, same = pages.server_timing(here)
    assert (sent.ok, same.ok, same.measured) == (True, False, len(wrong) - 1)


def test_a_withheld_frame_is_flagged_each_time(here):
    """A process that presents no frames for a second and more: starved, never measured."""
    assert here.visit(here.server.url(0))["outcome"] != "failed"
    (check,) = pages.withheld_frames(here, 2)
    assert check.ok, check
    assert all(_turns(one, stopped=False) for one in pages.frame_makers(here.browser.ready["pid"]))


def test_without_anything_stopped_nothing_is_flagged(here, monkeypatch):
    """The check sees a planted fault that was not planted. A busy machine may starve a visit, so up to three tries."""
    monkeypatch.setattr(pages, "frame_makers", lambda pid: [])
    for _ in range(ATTEMPTS):
        (check,) = pages.withheld_frames(here, 1)
        if check.measured == 0:
            break
    assert check.measured == 0
    assert not check.ok


def test_a_slow_stylesheet_is_not_flagged(here):
    """600 ms without a paint, and the page itself is the reason. A busy machine may starve it: up to three tries."""
    for _ in range(ATTEMPTS):
        found = list(pages.slow_stylesheets(here, 1))
        if all(check.ok for check in found):
            break
    assert [check.name for check in found if not check.ok] == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_no_process_stays_stopped(error):
    """However the block ends; a process that is gone does not keep the others stopped."""
    with subprocess.Popen(["sleep", "60"]) as gone, subprocess.Popen(["sleep", "60"]) as process:
        try:
            victims = [psutil.Process(gone.pid), psutil.Process(process.pid)]
            with contextlib.suppress(error), pages.stopped(victims):
                assert _turns(victims[1], stopped=True)
                gone.kill()
                gone.wait()
                raise error
            assert _turns(victims[1], stopped=False)
        finally:
            process.kill()


def _turns(process, stopped):
    """Whether it is soon stopped, or soon not: a signal is not there at once."""
    end_s = time.monotonic() + 5
    while (process.status() == psutil.STATUS_STOPPED) is not stopped:
        if time.monotonic() > end_s:
            return False
        time.sleep(0.01)
    return True


def test_no_browser_is_an_infrastructure_error():
    """Exit 3 in one line that names it; nothing is printed as if it had been measured."""
    done = subprocess.run(
        [sys.executable, "-m", "rig", "selftest", "--only", "pages", "--json"],
        env={**os.environ, "RIG_BROWSER": "/nonexistent/chromium"},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (3, "")
    assert "RIG_BROWSER=/nonexistent/chromium" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_json_names_part_browser_and_machine(monkeypatch, browser_path, tmp_path):
    """What a report needs to stamp itself with."""
    from click.testing import CliRunner

    from rig.cli.selftest import selftest
    from rig.selftest import parts
    from rig.selftest.check import exactly

    monkeypatch.setenv("RIG_HOME", str(tmp_path))
    monkeypatch.setitem(parts.PARTS, "pages", lambda say: iter([exactly("one", 1, 1)]))
    said = json.loads(CliRunner().invoke(selftest, ["--only", "pages", "--json"], standalone_mode=False).stdout)
    assert (said["ok"], said["parts"], said["checks"][0]["part"]) == (True, ["pages"], "pages")
    assert said["environment"]["browser"]
    assert said["environment"]["cpus"] >= 1
    assert said["started_utc"].endswith("+00:00")
    assert said["rig_version"]
