"""``rig pages`` as other programs call it: a real Chromium, JSON on stdout, counts that add up, exit codes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from rig.cli.main import _run
from rig.samples import PAGES
from tests.misbehaving import Site
from tests.processes import is_chromium, marked, poll

pytestmark = pytest.mark.e2e

KEYS = {
    *("scheduled", "measured", "failed", "starved", "wall_s", "cpu_s", "lcp_ms", "ttfb_ms", "visit_slip_ms"),
    *("parts_ms", "fcp_ms", "cls", "inp_ms", "visits"),
}
VISIT_KEYS = {
    *("url", "outcome", "cause", "lcp_ms", "ttfb_ms", "parts_ms", "element", "resource_url", "server_timing"),
    *("x_cache", "final_url", "status", "screenshot"),
}


def pages(*arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and error of ``rig pages``; in this process, for the sake of time."""
    runner = CliRunner()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("sys.argv", ["rig", "pages", *arguments])
        with runner.isolation() as streams:
            code = _run()
            return code, streams[0].getvalue().decode(), streams[1].getvalue().decode()


def figures(*arguments: str, code: int = 0) -> dict[str, Any]:
    ended, out, said = pages(*arguments, "--json")
    assert ended == code, said
    print(said)
    found: dict[str, Any] = json.loads(out)
    assert found["scheduled"] == found["measured"] + found["failed"] + found["starved"] == len(found["visits"])
    return found


def test_the_contract(site: Site, tmp_path: Path) -> None:
    """All keys are there; every visit, also of failing pages, is accounted for; every sample is kept on request."""
    samples, pictures = tmp_path / "visits.parquet", tmp_path / "pictures"
    urls = [site.url(path) for path in ("/hero", "/failing", "/empty")]
    found = figures(*urls, "--visits", "3", "--samples", str(samples), "--screenshots", str(pictures))
    assert set(found) >= KEYS
    assert (found["scheduled"], found["failed"], found["failures"]) == (9, 6, {"status": 3, "no_lcp": 3})
    assert set(found["lcp_ms"]) == set(found["ttfb_ms"]) == {"p50", "p75", "p95", "iqr"}
    assert set(found["parts_ms"]) == {"ttfb", "load_delay", "load_duration", "render_delay"}
    assert found["visit_slip_ms"] == {"p50": None, "max": None}  # Back to back nothing is due.
    assert found["wall_s"] > 0
    assert found["cpu_s"] > 0
    for visit in found["visits"]:
        assert set(visit) >= VISIT_KEYS
        if visit["url"] == urls[0]:
            assert visit["resource_url"] == site.url("/image?delay_ms=150")
            assert visit["server_timing"][2] == {"name": "total", "description": "", "duration_ms": 12.75}
            assert (visit["x_cache"], visit["status"], visit["final_url"]) == ("HIT", 200, urls[0])
            assert sum(visit["parts_ms"].values()) == pytest.approx(visit["lcp_ms"], abs=0.01)
        else:
            assert (visit["outcome"], visit["lcp_ms"]) == ("failed", None)
    assert pq.read_schema(samples).names == PAGES.names
    assert pq.read_metadata(samples).num_rows == 9
    named = {visit["screenshot"] for visit in found["visits"]} - {None}
    assert named == {str(file) for file in pictures.iterdir()}
    assert [page["url"] for page in found["urls"]] == urls
    assert [page["scheduled"] for page in found["urls"]] == [3, 3, 3]


def test_urls_take_turns_in_a_seeded_order(site: Site) -> None:
    """Each round has every URL once; the same seed gives the same order, another another."""
    urls = [site.url(f"/plain?{name}") for name in "abc"]

    def order(seed: str) -> list[str]:
        visits = figures(*urls, "--visits", "4", "--seed", seed)["visits"]
        return [visit["url"] for visit in visits]

    first = order("1")
    assert all(set(first[start : start + 3]) == set(urls) for start in range(0, 12, 3))
    assert order("1") == first
    assert order("2") != first


