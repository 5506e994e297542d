"""docker-compose.yml: what is pinned, closed, ordered and healthy. No Docker engine is needed, or asked."""

import importlib.util
import os
import re
import subprocess
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

import perdure
from tests.unit.deploy.compose import COMPOSE, OWN, ROOT, SERVICES, binds, environment, is_one_shot, seconds

# Images without a shell or an HTTP client inside; Prometheus, or whoever uses them, notices.
WITHOUT_PROBE = {"temporal-ui", "otel-collector", "jaeger"}
every_service = pytest.mark.parametrize("service", SERVICES)
own_service = pytest.mark.parametrize("service", OWN)


@every_service
def test_images_are_pinned_to_a_release(service: str) -> None:
    assert re.fullmatch(r"[a-z0-9/-]+:v?\d+\.\d+(\.\d+)?(-[a-z]+)?", SERVICES[service]["image"])


@own_service
def test_our_image_is_built_from_our_dockerfile_under_our_version(service: str) -> None:
    build = SERVICES[service]["build"]
    assert SERVICES[service]["image"] == f"perdure:{perdure.__version__}"
    assert (ROOT / build["context"] / build["dockerfile"]).is_file()


def test_temporal_server_and_its_tools_are_of_one_version() -> None:
    names = ("temporal", "temporal-schema", "temporal-namespace")
    assert len({SERVICES[name]["image"].partition(":")[2] for name in names}) == 1


@every_service
def test_ports_are_published_to_this_host_only(service: str) -> None:
    for port in SERVICES[service].get("ports", []):
        assert port.startswith(("127.0.0.1:", "${PUBLISH_ADDRESS:-127.0.0.1}:")), port


def test_only_the_api_can_be_opened_to_others() -> None:
    assert [name for name, service in SERVICES.items() if "PUBLISH_ADDRESS" in str(service)] == ["api"]


def test_no_port_of_the_host_is_taken_twice() -> None:
    ports = [port.split(":")[-2] for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(ports) == len(set(ports))


@every_service
def test_nothing_reaches_out_of_its_container(service: str) -> None:
    forbidden = {"network_mode", "privileged", "pid", "ipc", "cap_add", "devices", "userns_mode"}
    assert not forbidden & SERVICES[service].keys()
    assert "docker.sock" not in str(SERVICES[service])


@own_service
def test_our_containers_may_do_as_little_as_they_need(service: str) -> None:
    found = SERVICES[service]
    assert found["read_only"] is True
    assert found["cap_drop"] == ["ALL"]
    assert found["security_opt"] == ["no-new-privileges:true"]
    assert "user" not in found  # the image's own, which is not root


@every_service
def test_what_is_mounted_from_the_checkout_exists_and_is_read_only(service: str) -> None:
    assert all(path.exists() for path in binds(service))
    for volume in SERVICES[service].get("volumes", []):
        assert not volume.startswith(".") or volume.endswith(":ro"), volume


def test_every_volume_is_declared_and_used() -> None:
    used = {
        volume.split(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
        if not volume.startswith(".")
    }
    assert used == set(COMPOSE["volumes"])


@every_service
def test_every_service_waits_for_what_it_can_wait_for(service: str) -> None:
    for name, wait in SERVICES[service].get("depends_on", {}).items():
        expected = "service_completed_successfully" if is_one_shot(name) else "service_healthy"
        if name in WITHOUT_PROBE:
            expected = "service_started"
        assert wait["condition"] == expected, f"{service} -> {name}"


def test_every_one_shot_is_waited_for() -> None:
    # Else `docker compose up --wait` takes its end for a failure.
    waited = {name for service in SERVICES.values() for name in service.get("depends_on", {})}
    assert {name for name in SERVICES if is_one_shot(name)} <= waited


@pytest.mark.parametrize(
    "script", [*(ROOT / "deploy").rglob("*.sh"), ROOT / "deploy/make-secrets"], ids=lambda path: path.name
)
def test_scripts_are_plain_shell_and_stop_at_the_first_error(script: Path) -> None:
    assert subprocess.run(["/bin/sh", "-n", str(script)], check=False, timeout=10).returncode == 0
    assert script.read_text().startswith("#!/bin/sh\n")
    assert "\nset -eu\n" in script.read_text()
    assert os.access(script, os.X_OK)


@pytest.mark.parametrize("service", ["api", "worker"])
def test_api_and_worker_start_after_tables_and_namespace(service: str) -> None:
    assert _before(service) == {
        "migrate",
        "postgres",
        "temporal",
        "temporal-namespace",
        "temporal-schema",
    }


def _before(service: str) -> set[str]:
    direct = set(SERVICES[service].get("depends_on", {}))
    return direct.union(*(_before(name) for name in direct))


@every_service
def test_what_stays_up_has_a_health_check(service: str) -> None:
    expected = not is_one_shot(service) and service not in WITHOUT_PROBE
    assert ("healthcheck" in SERVICES[service]) is expected


@own_service
def test_commands_are_modules_that_run(service: str) -> None:
    (module,) = SERVICES[service]["command"]
    spec = importlib.util.find_spec(module)
    assert spec is not None
    main = importlib.util.find_spec(f"{module}.__main__") if spec.submodule_search_locations else spec
    assert main is not None
    assert main.origin is not None
    assert "__main__" in main.origin or 'if __name__ == "__main__"' in (ROOT / main.origin).read_text()


def test_workers_can_be_scaled() -> None:
    assert not {"ports", "container_name", "hostname"} & SERVICES["worker"].keys()


def test_a_worker_is_not_killed_within_its_grace() -> None:
    grace = float(environment("worker")["PERDURE_WORKER_GRACE_SECONDS"])
    assert seconds(SERVICES["worker"]["stop_grace_period"]) >= grace + 10


def test_no_password_stands_in_the_file() -> None:
    for service in SERVICES:
        for name, value in environment(service).items():
            assert not re.search(r"PASSWORD$|_PWD$|_KEY$|TOKEN$", name), f"{service}: {name}={value}"
    assert make_url(environment("api")["PERDURE_DATABASE_URL"]).password is None
