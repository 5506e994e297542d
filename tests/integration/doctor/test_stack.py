"""The doctor on a whole embedded stack: found by itself, by --data-dir, by settings, by --server."""

import json
from pathlib import Path

import pytest

from perdure.doctor.finding import Report
from tests.integration.doctor.conftest import Doctor, run_doctor
from tests.server.stack import Stack

SERVER_SIDE = {
    "temporal",
    "namespace",
    "retention",
    "search attributes",
    "workers",
    "clock of Temporal",
    "postgres",
    "migrations",
    "clock of Postgres",
    "stored key",
    "files",
}
CLIENT_SIDE = {"examined", "python", "temporalio", "settings", "api", "clock of the API", "readiness", "key"}


def of_settings(stack: Stack) -> dict[str, str]:
    """The settings that an operator would give by hand for what this stack runs."""
    secret = Path(stack.info.admin_api_key_file).parent
    return {
        "PERDURE_TEMPORAL_ADDRESS": stack.info.temporal_address,
        "PERDURE_DATABASE_URL": stack.info.database_url,
        "PERDURE_API_PORT": stack.info.api_url.rpartition(":")[2],
        "PERDURE_API_KEY_PEPPER_FILE": str(secret / "api-key-pepper"),
        "PERDURE_BOOTSTRAP_ADMIN_KEY_FILE": str(secret / "admin-key"),
    }


def listed_workers(stack: Stack) -> str:
    """As Temporal counts them, which lists one that another test has killed for five more minutes."""
    described = json.loads(stack.temporal("task-queue", "describe", "--task-queue", "perdure-default", "-o", "json"))
    pollers = {one["identity"] for one in described["pollers"] if one["taskQueueType"] == "workflow"}
    return f"default: {len(pollers)}"


def test_the_stack_that_runs_here_or_above_is_found_and_well(stack: Stack, doctor: Doctor) -> None:
    below = stack.directory / "below"
    below.mkdir(exist_ok=True)
    before = listed_workers(stack)
    examined = doctor(cwd=below)
    assert (examined.code, examined.not_ok) == (0, {})
    assert examined.findings.keys() == SERVER_SIDE | CLIENT_SIDE
    assert str(stack.directory) in examined.only("examined")["what"]
    assert "role admin, every tenant" in examined.only("key")["what"]
    assert "role admin, every tenant" in examined.only("stored key")["what"]
    assert "30 days" in examined.only("retention")["what"]
    assert examined.only("workers")["what"].endswith((before, listed_workers(stack)))


def test_a_stack_elsewhere_is_found_by_its_data_directory(stack: Stack, doctor: Doctor) -> None:
    examined = doctor("--data-dir", str(stack.directory / ".perdure"))
    assert (examined.code, examined.not_ok) == (0, {})


def test_a_directory_without_a_running_stack_is_a_usage_error(tmp_path: Path) -> None:
    done = run_doctor("--data-dir", str(tmp_path), cwd=tmp_path)
    assert done.returncode == 2
    assert "no embedded stack runs on" in done.stderr


def test_settings_name_what_is_examined_also_beside_a_running_stack(stack: Stack, doctor: Doctor) -> None:
    examined = doctor(**of_settings(stack))
    assert (examined.code, examined.not_ok) == (0, {})
    assert examined.findings.keys() == SERVER_SIDE | CLIENT_SIDE
    elsewhere = doctor(cwd=stack.directory, **{**of_settings(stack), "PERDURE_TEMPORAL_ADDRESS": "127.0.0.1:1"})
    assert elsewhere.code == 1
    assert "127.0.0.1:1 (from PERDURE_TEMPORAL_ADDRESS): " in elsewhere.only("temporal")["what"]


def test_a_server_alone_is_examined_from_outside(stack: Stack, doctor: Doctor) -> None:
    examined = doctor("--server", stack.info.api_url, "--api-key", stack.api_key)
    assert examined.code == 0
    assert examined.not_ok.keys() == {"not examined"}
    assert examined.findings.keys() == CLIENT_SIDE | {"not examined"}


def test_nothing_anywhere_is_told_part_by_part(doctor: Doctor) -> None:
    nothing = {"PERDURE_API_PORT": "1", "PERDURE_TEMPORAL_ADDRESS": "127.0.0.1:1"}
    examined = doctor(**nothing, PERDURE_DATABASE_URL="postgresql+asyncpg://me:hush@127.0.0.1:1/perdure")
    assert examined.code == 1
    assert examined.not_ok.keys() == {"api", "temporal", "postgres"}
    assert "onnection refused" in examined.only("temporal")["what"]
    assert "hush" not in examined.output
    assert all(examined.only(check)["remedy"] for check in examined.not_ok)


def test_people_get_a_table_with_remedies_and_a_count(stack: Stack) -> None:
    done = run_doctor(cwd=stack.directory, PERDURE_SERVRE="x")
    assert done.returncode == 0
    assert "→ Did you mean PERDURE_SERVER?" in done.stdout
    assert done.stdout.splitlines()[-1] == "problems: 0, warnings: 1, ok: 19"


def test_no_secret_is_told(stack: Stack) -> None:
    done = run_doctor("-o", "json", cwd=stack.directory, **of_settings(stack))
    assert Report.model_validate_json(done.stdout).healthy
    secrets = (Path(stack.info.admin_api_key_file).parent).iterdir()
    assert not [file.name for file in secrets if file.read_text().strip() in done.stdout + done.stderr]


@pytest.mark.parametrize("key", ["nonsense", f"pdr_0123456789ab_{'x' * 43}"])
def test_a_key_that_is_none_of_this_stack_is_told_by_api_and_database(stack: Stack, doctor: Doctor, key: str) -> None:
    examined = doctor(cwd=stack.directory, PERDURE_API_KEY=key)
    assert examined.code == 1
    assert examined.not_ok.keys() == {"key", "stored key"}
    assert key.rpartition("_")[2] not in examined.output or key == "nonsense"


def test_a_key_with_another_secret_is_told(stack: Stack, doctor: Doctor) -> None:
    examined = doctor(cwd=stack.directory, PERDURE_API_KEY=stack.api_key[:-4] + "aaaa")
    assert "its secret is wrong" in examined.only("stored key")["what"]


def test_a_queue_that_nobody_serves_is_a_warning(stack: Stack, doctor: Doctor) -> None:
    examined = doctor(cwd=stack.directory, PERDURE_QUEUES="default,nobody")
    assert examined.code == 0
    assert "nobody" in examined.only("workers")["what"]
    assert examined.levels("workers") == ["warning"]


def test_an_admin_key_that_others_can_read_is_a_problem(stack: Stack, doctor: Doctor) -> None:
    file = Path(stack.info.admin_api_key_file)
    file.chmod(0o644)
    try:
        examined = doctor(cwd=stack.directory)
    finally:
        file.chmod(0o600)
    assert (examined.code, examined.levels("files")) == (1, ["problem"])
    assert examined.only("files")["remedy"] == f"Run: chmod 600 {file}"
