"""``rig gate`` from the command line to the run directory, on projects it knows by their configuration alone.

Blocks are a fraction of a second and launches few, so that a gate takes seconds; all rules are those of a real one.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from rig.cli.gate import gate
from rig.gate.live import course, plan
from rig.journal import open_run
from rig.measure.gate.arms import answers
from rig.measure.services.app_server import free_port
from rig.measure.services.process import Service

HERE = Path(__file__).parent
GUNICORN = "-m gunicorn site_of_one_page:application --worker-class gthread --threads 2 --no-control-socket"
DJANGO = f"""
[target]
serve = "{sys.executable} {GUNICORN} --bind 127.0.0.1:{{port}}"
seed = ["cp rig.toml {{data}}/seeded"]
paths = ["/", "/second/"]
pages = []
rate = 260
"""
PAGE = """
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path

settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["127.0.0.1"], SECRET_KEY="tests only")
urlpatterns = [path(where, lambda request: HttpResponse("<h1>Hello</h1>")) for where in ("", "second/")]
application = get_wsgi_application()
"""
TINY = f"""
[target]
serve = "sh -c '. ./behaviour.sh; exec {sys.executable} tiny_project.py {{port}}'"
rate = 260
"""


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    done = subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True, text=True)
    return done.stdout


def committed(folder: Path, **files: str) -> None:
    """A repository with one commit of ``files`` (name without dot and suffix for those of Python)."""
    folder.mkdir(exist_ok=True)
    git(folder, "init", "-q", "-b", "main")
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "all")


@pytest.fixture
def short(monkeypatch, tmp_path):
    """A gate of seconds, in a project's own folder."""
    monkeypatch.setattr(plan, "BLOCK_S", 0.5)
    monkeypatch.setattr(course, "LEAST_LAUNCHES", 4)
    monkeypatch.setattr(course, "MOST_LAUNCHES", 4)
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    return project


def gated(*arguments: str) -> tuple[int, dict[str, Any]]:
    """Exit code and the object on stdout."""
    done = CliRunner().invoke(gate, [*arguments, "--json"], standalone_mode=False)
    if done.exception is not None:
        raise done.exception
    return int(done.return_value), json.loads(done.stdout)


def tiny(project: Path, toml: str = TINY, **behaviour: str) -> None:
    """The tiny project, committed as it is well; the working tree behaves as said."""
    shutil.copy(HERE / "tiny_project.py", project)
    committed(project, rig__toml=toml, behaviour__sh="")
    (project / "behaviour.sh").write_text("".join(f"export {name}='{value}'\n" for name, value in behaviour.items()))


def test_a_project_is_gated_by_its_configuration_alone(short):
    """A Django project that knows nothing of rig: both builds started, compared, and the run left whole."""
    committed(short, rig__toml=DJANGO, site_of_one_page__py=PAGE)
    code, found = gated("--baseline-ref", "main")
    assert found["verdict"] in ("pass", "inconclusive") or any("disturbed" in why for why in found["reasons"]), found
    assert code == {"pass": 0, "inconclusive": 4, "invalid": 3}[found["verdict"]]
    metrics = {one["name"]: one for one in found["metrics"]}
    assert metrics["any_p50"]["verdict"] != "not_applicable"
    assert metrics["stampede_peak"]["verdict"] == metrics["miss_ratio"]["verdict"] == "not_applicable"
    assert "needs 500 samples" in metrics["any_p99"]["reason"]
    assert found["baseline"]["ref"] == "main" and found["baseline"]["revision"] != found["candidate"]["revision"]
    run = open_run(Path(found["run_dir"]))
    assert run.manifest["kind"] == "gate" and run.manifest["status"] == "complete"
    assert json.loads((run.path / "gate.json").read_text()) == found
    assert {trial.id.arm for trial in run.trials} == {"baseline", "candidate"}
    if found["verdict"] != "invalid":
        assert found["launches"] == 4 and len(run.trials) == 10
        assert metrics["any_p50"]["mde"] > 1 and len(metrics["any_p50"]["by_launch"]) == 4
    assert git(short, "status", "--porcelain", "--", "rig.toml", "site_of_one_page.py", ".rig") == ""


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [({}, (0, "pass")), ({"TINY_DELAY_MS": "100"}, (1, "fail"))],
    ids=["the same", "slower"],
)
def test_the_same_passes_and_what_is_slower_fails(short, monkeypatch, behaviour, expected):
    """Live, to the exit code; what is disturbed is no verdict, and tried again."""
    monkeypatch.setattr(course, "LEAST_LAUNCHES", 7)  # Of fewer no sign-flip test tells at 1 %.
    monkeypatch.setattr(course, "MOST_LAUNCHES", 7)
    tiny(short, TINY + '[gate]\nmax_regression = "150%"\n', **behaviour)
    for _ in range(3):
        code, found = gated("--baseline-ref", "main", "--no-pages")
        if not any("disturbed" in why for why in found["reasons"]):
            break
    assert (code, found["verdict"]) == expected, found["reasons"]
    p50 = next(one for one in found["metrics"] if one["name"] == "any_p50")
    assert p50["verdict"] == expected[1]
    assert (p50["value"] > 2.5) is (expected[1] == "fail")


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ({"TINY_STATUS": "500"}, "the candidate with 500"),
        ({"TINY_PAGE": "Another"}, "different content"),
        ({"TINY_REQUESTS": "60"}, "candidate: its server ended by itself"),
    ],
    ids=["quick errors", "another page", "dies half-way"],
)
def test_what_cannot_be_compared_is_invalid(short, behaviour, reason):
    """Exit 3 with the reason, however quick the answers were."""
    tiny(short, **behaviour)
    code, found = gated("--baseline-ref", "main", "--no-pages")
    assert (code, found["verdict"]) == (3, "invalid")
    assert any(reason in why for why in found["reasons"]), found["reasons"]


def test_a_page_that_paints_nothing_is_invalid(short, monkeypatch):
    """LCP that only the baseline has is a difference that no margin allows."""
    monkeypatch.setattr(plan, "BLOCK_S", 2.0)
    tiny(short, TINY + 'content = "any"\n', TINY_PAGE="")
    code, found = gated("--baseline-ref", "main")
    assert (code, found["verdict"]) == (3, "invalid")
    assert any("lcp_p75 /: only the baseline supplies it" in why for why in found["reasons"]), found["reasons"]


def test_two_running_servers_are_gated_with_what_that_leaves_open(short, tmp_path):
    """They can't be started anew: the interval is wider by the stated amount, and the gate says so."""
    ports = (free_port(), free_port())
    logs = [tmp_path / f"{port}.log" for port in ports]
    command = [sys.executable, str(HERE / "tiny_project.py")]
    with (
        Service("one", [*command, str(ports[0])], log=logs[0]) as one,
        Service("other", [*command, str(ports[1])], log=logs[1]) as other,
    ):
        urls = [f"http://127.0.0.1:{port}/" for port in ports]
        for service, url in zip((one, other), urls, strict=True):
            service.wait_ready(lambda url=url: answers(url), 20)
        code, found = gated("--baseline-url", urls[0], "--candidate-url", urls[1], "--no-pages", "--advisory")
    assert code == 0 and found["advisory"]
    assert any("can't be started anew" in text and "6% at p95" in text for text in found["left_open"])
    p50 = next(one for one in found["metrics"] if one["name"] == "any_p50")
    if p50["upper"] is not None:
        assert p50["upper"] / p50["value"] >= 1.02
