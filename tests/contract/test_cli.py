"""The command line as other programs and people meet it: one clear line, the right exit code, JSON on stdout alone."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from rig.cli.options import Duration

RIG = [sys.executable, "-m", "rig"]
ROOT = Path(__file__).parents[2]


def _rig(*arguments, **env):
    return subprocess.run(
        [*RIG, *arguments], capture_output=True, text=True, env={**os.environ, "COLUMNS": "100", **env}, timeout=120
    )


@pytest.mark.parametrize(
    ("text", "seconds"), [("6", 6), ("6s", 6), ("500ms", 0.5), ("2m", 120), ("1h", 3600), ("1.5s", 1.5)]
)
def test_durations(text, seconds):
    """Plain numbers are seconds."""
    assert Duration().convert(text, None, None) == seconds


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("run", "--strategies", "warp-speed", "--dry-run"), "fixed-timeout"),
        (("run", "--profile", "warm-key", "--dry-run"), "hot-key"),
        (("run", "--profile", "./gone.py", "--dry-run"), "no such file"),
        (("run", "--ttl", "soon", "--dry-run"), "as-used"),
        (("run", "--rounds", "0", "--dry-run"), "at least 1"),
        (("run", "--writes", "1.5", "--dry-run"), "fraction"),
        (("run", "--rate", "fast"), "fast"),
        (("serve", "--strategy", "warp-speed"), "fixed-timeout"),
        (("strategies", "show", "warp-speed"), "versioned-keys"),
        (("report", "nowhere"), "manifest.json"),
        (("frobnicate",), "frobnicate"),
    ],
)
def test_wrong_usage_is_exit_2_and_names_what_would_be_right(arguments, says):
    """One message on stderr, nothing on stdout, no traceback."""
    done = _rig(*arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("url", "says"),
    [("postgresql://nobody:hush@127.0.0.1:1/x", "refused"), ("nobody:hush@127.0.0.1:1/x", "postgresql://user")],
)
def test_a_database_nobody_answers_for_is_missing(url, says):
    """The doctor asks it, and says why; its password is not told."""
    done = _rig("doctor", "--json", DATABASE_URL=url)
    (row,) = [row for row in json.loads(done.stdout)["checks"] if row["name"] == "database"]
    assert (done.returncode, row["ok"]) == (3, False)
    assert says in row["fact"]
    assert "hush" not in done.stdout + done.stderr


def test_an_unwritable_output_folder_is_exit_3(tmp_path):
    """Nothing is started before it is known that results can be kept."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    done = _rig("run", "--quick", "--out", str(blocked))
    assert done.returncode == 3
    assert "--out" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_a_missing_browser_is_exit_3(tmp_path):
    """RIG_BROWSER that points nowhere is named, not silently replaced."""
    done = _rig("run", "--quick", "--out", str(tmp_path), RIG_BROWSER="/nowhere/chromium")
    assert done.returncode == 3
    assert "/nowhere/chromium" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_port_in_use_is_exit_3():
    """Named with its remedy."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = _rig("serve", "--port", str(port))
    assert done.returncode == 3
    assert f"port {port}" in done.stderr
    assert "--port" in done.stderr


def test_dry_run_gives_the_plan_and_measures_nothing(tmp_path):
    """Same seed, same digests; the order of each round; no run directory."""
    first, second = (json.loads(_rig("run", "--dry-run", "--json", "--out", str(tmp_path)).stdout) for _ in range(2))
    assert first == second
    assert len(first["schedules"]) == first["rounds"] == 2
    assert sorted(first["order"][0]) == sorted(["fixed-timeout", "delete-on-write", "delete-many", "versioned-keys"])
    assert list(tmp_path.iterdir()) == []


def test_strategies_as_json_and_as_a_table():
    """The four of the seed, with what they cost and declare; 80 columns for people."""
    rows = json.loads(_rig("strategies", "--json").stdout)["strategies"]
    assert {row["name"] for row in rows} >= {"fixed-timeout", "delete-on-write", "delete-many", "versioned-keys"}
    assert all(row["max_staleness_s"] >= 0 and row["ttl_s"] > 0 for row in rows)
    table = _rig("strategies").stdout
    assert max(map(len, table.splitlines())) <= 80
    assert all(row["name"] in table for row in rows)
    for field in ("family", "source", "read_hit", "read_miss", "write", "known_bad", "available", "own_process"):
        assert all(field in row for row in rows)
    for field in ("fresh_after_race", "survives_crash", "recomputes_at_once"):
        assert all(field in row for row in rows)


def test_a_strategy_is_shown_with_its_pitfalls_and_the_code_to_take_home():
    """The file as it is; what it declares stands above it."""
    shown = _rig("strategies", "show", "versioned-keys")
    code = (ROOT / "target_app/strategies/versioned_keys.py").read_text()
    assert shown.stdout.endswith(code)
    assert "fresh after a reader paused across a write: yes" in shown.stdout
    row = json.loads(_rig("strategies", "show", "versioned-keys", "--json").stdout)
    assert row["code"] == code
    assert "incr_version" in row["pitfalls"]


def test_profiles_as_json_and_drawn():
    """Rate over the window for both; for people within 80 columns, with a letter where something goes wrong."""
    rows = {row["name"]: row for row in json.loads(_rig("profiles", "--json").stdout)["profiles"]}
    assert len(rows) == 12
    assert rows["cache-outage"]["disturbances"][0]["kind"] == "cache-outage"
    assert max(rows["spike"]["rate"]) == pytest.approx(4 * min(rows["spike"]["rate"]), rel=0.01)
    assert len(set(rows["steady"]["rate"])) == 1
    assert rows["soak"]["window_s"] == 300
    drawn = _rig("profiles").stdout
    assert max(map(len, drawn.splitlines())) <= 80
    assert all(name in drawn for name in rows)
    assert "CCCC" in drawn and "█" in drawn


def test_a_profile_that_would_kill_somebody_elses_cache_is_refused():
    """Before anything is started, also in a dry run."""
    done = _rig("run", "--profile", "cache-outage", "--dry-run", RIG_REDIS_URL="redis://127.0.0.1:1/0")
    assert done.returncode == 2
    assert "RIG_REDIS_URL" in done.stderr


def test_a_dry_run_says_what_goes_wrong_when():
    """The same instants for every arm of a round, as the schedule has them."""
    done = _rig("run", "--profile", "cache-outage", "--dry-run")
    assert done.stdout.count("cache-outage at ") == 2
    plan = json.loads(_rig("run", "--profile", "cache-outage", "--dry-run", "--json").stdout)
    assert [len(one["disturbances"]) for one in plan["schedules"]] == [1, 1]


def test_the_documented_profile_works(tmp_path):
    """The example of docs/profiles.md, as it stands there, through rig and through plain Locust's loader."""
    text = (ROOT / "docs" / "profiles.md").read_text()
    example = text.split("```python\n", 1)[1].split("```", 1)[0]
    own = tmp_path / "my_profile.py"
    own.write_text(example)
    plan = json.loads(_rig("run", "--profile", str(own), "--dry-run", "--json").stdout)
    assert plan["profile"] == "my-profile"
    assert [one["kind"] for one in plan["schedules"][0]["disturbances"]] == ["flush"]
    assert plan["writes"] > 0
    listed = subprocess.run(
        [sys.executable, "-m", "locust", "-f", str(own), "--list"], capture_output=True, text=True, timeout=60
    )
    assert "Shopper" in listed.stdout + listed.stderr
    assert "Visitor" in listed.stdout + listed.stderr


