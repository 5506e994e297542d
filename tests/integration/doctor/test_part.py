"""The doctor on single parts that are not as they should be: a bare Temporal, a bare or refusing Postgres."""

import asyncio
import subprocess
from pathlib import Path

import pytest

from perdure.embedded.binary import find_binaries
from perdure.store.engine import create_engine
from perdure.store.migrate import downgrade, upgrade
from tests.integration.doctor.conftest import Doctor
from tests.integration.store.server import PostgresServer

NO_API = {"PERDURE_API_PORT": "1"}
NO_POSTGRES = {**NO_API, "PERDURE_DATABASE_URL": "postgresql+asyncpg://perdure@127.0.0.1:1/perdure"}
NO_TEMPORAL = {**NO_API, "PERDURE_TEMPORAL_ADDRESS": "127.0.0.1:1"}


def temporal(address: str, *words: str) -> None:
    command = [str(find_binaries().temporal), *words, "--address", address]
    subprocess.run(command, check=True, capture_output=True, timeout=120)


def test_a_namespace_that_forgets_after_a_day_is_a_warning(temporal_address: str, doctor: Doctor) -> None:
    examined = doctor(**NO_POSTGRES, PERDURE_TEMPORAL_ADDRESS=temporal_address)
    assert (examined.levels("temporal"), examined.levels("retention")) == (["ok"], ["warning"])
    assert examined.levels("workers") == ["warning"]
    assert examined.levels("clock of Temporal") == ["ok"]


def test_a_namespace_without_our_search_attributes_is_a_problem_and_the_remedy_mends_it(
    temporal_address: str, doctor: Doctor
) -> None:
    settings = {**NO_POSTGRES, "PERDURE_TEMPORAL_ADDRESS": temporal_address, "PERDURE_TEMPORAL_NAMESPACE": "bare"}
    missing = doctor(**settings).only("namespace")
    assert missing["level"] == "problem"
    temporal(temporal_address, *command_of(missing["remedy"].removesuffix(" (PERDURE_TEMPORAL_NAMESPACE).")))
    found = attributes(doctor, settings)
    assert found["level"] == "problem"
    assert "PerdureStatus" in found["what"]
    temporal(temporal_address, *command_of(found["remedy"]))
    assert attributes(doctor, settings)["level"] == "ok"


def attributes(doctor: Doctor, settings: dict[str, str]) -> dict[str, str]:
    """What is found of them; a new namespace is known everywhere only after a while."""
    for _ in range(20):
        examined = doctor(**settings)
        if examined.levels("namespace") == ["ok"] and "search attributes" in examined.findings:
            found: dict[str, str] = examined.only("search attributes")
            if "refused" not in found["what"]:
                return found
    raise AssertionError(examined.output)


def command_of(remedy: str) -> list[str]:
    words = remedy.removeprefix("Run: ").split()
    assert words.pop(0) == "temporal"
    return words


def test_a_database_without_tables_is_a_problem_until_it_is_migrated(postgres: PostgresServer, doctor: Doctor) -> None:
    settings = postgres.create_database("bare")
    env = {**NO_TEMPORAL, "PERDURE_DATABASE_URL": settings.database_url.get_secret_value()}
    examined = doctor(**env)
    assert examined.levels("postgres") == ["ok"]
    assert examined.only("migrations")["remedy"] == "Run: python -m perdure.store.migrate."

    async def migrate() -> None:
        engine = create_engine(settings)
        await upgrade(engine)
        await engine.dispose()

    asyncio.run(migrate())
    assert doctor(**env).levels("migrations") == ["ok"]

    async def undo() -> None:
        engine = create_engine(settings)
        await downgrade(engine, "base")
        await engine.dispose()

    asyncio.run(undo())
    assert doctor(**env).levels("migrations") == ["problem"]


def test_a_database_that_is_not_there_is_named(postgres: PostgresServer, doctor: Doctor) -> None:
    url = postgres.settings("nowhere").database_url.get_secret_value()
    found = doctor(**NO_TEMPORAL, PERDURE_DATABASE_URL=url).only("postgres")
    assert "nowhere" in found["what"]
    assert found["remedy"].startswith("Create the database")


@pytest.mark.parametrize("url", ["nonsense", "mysql://me:hush@db/perdure", "postgresql+asyncpg://me:hush@db:port/x"])
def test_an_url_that_is_none_is_a_problem_and_shows_no_password(doctor: Doctor, url: str) -> None:
    examined = doctor(**NO_TEMPORAL, PERDURE_DATABASE_URL=url)
    assert (examined.code, examined.levels("postgres")) == (1, ["problem"])
    assert "hush" not in examined.output


def test_a_postgres_that_does_not_answer_is_told_in_time(postgres: PostgresServer, doctor: Doctor) -> None:
    url = postgres.settings("postgres").database_url.get_secret_value()
    postgres.freeze()
    try:
        found = doctor(**NO_TEMPORAL, PERDURE_DATABASE_URL=url).only("postgres")
    finally:
        postgres.thaw()
    assert (found["level"], "no answer" in found["what"]) == ("problem", True)


def test_a_secret_file_that_is_missing_is_named_with_its_variable(tmp_path: Path, doctor: Doctor) -> None:
    gone = str(tmp_path / "gone")
    found = doctor(**NO_POSTGRES, PERDURE_TEMPORAL_ADDRESS="127.0.0.1:1", PERDURE_API_KEY_PEPPER_FILE=gone)
    assert "PERDURE_API_KEY_PEPPER_FILE" in found.only("files")["what"]


def test_temporals_own_profile_is_used_and_told(temporal_address: str, tmp_path: Path, doctor: Doctor) -> None:
    file = tmp_path / "temporal.toml"
    file.write_text(f'[profile.here]\naddress = "{temporal_address}"\nnamespace = "default"\n')
    examined = doctor(**NO_POSTGRES, TEMPORAL_CONFIG_FILE=str(file), TEMPORAL_PROFILE="here")
    found = examined.only("temporal")
    assert found["level"] == "ok"
    assert f"{temporal_address} (from the profile 'here' of {file})" in found["what"]
    missing = doctor(**NO_POSTGRES, TEMPORAL_CONFIG_FILE=str(file), TEMPORAL_PROFILE="there").only("temporal")
    assert (missing["level"], "there" in missing["what"]) == ("problem", True)
