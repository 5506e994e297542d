"""The archive: what Temporal has removed can still be checked and folded again."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from perdure.contract.state import JobStatus
from perdure.projection.archive import archived_history
from perdure.projection.reader import describe, read_new
from perdure.settings import Settings
from perdure.store.archive import get_archive_watermark, kept
from perdure.store.engine import create_engine
from perdure.store.operation import OperationKind, OperationStatus
from perdure.store.session import transaction
from perdure.telemetry.metric.archive import ArchiveMetrics
from tests.integration.projection.conftest import Plant
from tests.integration.projection.test_live_view import LOG
from tests.integration.projection.test_operation import FAIL, NAP, PROJECTED, everything, operate
from tests.integration.store.rows import count
from tests.integration.store.server import PostgresServer
from worker.service.archiver import Archiver, ArchiverConfig
from worker.service.leader import Leader

AT_ONCE = ArchiverConfig(interval=0.1, due=0.0)


@pytest.fixture(scope="module")
async def leader(postgres: PostgresServer, request: pytest.FixtureRequest) -> AsyncIterator[Leader]:
    """One that leads beside the plant's, whose lock is another database's. Used by other modules too."""
    engine = create_engine(postgres.create_database(f"leader_{request.module.__name__.rpartition('.')[2]}"))
    leader = Leader(engine, lambda _: None)
    await leader.start()
    async with asyncio.timeout(60):
        while not leader.leading:
            await asyncio.sleep(0.02)
    yield leader
    await leader.stop()
    await engine.dispose()


@asynccontextmanager
async def archiving(
    client: Client, engine: AsyncEngine, leader: Leader, config: ArchiverConfig = AT_ONCE
) -> AsyncIterator[CollectorRegistry]:
    registry = CollectorRegistry()
    archiver = Archiver(client, engine, leader, ArchiveMetrics(registry), config)
    await archiver.start()
    try:
        yield registry
    finally:
        await archiver.stop()


async def jobs_of(plant: Plant) -> dict[str, str]:
    """A job of each end, projected: its id and its run."""
    bench = plant.bench
    done = await bench.start([{"id": "a", **LOG}, {"id": "b", **LOG}], input={"x": 1.0, "y": ["ü", 1e22]})
    failed = await bench.start([FAIL], dead_letter={"enabled": False})
    ended = await bench.start([NAP])
    await bench.until(ended, "nap", "WAITING")
    await ended.terminate("no more")
    states = {done: JobStatus.COMPLETED, failed: JobStatus.FAILED, ended: JobStatus.TERMINATED}
    found = {}
    for handle, status in states.items():
        shown = await plant.shown(handle.id, lambda job, status=status: job.status is status, 60.0)  # type: ignore[misc]
        found[handle.id] = shown.run_id
    return found


async def until_kept(engine: AsyncEngine, run_ids: Sequence[str]) -> None:
    async with asyncio.timeout(60):
        while True:
            async with transaction(engine) as connection:
                if await kept(connection, run_ids) == set(run_ids):
                    return
            await asyncio.sleep(0.05)


async def removed(client: Client, jobs: dict[str, str]) -> None:
    """Have Temporal forget the runs, as it does at the end of the retention, and wait until it has."""
    for job_id, run_id in jobs.items():
        execution = WorkflowExecution(workflow_id=job_id, run_id=run_id)
        request = DeleteWorkflowExecutionRequest(namespace=client.namespace, workflow_execution=execution)
        await client.workflow_service.delete_workflow_execution(request)
    async with asyncio.timeout(150):  # it does so once its own queues are through
        for job_id, run_id in jobs.items():
            while await _is_there(client, job_id, run_id):
                await asyncio.sleep(0.05)


async def _is_there(client: Client, job_id: str, run_id: str) -> bool:
    try:
        await describe(client, job_id, run_id)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    return True


async def test_d3_what_temporal_has_forgotten_is_folded_again_from_the_archive(
    plant: Plant, client: Client, leader: Leader
) -> None:
    jobs = await jobs_of(plant)
    async with archiving(client, plant.engine, leader):
        await until_kept(plant.engine, list(jobs.values()))
    ids = list(jobs)
    before = await everything(plant.engine, ids)
    right = await operate(plant.engine, OperationKind.CHECK, ids)
    await removed(client, jobs)
    gone = await operate(plant.engine, OperationKind.CHECK, ids)
    assert (gone.counts["jobs"], gone.counts["drifted"], gone.digest) == (3, 0, right.digest)
    for named in (ids, None):
        async with plant.engine.begin() as connection:
            await connection.execute(text(f"TRUNCATE {', '.join(PROJECTED)}"))
        rebuild = await operate(plant.engine, OperationKind.REBUILD, named)
        assert rebuild.status is OperationStatus.COMPLETED, rebuild.problem
        assert await everything(plant.engine, ids) == before


async def test_an_archived_history_is_the_one_that_temporal_gave(plant: Plant, client: Client, leader: Leader) -> None:
    jobs = await jobs_of(plant)
    async with archiving(client, plant.engine, leader) as registry:
        await until_kept(plant.engine, list(jobs.values()))
        assert (registry.get_sample_value("perdure_archived_histories_total") or 0) >= len(jobs)
        assert (registry.get_sample_value("perdure_archive_margin_seconds") or 0) > 0
    for job_id, run_id in jobs.items():
        archived = await archived_history(plant.engine, client.data_converter, job_id, run_id)
        assert archived == await read_new(client, job_id, run_id)
        assert await archived_history(plant.engine, client.data_converter, "default:other", run_id) == []


async def test_nothing_is_archived_before_it_is_due_or_by_who_does_not_lead(
    plant: Plant, client: Client, leader: Leader, database: Settings
) -> None:
    engine = create_engine(database)
    jobs = await jobs_of(plant)
    async with transaction(engine) as connection:
        await connection.execute(text("TRUNCATE archived_histories, archive_state"))
    follower = Leader(engine, lambda _: None)
    config = ArchiverConfig(interval=0.1, due=0.5)
    async with archiving(client, engine, leader, config), archiving(client, engine, follower):
        async with asyncio.timeout(60):
            while await _watermark(engine) is None:
                await asyncio.sleep(0.05)
    async with transaction(engine) as connection:
        assert await kept(connection, list(jobs.values())) == set()
    await engine.dispose()


async def _watermark(engine: AsyncEngine) -> datetime | None:
    async with transaction(engine) as connection:
        return await get_archive_watermark(connection)


async def test_two_archivers_side_by_side_keep_each_history_once(plant: Plant, client: Client, leader: Leader) -> None:
    jobs = await jobs_of(plant)
    async with archiving(client, plant.engine, leader), archiving(client, plant.engine, leader):
        await until_kept(plant.engine, list(jobs.values()))
    assert await count(plant.engine, "archived_histories") >= len(jobs)
    assert (await _watermark(plant.engine) or datetime.now(UTC)) <= datetime.now(UTC)