def test_a_schedule_has_a_slip(site: Site) -> None:
    """Visits are due at fixed instants; one that takes longer makes the next ones late, and that is said."""
    found = figures(site.url("/plain?delay_ms=300"), "--visits", "4", "--every", "100ms")
    assert found["visit_slip_ms"]["max"] >= 600 - 1  # The fourth is due at 300 ms, three visits of 300 ms before it.
    assert found["options"]["every_s"] == 0.1


def test_all_visits_failed_is_no_measurement(site: Site) -> None:
    """Exit 3, naming the cause, with the visits on stdout all the same."""
    found = figures(site.url("/failing"), "--visits", "2", code=3)
    assert [visit["status"] for visit in found["visits"]] == [500, 500]
    assert found["lcp_ms"] == {"p50": None, "p75": None, "p95": None, "iqr": None}
    code, _, said = pages(site.url("/silent"), "--visits", "1", "--timeout", "500ms")
    assert code == 3
    assert "no visit was measured: 1 failed (timeout 1), 0 starved" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["http://192.0.2.7/"], "--allow-host 192.0.2.7"),
        (["http://127.0.0.1/", "http://192.0.2.7/"], "--allow-host 192.0.2.7"),
        (["127.0.0.1:8000"], "write it like http://"),
        ([], "Missing argument"),
        (["http://127.0.0.1/", "--visits", "0"], "--visits"),
        (["http://127.0.0.1/", "--viewport", "wide"], "write it like 1280x720"),
        (["http://127.0.0.1/", "--network", "6g"], "slow-3g, fast-3g, 4g"),
        (["http://127.0.0.1/", "--device", "Pixel 77"], "Pixel 7"),
        (["http://127.0.0.1/", "--timeout", "0"], "above 0"),
        (["http://127.0.0.1/", "--samples", "nowhere/all.parquet"], "there is no folder nowhere"),
        (["http://127.0.0.1/", "--screenshots", "/dev/null/here"], "no such folder can be made"),
        (["http://127.0.0.1/", "--header", "no colon"], "Accept-Language"),
    ],
)
def test_what_cannot_be_visited_is_refused(arguments: list[str], said: str) -> None:
    """Exit 2, with the remedy, and nothing on stdout."""
    code, out, complaint = pages(*arguments, "--json")
    assert (code, out) == (2, "")
    assert said in complaint


def test_options_reach_the_browser_and_the_result(site: Site) -> None:
    """Device, viewport, headers and a slow network change what the site sees; all of it is stamped into the result."""
    found = figures(
        *(site.url("/size"), "--visits", "1", "--device", "Pixel 7", "--viewport", "400x500"),
        *("--network", "dsl", "--header", "X-Secret: abc", "--no-interaction"),
    )
    size, headers = next((path, headers) for path, headers in site.requests if path.startswith("/seen"))
    assert size == "/seen?400x500"
    assert "Android" in headers["User-Agent"]
    assert headers["X-Secret"] == "abc"
    options = found["options"]
    assert (options["device"], options["viewport"], options["headers"]) == ("Pixel 7", [400, 500], ["X-Secret"])
    assert options["network"]["name"] == "dsl"
    assert options["network"]["source"]
    # Chromium adds its latency behind the first byte: nothing is painted sooner, and a reader is told.
    assert found["visits"][0]["lcp_ms"] >= options["network"]["latency_ms"]
    assert any("not in TTFB" in warning for warning in found["warnings"])


def test_a_slowed_cpu_slows_the_page(site: Site) -> None:
    """Eight times slower, a page that computes takes at least twice as long, however noisy the machine."""
    fast = figures(site.url("/work"), "--visits", "3", "--no-interaction")
    slow = figures(site.url("/work"), "--visits", "3", "--no-interaction", "--cpu-slowdown", "8")
    assert fast["inp_ms"] is slow["inp_ms"] is None
    assert slow["lcp_ms"]["p50"] > 2 * fast["lcp_ms"]["p50"]