def test_runs_as_json(tmp_path):
    """Lists are objects with one plural key; a damaged run is listed as damaged."""
    (tmp_path / "20260101T000000Z-x-1").mkdir()
    runs = json.loads(_rig("runs", "--json", "--out", str(tmp_path)).stdout)["runs"]
    assert [run["status"] for run in runs] == ["damaged"]


def test_every_verb_has_help_with_an_example_or_a_sentence():
    """--help works for all of them and says what the verb does."""
    verbs = _rig("--help").stdout
    for verb in ("run", "report", "serve", "strategies", "profiles", "runs", "doctor", "browser"):
        assert verb in verbs
        assert _rig(verb, "--help").returncode == 0
    assert "Examples:" in _rig("run", "--help").stdout


@pytest.mark.parametrize(("arguments", "code"), [(("strategies",), 0), (("report", "nowhere"), 2)])
def test_a_reader_that_is_gone_changes_no_exit_code(arguments, code):
    """Both streams are closed at their other end before rig writes to them."""
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([*RIG, *arguments], stdout=write, stderr=write, timeout=120)
    os.close(write)
    assert done.returncode == code


def test_a_fault_of_rig_itself_is_no_regression():
    """Something nobody foresaw: the traceback, one line that says whose fault it is, and exit 3."""
    broken = "import sys, rig.cli.main as m; sys.argv = ['rig', 'runs']; m.VERBS['runs'] = 'rig.nowhere:runs'; m.main()"
    done = subprocess.run([sys.executable, "-c", broken], capture_output=True, text=True, timeout=120)
    assert done.returncode == 3
    assert "fault of rig itself" in done.stderr and "Traceback" in done.stderr


def test_an_error_steers_no_terminal():
    """It quotes what came from outside, without its control characters."""
    done = _rig("report", "no\x1b[31mwhere")
    assert done.returncode == 2
    assert "[31mwhere" in done.stderr and "\x1b" not in done.stderr
