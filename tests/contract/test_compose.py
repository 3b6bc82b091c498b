"""docker-compose.yml, read by a real compose implementation."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).parents[2]
LONG_RUNNING = {"cache", "target"}


@pytest.fixture(scope="module")
def compose(tmp_path_factory):
    """The command line of a compose implementation: Docker's where there is one, else podman-compose."""
    if shutil.which("docker") and subprocess.run(["docker", "compose", "version"], capture_output=True).returncode == 0:
        return ["docker", "compose"]
    podman_compose = Path(sys.executable).with_name("podman-compose")
    if not podman_compose.exists():
        pytest.skip("neither 'docker compose' nor podman-compose is installed")
    # `config` starts no container, yet podman-compose asks for podman's version first.
    podman = tmp_path_factory.mktemp("podman") / "podman"
    podman.write_text("#!/bin/sh\necho podman version 5.0.0\n")
    podman.chmod(0o755)
    return [str(podman_compose), "--podman-path", str(podman)]


@pytest.fixture(scope="module")
def read(compose):
    """Returns a function: compose files and extra environment in, finished process out."""

    def run(*files, **environment):
        inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        arguments = [argument for file in files for argument in ("-f", file)]
        return subprocess.run(
            [*compose, *arguments, "config"],
            cwd=ROOT,
            env=inherited | environment,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


@pytest.fixture(scope="module")
def config(read):
    """What `docker compose up` would start on a machine where nothing was configured."""
    done = read("docker-compose.yml")
    assert done.returncode == 0, done.stderr
    return yaml.safe_load(done.stdout)


def _environment(service):
    given = service.get("environment") or {}
    if isinstance(given, list):
        given = dict(entry.partition("=")[::2] for entry in given)
    return {name: str(value or "") for name, value in given.items()}


def _host_address(port):
    """The address a port is published on; None means all of them."""
    if isinstance(port, dict):
        return port.get("host_ip")
    parts = str(port).rsplit(":", 2)
    return parts[0] if len(parts) == 3 else None


def test_it_describes_the_cache_server_the_shop_and_locust(config):
    assert set(config["services"]) == {"cache", "shop-data", "target", "locust"}


def test_ports_are_published_on_loopback_only(config):
    published = [port for service in config["services"].values() for port in service.get("ports", [])]
    assert published, "the shop must be reachable from the machine"
    assert {_host_address(port) for port in published} == {"127.0.0.1"}


def test_everything_that_stays_up_says_whether_it_is_healthy_and_others_wait_for_that(config):
    services = config["services"]
    assert {name for name, service in services.items() if service.get("healthcheck")} == LONG_RUNNING
    assert services["target"]["depends_on"]["cache"]["condition"] == "service_healthy"
    assert services["target"]["depends_on"]["shop-data"]["condition"] == "service_completed_successfully"
    assert services["locust"]["depends_on"]["target"]["condition"] == "service_healthy"


def test_no_secret_stands_in_the_files(config):
    """Names that hold a secret have a value only if the caller's environment gives one."""
    for service in config["services"].values():
        for name, value in _environment(service).items():
            assert not (re.search(r"SECRET|TOKEN|PASSWORD", name) and value), f"{name} has a value"
            assert not re.search(r"//[^/@]*:[^/@]*@", value), f"{name} has a password in its URL"


def test_measurement_mode_is_off_unless_asked_for_and_needs_a_token(config, read):
    files = ("docker-compose.yml", "docker/measure.yml")
    assert not any("RIG_MEASURE" in _environment(service) for service in config["services"].values())

    without = read(*files)
    assert without.returncode != 0
    assert "RIG_TOKEN" in without.stderr + without.stdout

    done = read(*files, RIG_TOKEN="from-the-caller")
    assert done.returncode == 0, done.stderr
    target = _environment(yaml.safe_load(done.stdout)["services"]["target"])
    assert target["RIG_MEASURE"] == "1"
    assert target["RIG_TOKEN"] == "from-the-caller"


def test_images_are_pinned_to_a_full_version_and_no_container_runs_as_root(config):
    dockerfile = (ROOT / "docker/target.Dockerfile").read_text()
    pulled = re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)
    pulled += [s["image"] for s in config["services"].values() if s["image"] != "rig-target"]
    for image in pulled:
        assert re.search(r":\d+\.\d+\.\d+", image), f"{image}: not a full version"

    user = re.findall(r"^USER (\S+)", dockerfile, re.MULTILINE)
    assert user, "docker/target.Dockerfile sets no user"
    assert user[-1] != "root"
    for name, service in config["services"].items():
        by_default = "rig" if service["image"] == "rig-target" else "root"
        assert service.get("user", by_default) not in ("root", "0"), f"{name} runs as root"


def test_the_image_is_made_by_the_same_script_as_a_local_installation():
    assert re.findall(r"script/setup ([a-z ]*[a-z])", (ROOT / "docker/target.Dockerfile").read_text()) == [
        "tools python",
        "rig",
    ]
