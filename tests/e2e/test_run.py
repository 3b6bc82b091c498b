"""The main job at small size, with every real part: cache server, gunicorn, Locust, Chromium."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from rig.journal import open_run, read_json_lines, read_stream
from rig.model import RunStatus
from rig.samples import REQUESTS
from tests.processes import alive, gone

pytestmark = pytest.mark.e2e
ARMS = ("fixed-timeout", "delete-on-write")
RUN = [sys.executable, "-m", "rig", "run", "--quick", "--strategies", ",".join(ARMS), "--seed", "3"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """One quick run of two strategies, as `rig run --json` says it."""
    out = tmp_path_factory.mktemp("runs")
    done = subprocess.run([*RUN, "--out", str(out), "--json"], capture_output=True, text=True, timeout=300)
    assert done.stdout, done.stderr[-2000:]
    return json.loads(done.stdout), done


def test_the_summary_is_on_stdout_alone_and_in_the_run_directory(finished):
    """stdout is one JSON object: summary.json plus run_dir."""
    summary, _ = finished
    kept = json.loads((Path(summary["run_dir"]) / "summary.json").read_text())
    assert kept == {key: value for key, value in summary.items() if key != "run_dir"}
    assert set(summary["arms"]) == set(ARMS)
    assert open_run(Path(summary["run_dir"])).status is RunStatus.COMPLETE


def test_nothing_offered_is_lost(finished):
    """Requests: scheduled == sent + dropped == journalled. Visits: each ends as one of three outcomes."""
    summary, _ = finished
    for trial in open_run(Path(summary["run_dir"])).trials:
        arm = summary["arms"][trial.id.arm]
        counted = trial.facts["requests"]
        requests, pages = trial.frame("requests"), trial.frame("pages")
        assert counted["scheduled"] == counted["sent"] + counted["dropped"] == len(requests)
        assert sorted(requests["index"]) == list(range(len(requests)))
        assert trial.facts["pages"]["scheduled"] == int((~pages["control"].astype(bool)).sum()) > 0
        if not trial.facts["marks"]:
            assert arm["pages"]["scheduled"] == sum(arm["pages"][o] for o in ("measured", "failed", "starved"))


def test_what_a_thousand_requests_cost_was_measured(finished):
    """By the cache server's own counters and the operating system's: no strategy can be free."""
    summary, _ = finished
    for arm in summary["arms"].values():
        if arm["trials"]:
            costs = arm["economics"]
            assert costs["cache_commands_per_1000"] >= costs["cache_round_trips_per_1000"] > 0
            assert costs["cache_keys"] > 0
            # Few keys may take less than the server freed meanwhile; that is unknown, not nothing.
            assert costs["cache_memory_bytes"] is None or costs["cache_memory_bytes"] > 0
            assert costs["app_cpu_s_per_1000"] > 0


def test_both_arms_were_offered_the_same(finished):
    """Common random numbers: equal digests, equal intended times and paths."""
    summary, _ = finished
    trials = open_run(Path(summary["run_dir"])).trials  # Three or four where an arm was measured once more.
    assert len({trial.id.arm for trial in trials}) == 2
    assert len({trial.facts["schedule_digest"] for trial in trials}) == 1
    first, *others = [
        (
            trial.frame("requests").sort_values("index")["path"].astype(str).tolist(),
            (trial.frame("requests").sort_values("index")["intended_s"] - trial.facts["start_s"]).round(6).tolist(),
        )
        for trial in trials
    ]
    assert all(other == first for other in others)


def test_every_response_came_from_the_arm_that_was_asked(finished):
    """X-Cache-Strategy of requests and visits; no trial is marked for it."""
    summary, _ = finished
    for trial in open_run(Path(summary["run_dir"])).trials:
        assert "wrong arm answered" not in trial.facts["marks"]
        assert set(trial.frame("pages")["strategy"].dropna()) == {trial.id.arm}
        assert set(trial.frame("origin")["strategy"]) == {trial.id.arm}


def test_two_recomputes_of_one_entry_were_open_at_once(finished):
    """Reading in a deferred transaction: recomputes do not queue behind each other, so stampedes can be seen."""
    summary, _ = finished
    for trial in open_run(Path(summary["run_dir"])).trials:
        origin = trial.frame("origin")
        hot = origin[(origin["event"] == "recompute") & (origin["entry"] == "product:moon-jar")]
        hot = hot.dropna(subset=["end_ns"]).sort_values("begin_ns")
        assert (hot["begin_ns"].to_numpy()[1:] < hot["end_ns"].to_numpy()[:-1]).any()


def test_writes_have_commit_intervals_and_all_dependents(finished):
    """Just before COMMIT comes before just after it; K = 3 versions each."""
    summary, _ = finished
    for trial in open_run(Path(summary["run_dir"])).trials:
        origin = trial.frame("origin")
        writes = origin[origin["event"] == "write"]
        assert len(writes) == 2
        assert (writes["commit_begin_ns"] <= writes["commit_end_ns"]).all()
        assert all(versions.count("=") == 3 for versions in writes["versions"])


def test_the_report_is_one_file_that_opens_without_network(finished, browser_path):
    """Chromium shows it: no console error, no request but the file itself, every chart drawn."""
    from playwright.sync_api import sync_playwright

    summary, _ = finished
    report = Path(summary["run_dir"]) / "report.html"
    assert report.stat().st_size < 3_000_000
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(browser_path), args=["--no-sandbox"] if os.geteuid() == 0 else []
        )
        page = browser.new_page()
        said, asked = [], []
        page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(report.as_uri())
        page.wait_for_function("document.querySelectorAll('svg path, canvas').length > 10")
        browser.close()
    assert said == []
    assert asked == [report.as_uri()]


def test_rig_report_makes_the_same_summary_again(finished):
    """From the run directory alone."""
    summary, _ = finished
    done = subprocess.run(
        [sys.executable, "-m", "rig", "report", summary["run_dir"], "--json"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == summary


def _started(out: Path) -> tuple[subprocess.Popen[str], Path]:
    """A run in its second trial: the first one sealed, the second one measuring."""
    process = subprocess.Popen(
        [*RUN, "--out", str(out), "--window", "6", "--rate", "20", "--writes", "0", "--ttl", "3"],
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        sealed = list(out.glob("*/trials/*/trial.json"))
        second = [p for p in out.glob("*/trials/*/requests.arrows") if p.stat().st_size > 4000]
        if sealed and second and second[0].parent != sealed[0].parent:
            return process, sealed[0].parents[2]
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    raise AssertionError("the second trial did not begin")


def test_ctrl_c_keeps_sealed_trials_and_leaves_no_process(tmp_path):
    """Exit 130, manifest interrupted, the first trial reportable."""
    process, path = _started(tmp_path)
    family = psutil.Process(process.pid).children(recursive=True)
    assert len(family) >= 6
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=30)[1]
    assert process.returncode == 130
    assert "Traceback" not in said
    assert f"rig report {path}" in said
    run = open_run(path)
    assert run.status is RunStatus.INTERRUPTED
    assert len(run.trials) == len(run.unsealed) == 1
    assert gone(family, 5), alive(family)
    shown = subprocess.run(
        [sys.executable, "-m", "rig", "report", str(path)], capture_output=True, text=True, timeout=60
    )
    assert shown.returncode == 0, shown.stderr
    assert run.unsealed[0] in shown.stdout


def test_kill_9_leaves_no_process_and_a_readable_journal(tmp_path):
    """No child outlives the conductor by 5 s; the run is read as interrupted; all but the last second is there."""
    process, path = _started(tmp_path)
    family = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.communicate()
    assert gone(family, 5), alive(family)
    run = open_run(path)
    assert run.manifest["status"] == "running"
    assert run.status is RunStatus.INTERRUPTED
    open_trial = path / "trials" / run.unsealed[0]
    assert read_stream(open_trial / "requests.arrows", REQUESTS).num_rows > 0
    assert all("outcome" in row for row in read_json_lines(open_trial / "pages.jsonl"))


def test_the_profile_runs_under_plain_locust(tmp_path):
    """`locust -f locustfiles/hot_key.py`: same schedule engine, no rig around it."""
    from rig.selftest.scripted_server import scripted_server

    with scripted_server() as url:
        command = [sys.executable, "-m", "locust", "-f", "locustfiles/hot_key.py", "--headless", "-u", "2", "-H", url]
        env = {key: value for key, value in os.environ.items() if key != "LOCUST_SKIP_MONKEY_PATCH"}
        done = subprocess.run(
            [*command, "--rate", "50", "--window", "2"], capture_output=True, text=True, timeout=60, env=env
        )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "/p/moon-jar/" in done.stderr + done.stdout
