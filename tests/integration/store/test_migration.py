"""The migrations: up, down, twice at once, and what the command says when Postgres is away."""

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

from perdure.settings import Settings
from perdure.store.engine import create_engine
from perdure.store.migrate import downgrade, upgrade
from perdure.store.table import metadata
from tests.integration.store.server import PostgresServer

ROOT = Path(__file__).parents[3]
HEAD = ScriptDirectory(str(ROOT / "perdure/store/migrations")).get_current_head()


@pytest.fixture
async def empty(postgres: PostgresServer, request: pytest.FixtureRequest) -> Settings:
    return postgres.create_database(request.node.name)


def _migrate(url: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PERDURE_DATABASE_URL": url, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "perdure.store.migrate"]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=60, check=False)


def _is_declared(name: str | None, kind: str, _parents: object) -> bool:
    """Partitions are made as time goes by."""
    return kind != "table" or re.fullmatch(r"(journal|attempts)_(first|default|\d{4}_\d\d)", name or "") is None


async def test_migrations_make_exactly_the_declared_tables(engine: AsyncEngine) -> None:
    def difference(connection: Connection) -> list[object]:
        options = {"compare_type": True, "compare_server_default": True, "include_name": _is_declared}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))

    async with engine.connect() as connection:
        assert await connection.run_sync(difference) == []


async def test_down_to_base_leaves_no_table_and_up_again_works(empty: Settings) -> None:
    engine = create_engine(empty)
    assert await upgrade(engine) == (None, HEAD)
    assert await downgrade(engine, "base") == (HEAD, None)
    async with engine.connect() as connection:
        tables = await connection.scalars(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'")
        )
        assert list(tables) == []
    assert await upgrade(engine) == (None, HEAD)
    await engine.dispose()


async def test_keys_from_before_the_grant_go_on_seeing_payloads(empty: Settings) -> None:
    engine = create_engine(empty)
    await upgrade(engine, "0001")
    async with engine.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO api_keys (id, tenant, name, role, hash, created_at)"
                " VALUES ('k', '*', 'admin', 'admin', 'h', now())"
            )
        )
    await upgrade(engine)
    async with engine.connect() as connection:
        assert await connection.scalar(text("SELECT payloads FROM api_keys")) is True
    await engine.dispose()


async def test_many_migrations_at_once_apply_each_revision_once(empty: Settings) -> None:
    engine = create_engine(empty)
    results = await asyncio.gather(*(upgrade(engine) for _ in range(5)))
    assert sorted(results, key=str) == [(HEAD, HEAD)] * 4 + [(None, HEAD)]
    await engine.dispose()


def test_command_migrates_from_any_directory_and_says_what_it_did(empty: Settings, tmp_path: Path) -> None:
    url = empty.database_url.get_secret_value()
    first, second = _migrate(url, tmp_path), _migrate(url, tmp_path)
    assert (first.returncode, first.stdout) == (0, f"database migrated from no tables to revision {HEAD}\n")
    assert (second.returncode, second.stdout) == (0, f"database is at revision {HEAD}: nothing to do\n")


def test_command_names_the_problem_in_one_line_when_postgres_is_away(tmp_path: Path) -> None:
    result = _migrate("postgresql+asyncpg://perdure@127.0.0.1:1/perdure", tmp_path)
    assert result.returncode == 1
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert "Postgres cannot be reached (PERDURE_DATABASE_URL)" in result.stderr


def test_command_names_a_missing_database_in_one_line(postgres: PostgresServer, tmp_path: Path) -> None:
    result = _migrate(postgres.settings("absent").database_url.get_secret_value(), tmp_path)
    assert result.returncode == 1
    assert 'database "absent" does not exist' in result.stderr
    assert len(result.stderr.splitlines()) == 1
