"""deploy/postgres/databases.sql on a real Postgres, and our migrations with the password from its file."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.integration.deploy.server import ProductionPostgres
from tests.unit.deploy.compose import ROOT, make_secrets

OWNERS = {"perdure": "perdure", "temporal": "temporal", "temporal_visibility": "temporal"}


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("deploy") / "secrets"
    make_secrets(directory)
    return directory


@pytest.fixture(scope="module")
def postgres(secrets: Path) -> Iterator[ProductionPostgres]:
    home = Path(tempfile.mkdtemp(prefix="perdure-pg-"))
    server = ProductionPostgres(home)
    try:
        server.initialise()
        server.start()
        server.run_script(ROOT / "deploy/postgres/databases.sql", secrets)
        yield server
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)


def _password(secrets: Path, role: str) -> str:
    return (secrets / f"{role}_database_password").read_text()


@pytest.mark.parametrize(("database", "role"), OWNERS.items())
def test_each_role_enters_its_databases_with_its_password(
    postgres: ProductionPostgres, secrets: Path, database: str, role: str
) -> None:
    # What a migration does: its own schema, in a database that is its own.
    sql = "CREATE SCHEMA tried; DROP SCHEMA tried; SELECT current_user"
    result = postgres.query(role, database, sql, _password(secrets, role))
    assert result.stdout.split()[-1] == role, result.stderr


@pytest.mark.parametrize(("database", "role"), OWNERS.items())
def test_no_role_enters_without_its_password(postgres: ProductionPostgres, database: str, role: str) -> None:
    assert "no password supplied" in postgres.query(role, database, "SELECT 1").stderr
    assert "password authentication failed" in postgres.query(role, database, "SELECT 1", "guessed").stderr


@pytest.mark.parametrize(("database", "owner"), OWNERS.items())
def test_no_role_enters_the_databases_of_the_other(
    postgres: ProductionPostgres, secrets: Path, database: str, owner: str
) -> None:
    other = "temporal" if owner == "perdure" else "perdure"
    result = postgres.query(other, database, "SELECT 1", _password(secrets, other))
    assert "permission denied for database" in result.stderr


def test_the_roles_are_no_superusers_and_make_nothing_outside(postgres: ProductionPostgres) -> None:
    sql = (
        "SELECT bool_or(rolsuper OR rolcreaterole OR rolcreatedb) FROM pg_roles WHERE rolname IN ('perdure','temporal')"
    )
    assert postgres.query("postgres", "postgres", sql).stdout == "f\n"


def _migrate(postgres: ProductionPostgres, password_file: Path) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PERDURE_DATABASE_URL": f"postgresql+asyncpg://perdure@/perdure?host={quote(str(postgres.home))}",
        "PERDURE_DATABASE_PASSWORD_FILE": str(password_file),
    }
    command = [sys.executable, "-m", "perdure.store.migrate"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_migrations_run_with_the_password_from_the_file_and_again(postgres: ProductionPostgres, secrets: Path) -> None:
    first, second = (_migrate(postgres, secrets / "perdure_database_password") for _ in range(2))
    assert "migrated from no tables" in first.stdout, first.stderr
    assert "nothing to do" in second.stdout, second.stderr


def test_with_another_password_migrations_say_so(postgres: ProductionPostgres, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("guessed")
    result = _migrate(postgres, tmp_path / "password")
    assert result.returncode == 1
    assert "password authentication failed" in result.stderr
    assert "guessed" not in result.stderr


def test_without_the_secret_no_role_is_made(tmp_path: Path) -> None:
    home = Path(tempfile.mkdtemp(prefix="perdure-pg-"))
    server = ProductionPostgres(home)
    try:
        server.initialise()
        server.start()
        with pytest.raises(subprocess.CalledProcessError) as caught:
            server.run_script(ROOT / "deploy/postgres/databases.sql", tmp_path / "absent")
        assert "the secrets cannot be read: run deploy/make-secrets" in caught.value.stderr
        assert server.query("postgres", "postgres", "SELECT 1 FROM pg_roles WHERE rolname = 'perdure'").stdout == ""
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)
