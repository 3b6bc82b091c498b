"""docker-compose.yml, read by a real compose implementation."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import compose

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).parents[2]
TARGET = {"secrets", "cache", "postgres", "shop-data", "target"}
RUN = TARGET | {"browser", "worker", "master"}
EVERYTHING = RUN | {"prometheus", "grafana"}
ONCE = {"secrets", "shop-data"}
"""They prepare something and end."""
BUILT = {"rig-shop", "rig-load", "rig-browser"}
SECRET = re.compile(r"SECRET|TOKEN|PASSWORD")


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    """Returns a function: environment in, services out, as `docker compose up` would start them."""
    found = compose.implementation(tmp_path_factory.mktemp("compose"))
    if found is None:
        pytest.skip("neither 'docker compose' nor podman-compose is installed")

    def run(**environment):
        done = compose.config(found, **environment)
        assert done.returncode == 0, done.stderr
        return yaml.safe_load(done.stdout)["services"]

    return run


@pytest.fixture(scope="module")
def everything(read):
    """All services."""
    return read(COMPOSE_PROFILES="everything")


def _host_address(port):
    """The address a port is published on; None means all of them."""
    if isinstance(port, dict):
        return port.get("host_ip")
    parts = str(port).rsplit(":", 2)
    return parts[0] if len(parts) == 3 else None


def test_a_run_is_what_starts_where_nothing_is_configured(read):
    """`docker compose up` alone measures; the profiles take less or more."""
    assert set(read()) == RUN
    assert set(read(COMPOSE_PROFILES="target")) == TARGET
    assert set(read(COMPOSE_PROFILES="everything")) == EVERYTHING


def test_ports_are_published_on_loopback_only(everything):
    published = [port for service in everything.values() for port in service.get("ports", [])]
    assert len(published) == 3, "shop, Prometheus and Grafana are to be looked at"
    assert {_host_address(port) for port in published} == {"127.0.0.1"}


def test_everything_that_stays_up_says_whether_it_is_healthy_and_others_wait_for_that(everything):
    assert {name for name, service in everything.items() if service.get("healthcheck")} == EVERYTHING - ONCE
    for name, service in everything.items():
        for other, wanted in (service.get("depends_on") or {}).items():
            expected = "service_completed_successfully" if other in ONCE else "service_healthy"
            assert wanted["condition"] == expected, f"{name} waits for {other}"
    assert set(everything["target"]["depends_on"]) == {"cache", "shop-data"}
    assert set(everything["master"]["depends_on"]) == {"target", "browser"}
    assert set(everything["worker"]["depends_on"]) == {"master"}


def test_every_service_has_limits_and_no_rights_it_does_not_need(everything):
    """Memory and processes are bounded; CPU by a share only where nothing is measured."""
    for name, service in everything.items():
        assert service["mem_limit"], name
        assert service["pids_limit"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert ("cpus" in service) == (name in {"prometheus", "grafana"}), name
    assert {name for name, service in everything.items() if service.get("cpuset")} == {"cache", "postgres", "target"}


def test_no_secret_stands_in_the_file(everything):
    """A variable that holds a secret names a file, and no address has a password."""
    for name, service in everything.items():
        for variable, value in compose.environment_of(service).items():
            assert not SECRET.search(variable) or value.startswith("/secrets/"), f"{name}: {variable} has a value"
            assert not re.search(r"//[^/@]*:[^/@]*@", value), f"{name}: {variable} has a password in its URL"


def test_each_service_sees_its_own_secrets_only(everything):
    """The workers see none; the browser, which opens pages, the end of its own address alone."""
    seen = {
        name: set(re.findall(r"(\w+)-secret", str(service.get("volumes", [])))) for name, service in everything.items()
    }
    assert {name: secrets for name, secrets in seen.items() if secrets and name != "secrets"} == {
        "postgres": {"database"},
        "shop-data": {"database"},
        "target": {"target", "database"},
        "browser": {"browser"},
        "master": {"target", "browser"},
        "grafana": {"grafana"},
    }
    assert seen["secrets"] == {"target", "database", "grafana", "browser"}


def test_secrets_are_made_once_and_reach_a_command_as_variables(tmp_path):
    """Each random; a second start keeps them, for the database has its first password."""
    names = [tmp_path / "target" / "RIG_TOKEN", tmp_path / "database" / "PGPASSWORD"]
    for name in names:
        name.parent.mkdir()
    kept = []
    for _ in range(2):
        subprocess.run([ROOT / "docker/make-secrets", *names], check=True, cwd=ROOT)
        kept.append([name.read_text() for name in names])
    assert kept[0] == kept[1]
    assert len({*kept[0]}) == 2
    assert all(len(secret) >= 32 for secret in kept[0])

    show = [
        ROOT / "docker/with-secrets",
        tmp_path,
        "sh",
        "-c",
        'echo "$RIG_TOKEN" "$PGPASSWORD" "$1"',
        "sh",
        "two words",
    ]
    done = subprocess.run(show, capture_output=True, text=True, env={"PATH": os.environ["PATH"]})
    assert done.stdout.split(maxsplit=2) == [*kept[0], "two words\n"]


def test_a_command_is_not_started_without_its_secrets(tmp_path):
    """Rather than with an empty token."""
    done = subprocess.run([ROOT / "docker/with-secrets", tmp_path, "echo", "started"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert "service 'secrets'" in done.stderr


def test_images_are_pinned_to_a_full_version_and_no_container_runs_as_root(everything):
    dockerfile = (ROOT / "docker/Dockerfile").read_text()
    stages = set(re.findall(r"^FROM \S+ AS (\S+)", dockerfile, re.MULTILINE))
    pulled = [image for image in re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE) if image not in stages]
    pulled += [service["image"] for service in everything.values() if service["image"] not in BUILT]
    assert len(pulled) == 5
    for image in pulled:
        # PostgreSQL's full version has two numbers.
        assert re.search(r":v?\d+\.\d+(\.\d+)?(-\w+)*$", image), f"{image}: not a full version"

    last_users = [
        re.findall(r"^USER (\S+)", stage, re.MULTILINE) for stage in re.split(r"^FROM ", dockerfile, flags=re.M)
    ]
    assert [users[-1] for users in last_users if users] == ["rig", "rig"], (
        "of shop, which load goes on from, and browser"
    )
    for name, service in everything.items():
        by_default = "rig" if service["image"] in BUILT else "root"
        assert service.get("user", by_default) not in ("root", "0"), f"{name} runs as root"
        if service["image"] in BUILT:
            assert service["build"]["target"] in stages
            assert service["image"] == f"rig-{service['build']['target']}"


def test_images_are_made_by_the_steps_of_a_local_installation():
    """Each step that `make setup` knows, in its order, but for the data, which the service shop-data makes."""
    known = re.search(r"steps, in their order: ([a-z ]+) \(all", (ROOT / "script/setup").read_text())[1].split()
    used = re.findall(r"script/setup ([a-z ]*[a-z])", (ROOT / "docker/Dockerfile").read_text())
    assert " ".join(used).split() == known


def test_what_the_images_copy_is_sent_to_the_builder_and_nothing_else():
    """A file left out of .dockerignore's exceptions would be missing only where an image is built."""
    dockerfile = (ROOT / "docker/Dockerfile").read_text()
    sent = set(re.findall(r"^!(\S+)", (ROOT / "docker/Dockerfile.dockerignore").read_text(), re.MULTILINE))
    copied = {
        source.split("/")[0]
        for line in re.findall(r"^COPY --chown=\S+ (.*) \S+$", dockerfile, re.MULTILINE)
        for source in line.split()
    }
    assert copied == sent
    assert all((ROOT / source).exists() for source in copied)


@pytest.fixture(scope="module")
def of_the_shop_stage(tmp_path_factory):
    """A folder with what the image of shop and workers holds of the repository, and nothing else."""
    folder = tmp_path_factory.mktemp("image")
    stage = (ROOT / "docker/Dockerfile").read_text().split("\nFROM ")[1]
    for sources, place in re.findall(r"^COPY --chown=\S+ (.*) (\S+)$", stage, re.MULTILINE):
        for source in sources.split():
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, folder / place, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / source, folder / place)
    return folder


@pytest.mark.parametrize(
    "command",
    [
        ["locust", "--locustfile=rig/measure/load/any_url.py", "--list"],
        ["django", "check"],
        ["rig", "browser", "--help"],
    ],
    ids=["worker", "target", "browser"],
)
def test_the_image_of_the_shop_holds_what_its_services_need(of_the_shop_stage, command):
    """A file that is read at start and not copied would be missing only in a container."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(of_the_shop_stage), "SHOP_DATA_DIR": "shop"}
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=of_the_shop_stage,
        env={**environment, "DJANGO_SETTINGS_MODULE": "target_app.config.settings"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
