"""Postgres full, Postgres slow, and a leader lost in the middle: nothing is set aside for it, nothing is lost."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from perdure.contract.state import JobStatus
from perdure.settings import Settings
from perdure.store.engine import create_engine
from perdure.store.operation import Operation, OperationKind, get_operation, request
from perdure.store.session import transaction
from perdure.store.set_aside import list_set_aside
from tests.integration.projection.conftest import Plant, running_worker
from tests.integration.projection.test_live_view import LOG
from worker.mark import MarkSet
from worker.service import running
from worker.service.running import running_services

Fault = Callable[[AsyncEngine], AbstractAsyncContextManager[None]]
FULL = """
CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full';
END $$;
"""


@asynccontextmanager
async def full_disk(engine: AsyncEngine) -> AsyncIterator[None]:
    """No table of the projection takes a row, and the server says so as it does when its disk is full."""
    async with engine.begin() as connection:
        await connection.execute(text(FULL))
        for table in ("jobs", "runs", "steps"):
            trigger = f"CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON {table} EXECUTE FUNCTION no_room()"
            await connection.execute(text(trigger))
    try:
        yield
    finally:
        async with engine.begin() as connection:
            await connection.execute(text("DROP FUNCTION no_room() CASCADE"))


@asynccontextmanager
async def locked_tables(engine: AsyncEngine) -> AsyncIterator[None]:
    """Every statement about jobs takes longer than it may."""
    async with engine.begin() as connection:
        await connection.execute(text("LOCK TABLE jobs IN ACCESS EXCLUSIVE MODE"))
        yield


@pytest.mark.parametrize("fault", [full_disk, locked_tables])
async def test_what_ends_while_postgres_is_full_or_slow_is_shown_once_it_is_well(
    client: Client,
    engine: AsyncEngine,
    database: Settings,
    monkeypatch: pytest.MonkeyPatch,
    fault: Fault,
) -> None:
    monkeypatch.setattr(running, "create_engine", partial(create_engine, statement_seconds=3.0))
    marks = MarkSet()
    async with running_services(client, database, marks) as projector, running_worker(client, marks) as bench:
        plant = Plant(bench, engine, projector, marks)
        async with fault(engine):
            handles = [await bench.start([{"id": "a", **LOG}]) for _ in range(5)]
            ended = await asyncio.gather(*map(bench.finish, handles))
            assert {result.status for result in ended} == {JobStatus.COMPLETED}
            async with asyncio.timeout(60):
                while not projector.stalled:
                    await asyncio.sleep(0.05)
        for handle in handles:
            await plant.shown(handle.id, lambda job: job.status is JobStatus.COMPLETED, 60.0)
        # It was Postgres' fault, not the jobs'.
        assert (projector.stats.set_aside, projector.set_aside) == (0, 0)
        async with transaction(engine) as connection:
            assert not await list_set_aside(connection, None, 10)


async def lose_the_leader(engine: AsyncEngine) -> None:
    """End the session that holds the leader's lock, as its death would."""
    mine = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    session = "granted AND mode = 'ExclusiveLock' AND pid IN (SELECT pid FROM pg_stat_activity WHERE state = 'idle')"
    query = f"SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND {mine} AND {session}"
    async with engine.begin() as connection:
        await connection.execute(text(query))


async def test_a_rebuild_whose_leader_is_lost_is_finished_by_the_next(
    client: Client, engine: AsyncEngine, database: Settings
) -> None:
    marks, other = MarkSet(), MarkSet()
    async with (
        running_services(client, database, marks) as projector,
        running_services(client, database, other),
        running_worker(client, marks) as bench,
    ):
        plant = Plant(bench, engine, projector, marks)
        handles = [await bench.start([{"id": "a", **LOG}]) for _ in range(10)]
        for handle in handles:
            await plant.shown(handle.id, lambda job: job.status is JobStatus.COMPLETED, 60.0)
        async with engine.begin() as connection:
            await connection.execute(text("UPDATE jobs SET name = 'wrong'"))
        asked = Operation(uuid4().hex, OperationKind.REBUILD, "key:test", datetime.now(UTC))
        async with transaction(engine) as connection:
            assert await request(connection, asked)
        begun = asyncio.get_running_loop().time()
        async with asyncio.timeout(90):
            while True:
                async with transaction(engine) as connection:
                    found = await get_operation(connection, asked.id)
                if found is not None and found.finished_at is not None:
                    break
                if asyncio.get_running_loop().time() - begun < 2:  # every leader there is, for a while
                    await lose_the_leader(engine)
                await asyncio.sleep(0.1)
        assert found.counts["jobs"] >= len(handles)
        for handle in handles:
            job = await plant.job(handle.id)
            assert job is not None
            assert job.name == "test"
