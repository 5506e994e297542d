"""What the tables lose and what they never lose: live observations in time, entries of the ledger not at all."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from perdure.contract.state import JobStatus
from perdure.projection.writer import write
from perdure.settings import Settings
from perdure.store.engine import create_engine
from perdure.store.ledger import LedgerEntry, close_entry, enter_keys, get_entry
from perdure.store.live import add_observations, forget_observations, forget_superseded, newest_observations
from perdure.store.migrate import downgrade, upgrade
from perdure.store.session import transaction
from tests.integration.store.rows import count
from tests.integration.store.sample import START, job, projection, retrying
from tests.integration.store.server import PostgresServer

LATER = START + timedelta(hours=1)


@pytest.mark.parametrize("table", ["ledger", "ledger_outcomes"])
@pytest.mark.parametrize("change", ["UPDATE {} SET job_id = 'x'", "DELETE FROM {}", "TRUNCATE {}"])
@pytest.mark.parametrize("role", ["origin", "replica"])
async def test_the_ledger_refuses_to_be_changed(engine: AsyncEngine, table: str, change: str, role: str) -> None:
    async with transaction(engine) as connection:
        await enter_keys(connection, [LedgerEntry("default:kept", "f", START)])
        await close_entry(connection, "default:kept", JobStatus.FAILED, START)
    with pytest.raises(DBAPIError, match="can be added, but neither changed nor removed") as refused:
        await _run(engine, f"SET LOCAL session_replication_role = {role}", change.format(table))
    assert getattr(refused.value.orig, "sqlstate", None) == "42501"
    async with transaction(engine) as connection:
        kept = await get_entry(connection, "default:kept")
    assert kept == LedgerEntry("default:kept", "f", START, JobStatus.FAILED, START)


async def _run(engine: AsyncEngine, *statements: str) -> None:
    async with transaction(engine) as connection:
        for statement in statements:
            await connection.execute(text(statement))


async def test_outcomes_from_before_are_kept_up_and_down(postgres: PostgresServer) -> None:
    engine = create_engine(postgres.create_database("outcomes"))
    await upgrade(engine, "0004")
    old = "INSERT INTO ledger VALUES ('default:a', 'f', now(), 'FAILED', now()), ('default:b', 'f', now(), NULL, NULL)"
    async with engine.begin() as connection:
        await connection.execute(text(old))
    for _ in range(2):
        await upgrade(engine)
        async with transaction(engine) as connection:
            entry = await get_entry(connection, "default:a")
            await close_entry(connection, "default:b", JobStatus.COMPLETED, START)
        assert entry is not None
        assert entry.outcome is JobStatus.FAILED
        await downgrade(engine, "0004")
        async with engine.connect() as connection:
            found = await connection.execute(text("SELECT outcome FROM ledger ORDER BY job_id"))
            assert [row[0] for row in found] == ["FAILED", "COMPLETED"]
    await engine.dispose()


async def test_observations_are_forgotten_once_newer_ones_are_there(engine: AsyncEngine) -> None:
    record = job()
    await write(engine, [projection(record, retrying(record, failures)) for failures in (1,)])
    for failures in (2, 3):
        await write(engine, [projection(record, retrying(record, failures))])
    async with transaction(engine) as connection:
        assert await forget_superseded(connection, START, 10) == 0
        assert await forget_superseded(connection, LATER, 1) == 1
        assert await forget_superseded(connection, LATER, 10) == 1
        (last,) = (await newest_observations(connection, [record.id], ["a"]))[record.id]
    assert last.attempt == 4


async def test_the_last_observation_is_forgotten_once_it_is_old_and_its_job_has_ended(engine: AsyncEngine) -> None:
    open_, ended, gone = job(), job(status=JobStatus.CANCELED, completed_at=START), job()
    await write(engine, [projection(record) for record in (open_, ended)])
    async with transaction(engine) as connection:
        await connection.execute(text("TRUNCATE live_observations"))
        await add_observations(connection, [retrying(record, 1) for record in (open_, ended, gone)])
        assert await forget_observations(connection, START, 10) == 0
        assert await forget_observations(connection, LATER, 10) == 2
        assert await newest_observations(connection, [open_.id], ["a"])
    assert await count(engine, "live_observations") == 1


def test_settings_keep_observations_at_least_a_day() -> None:
    assert Settings().live_observation_days == 90
