"""``rig run --ui``: Locust's web UI stands for the whole run and shows the trial under way."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

pytestmark = pytest.mark.e2e
RUN = [sys.executable, "-m", "rig", "run", "--quick", "--no-pages", "--ui", "--strategies", "delete-many"]


def _get(url: str, body: bytes | None = None) -> str:
    with urllib.request.urlopen(url, body, timeout=10) as response:
        return response.read().decode()


def test_the_trial_under_way_is_seen_and_nobody_else_can_stop_it(tmp_path):
    """Response times, a write and a stampede come in; Locust's own stop button is refused; the run ends by itself."""
    command = [*RUN, "--out", str(tmp_path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as run:
        try:
            said = []
            for line in run.stderr:
                said.append(line)
                if found := re.search(r"watch it live: (\S+)", line):
                    break
            else:
                pytest.fail("".join(said))
            address = found[1]
            assert "rig/assets/live/tab.js" in _get(address)
            seen = _wait_for_a_picture(address)
            with pytest.raises(urllib.error.HTTPError) as refused:
                _get(f"{address}stop", b"")
            assert refused.value.code == 409
            assert seen["facts"]["profile"] == "hot-key"
            assert seen["trial"]["arm"] == "delete-many"
            out, _ = run.communicate(timeout=200)
        finally:
            run.kill()
    assert run.returncode in (0, 3), out  # 3: this machine was too busy to send on time, twice.
    with pytest.raises(urllib.error.URLError):
        _get(address)


def _wait_for_a_picture(address: str) -> dict:
    """Until the trial has response times, a write and a stampede: each of two writes deletes what others then miss."""
    deadline = time.monotonic() + 120
    state: dict = {}
    while time.monotonic() < deadline:
        try:
            state = json.loads(_get(f"{address}rig/state"))
        except urllib.error.URLError as error:
            pytest.fail(f"the run was over ({error}); last shown: {state}")
        trial = state["trial"] or {}
        kinds = {marker["kind"] for marker in trial.get("markers", [])}
        if trial.get("totals", {}).get("reads") and {"write", "stampede"} <= kinds:
            return state
        time.sleep(0.5)
    pytest.fail(f"nothing was shown: {state}")
