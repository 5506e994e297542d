"""Start, use, stop and start again of a whole stack, with stand-ins for API and worker."""

import signal
import subprocess
from pathlib import Path

import asyncpg
import psutil
import pytest

from perdure.embedded.binary import find_binaries
from perdure.embedded.info import StackInfo, find_running
from tests.integration.embedded.conftest import USER_ENVIRONMENT
from tests.integration.embedded.dev_process import DevProcess, eventually


def _temporal(info: StackInfo, *arguments: str) -> str:
    command = [str(find_binaries().temporal), *arguments, "--address", info.temporal_address]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _sql(info: StackInfo, statement: str) -> str:
    psql, url = find_binaries().postgres / "bin/psql", info.database_url.replace("+asyncpg", "")
    return subprocess.check_output([psql, url, "-Atqc", statement], text=True).strip()


def test_a2_data_is_kept_and_no_process_is_left(tmp_path: Path) -> None:
    with DevProcess(tmp_path / "data") as dev:
        first = dev.ready()
        key = Path(first.admin_api_key_file).read_text()
        _sql(first, "CREATE TABLE kept AS SELECT 42 AS answer")
        start = ("workflow", "start", "--type", "Job", "--task-queue", "q", "--workflow-id", "kept-1")
        _temporal(first, *start, "--search-attribute", 'PerdureTenant="acme"')
        assert len(dev.processes()) > 4
        assert dev.end(signal.SIGTERM) == 0
        assert dev.processes() == []
        assert not (dev.data_dir / "stack.json").exists()
    with DevProcess(tmp_path / "data") as dev:
        second = dev.ready()
        assert _sql(second, "SELECT answer FROM kept") == "42"
        assert "kept-1" in _temporal(second, "workflow", "list", "--query", 'PerdureTenant="acme"')
        assert Path(second.admin_api_key_file).read_text() == key
        assert dev.end(signal.SIGINT) == 0


def test_stack_json_is_right_and_only_for_its_owner(dev: DevProcess) -> None:
    info = dev.ready()
    assert (dev.data_dir / "stack.json").stat().st_mode & 0o777 == 0o600
    names = {pid: Path(f"/proc/{pid}/comm").read_text().strip() for pid in info.pids.model_dump().values()}
    assert names[info.pids.postgres] == "postgres"
    assert names[info.pids.temporal] == "temporal"
    assert len(names) == 4
    postmaster = (dev.data_dir / "postgres/data/postmaster.pid").read_text().split()[0]
    assert int(postmaster) == info.pids.postgres


async def test_database_url_works_with_asyncpg_and_only_with_its_password(dev: DevProcess) -> None:
    url = dev.ready().database_url.replace("+asyncpg", "")
    connection = await asyncpg.connect(url)
    assert await connection.fetchval("SELECT current_user") == "perdure"
    await connection.close()
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(url, password="wrong")


def test_postgres_is_durable_off_the_network_and_gives_no_superuser(dev: DevProcess) -> None:
    info = dev.ready()
    assert _sql(info, "SHOW fsync") == _sql(info, "SHOW synchronous_commit") == "on"
    assert _sql(info, "SHOW listen_addresses") == ""
    assert _sql(info, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") == "f"


def test_temporal_has_the_measured_settings(dev: DevProcess) -> None:
    info = dev.ready()
    assert "720h" in _temporal(info, "operator", "namespace", "describe", "--namespace", "default")
    attributes = _temporal(info, "operator", "search-attribute", "list")
    for name in ("PerdureStatus", "PerdureType", "PerdureTenant", "PerdureCorrelationId"):
        assert name in attributes
    command = Path(f"/proc/{info.pids.temporal}/cmdline").read_text()
    assert "history.transferProcessorMaxPollRPS=1000" in command


def test_a2_second_start_on_the_same_data_dir_is_refused(dev: DevProcess) -> None:
    dev.ready()
    second = DevProcess(dev.data_dir)
    assert second.process.wait(60) == 1
    assert f"{dev.data_dir} is in use" in second.output
    assert f"pid {dev.process.pid}" in second.output
    assert find_running(dev.data_dir) == dev.ready()


@pytest.mark.parametrize(
    ("setting", "said"),
    [("api_port", "(API, --api-port)"), ("temporal_port", "--temporal-port"), ("ui_port", "--ui-port")],
)
def test_a2_taken_port_is_refused_by_name(dev: DevProcess, tmp_path: Path, setting: str, said: str) -> None:
    info = dev.ready()
    port, pid = int(info.api_url.rpartition(":")[2]), info.pids.api
    with DevProcess(tmp_path / "other", settings={setting: port}) as other:
        assert other.process.wait(60) == 1
        assert f"port {port}" in other.output
        assert said in other.output
        assert f"already in use by pid {pid} (python" in other.output
        assert other.processes() == []


def test_children_get_the_users_settings_and_the_stacks(dev: DevProcess) -> None:
    info = dev.ready()
    environment = psutil.Process(info.pids.api).environ()
    assert {name: environment.get(name) for name in USER_ENVIRONMENT} == {
        "PERDURE_BODY_LIMIT_BYTES": "2048",
        "PERDURE_API_PORT": info.api_url.rpartition(":")[2],
        "TEMPORAL_ADDRESS": None,
        "PGHOST": None,
    }
    assert environment["PERDURE_HTTP_ALLOW_PRIVATE"] == "true"
    assert environment["PERDURE_DATABASE_URL"] == info.database_url
    assert environment["PERDURE_TEMPORAL_ADDRESS"] == info.temporal_address
    for variable in ("PERDURE_BOOTSTRAP_ADMIN_KEY_FILE", "PERDURE_API_KEY_PEPPER_FILE"):
        path = Path(environment[variable])
        assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_ephemeral_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    with DevProcess(tmp_path / "unused", settings={"ephemeral": True}) as dev:
        made = eventually(lambda: list(temporary.glob("perdure-*/stack.json")), "an ephemeral stack is ready")
        assert find_running(made[0].parent) is not None
        assert dev.end(signal.SIGTERM) == 0
    assert list(temporary.iterdir()) == []
    assert not (tmp_path / "unused").exists()