@pytest.mark.parametrize("option", [[], ["--fresh-context"]])
def test_each_visit_is_a_first_visit(site: Site, option: list[str]) -> None:
    """No visit sees the storage, cookies or cache of another, in reused and in new contexts."""
    found = figures(site.url("/storage"), site.url("/hero"), "--visits", "3", *option)
    assert found["failed"] == 0
    assert [path for path, _ in site.requests if path.startswith("/seen")] == ["/seen?,"] * 3
    assert site.paths["/image"] == 3
    assert found["options"]["fresh_context"] is bool(option)


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[Site]:
    """A site whose certificate nobody vouches for."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl program to make a certificate with")
    pem = tmp_path / "own.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    subprocess.run([*make, "-keyout", str(pem), "-out", str(tmp_path / "cert")], check=True, capture_output=True)
    pem.write_text(pem.read_text() + (tmp_path / "cert").read_text())
    site = Site(pem)
    yield site
    site.close()


def test_a_bad_certificate_is_named_and_may_be_ignored(secure: Site) -> None:
    """As the browser says it; a visit to it fails unless the user wants it."""
    found = figures(secure.url("/plain"), "--visits", "1", code=3)
    assert found["failures"] == {"net::ERR_CERT_AUTHORITY_INVALID": 1}
    assert figures(secure.url("/plain"), "--visits", "1", "--ignore-certificate-errors")["failed"] == 0


def test_a_redirect_is_warned_of(site: Site) -> None:
    """It is measured, its end is named, and a reader is told what is in the figures."""
    found = figures(site.url("/redirect"), "--visits", "1")
    assert found["failed"] == 0
    assert found["visits"][0]["final_url"] == site.url("/plain")
    assert any("the redirect is part of TTFB" in warning for warning in found["warnings"])


@pytest.mark.parametrize("at_once", [1, 2])
def test_a_killed_browser_costs_what_was_open(site: Site, mark: str, at_once: int) -> None:
    """kill -9 of Chromium mid-run: at most one visit a page fails, all others are made, and nobody is left."""
    command = [sys.executable, "-m", "rig", "pages", site.url("/hero"), "--visits", "12", "--pages", str(at_once)]
    with subprocess.Popen([*command, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert poll(lambda: site.paths["/hero"] >= 4, 60)
        next(filter(is_chromium, marked(mark))).kill()
        out, said = running.communicate(timeout=120)
    assert running.returncode == 0, said
    found = json.loads(out)
    assert found["scheduled"] == 12 == found["measured"] + found["failed"] + found["starved"]
    assert 1 <= found["failed"] <= at_once
    assert set(found["failures"]) <= {"browser_crashed", "page_crashed"}
    assert any("started again" in warning for warning in found["warnings"])
    assert found["cpu_s"] is None
    assert poll(lambda: not marked(mark), 5)


def test_the_command_itself(site: Site, mark: str) -> None:
    """For people: 80 columns, what to do next, progress on stderr; Ctrl-C ends it with 130 and leaves nothing."""
    command = [sys.executable, "-m", "rig", "pages", site.url("/redirect"), site.url("/click"), "--visits", "2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.startswith("next: rig load") for line in lines)
    assert "4 visits = " in done.stdout
    assert "browser starts for 4 visits" in done.stderr
    with subprocess.Popen([*command[:5], site.url("/silent")], stderr=subprocess.PIPE, text=True) as running:
        assert poll(lambda: site.paths["/silent"] > 0, 60)
        running.send_signal(2)
        _, said = running.communicate(timeout=30)
    assert (running.returncode, "interrupted" in said) == (130, True)
    assert poll(lambda: not marked(mark), 5)


def test_what_one_word_does_not_explain_is_said(site: Site) -> None:
    """The browser process's log is gone with the visits; why a navigation broke must not be."""
    ended, _, said = pages(site.url("/plain"), site.url("/elsewhere"), "--visits", "1", "--json")
    assert ended == 0
    assert re.search(r"browser process: \S+/elsewhere: navigation: \S", said), said
