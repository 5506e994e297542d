"""What closes gaps: lost marks, Postgres away, a history that cannot be projected, a worker that begins anew."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from perdure.contract.state import JobStatus
from perdure.projection import fold
from perdure.projection.record import JobRecord
from perdure.settings import Settings
from perdure.store.session import transaction
from perdure.store.set_aside import list_set_aside
from tests.integration.projection.conftest import Plant, running_worker
from tests.integration.projection.test_live_view import LOG, refolded, temporal
from tests.integration.store.server import PostgresServer, running_postgres
from worker.mark import Mark, MarkSet
from worker.service.running import running_services

NAP = {"type": "SLEEP", "with": {"duration": "30ms"}}


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    """Of this module's own, because it is killed."""
    with running_postgres() as server:
        yield server


@pytest.fixture
async def deaf(client: Client, engine: AsyncEngine, database: Settings) -> AsyncIterator[Plant]:
    """A worker whose marks nobody gets; its services have the sweep alone."""
    marks = MarkSet()
    async with running_services(client, database, marks) as projector, running_worker(client, MarkSet()) as bench:
        yield Plant(bench, engine, projector, marks)


async def test_the_sweep_finds_jobs_that_nothing_marked(deaf: Plant) -> None:
    done = await deaf.bench.start([{"id": "a", **LOG}])
    await deaf.bench.finish(done)
    parked = await deaf.bench.start([{"id": "a", "type": "FAIL", "with": {}, "retry": {"maximum_attempts": 1}}])
    await deaf.bench.until(parked, "a", "DEAD_LETTERED")
    await deaf.shown(done.id, lambda job: job.status is JobStatus.COMPLETED, 60.0)
    await deaf.shown(parked.id, lambda job: job.status is JobStatus.DEAD_LETTERED, 60.0)


async def test_services_that_begin_anew_catch_up_with_what_happened_meanwhile(
    client: Client, engine: AsyncEngine, database: Settings
) -> None:
    marks = MarkSet()
    async with running_worker(client, MarkSet()) as bench:
        waiting = await bench.start([{"id": "nap", "type": "SLEEP", "with": {"duration": "1h"}}])
        done = await bench.start([{"id": "a", **LOG}])
        await bench.finish(done)
        async with running_services(client, database, marks) as projector:
            plant = Plant(bench, engine, projector, marks)
            await plant.shown(done.id, lambda job: job.status is JobStatus.COMPLETED, 60.0)
            await plant.shown(waiting.id, lambda job: job.status is JobStatus.WAITING, 60.0)
    temporal(client, "workflow", "terminate", "--workflow-id", waiting.id)


async def test_a_stopping_projector_writes_what_was_marked(
    client: Client, engine: AsyncEngine, database: Settings
) -> None:
    marks = MarkSet()
    async with running_services(client, database, marks) as projector, running_worker(client, marks) as bench:
        handle = await bench.start([{"id": "a", **LOG}])
        await bench.finish(handle)
    job = await Plant(bench, engine, projector, marks).job(handle.id)
    assert job is not None
    assert job.status is JobStatus.COMPLETED


async def test_d2_jobs_run_on_while_postgres_is_dead_and_the_projection_catches_up(
    plant: Plant, postgres: PostgresServer, client: Client
) -> None:
    steps = [{"id": "a", **LOG}, {"id": "nap", **NAP}, {"id": "b", **LOG}]
    before = [await plant.bench.start(steps) for _ in range(5)]
    postgres.kill()
    during = [await plant.bench.start(steps) for _ in range(15)]
    ended = await asyncio.gather(*map(plant.bench.finish, [*before, *during]))
    assert {result.status for result in ended} == {JobStatus.COMPLETED}
    postgres.start()
    for handle in (*before, *during):
        job = await plant.shown(handle.id, lambda job: job.status is JobStatus.COMPLETED, 60.0)
        folded = await refolded(client, handle.id)
        assert {name: getattr(job, name) for name in JobRecord.model_fields} == dict(folded)


async def test_jobs_run_on_while_postgres_answers_nothing(plant: Plant, postgres: PostgresServer) -> None:
    postgres.freeze()
    try:
        handle = await plant.bench.start([{"id": "a", **LOG}, {"id": "nap", **NAP}])
        assert (await plant.bench.finish(handle)).status is JobStatus.COMPLETED
        await asyncio.sleep(3)  # long enough for the writer to be in the middle of it
    finally:
        postgres.thaw()
    await plant.shown(handle.id, lambda job: job.status is JobStatus.COMPLETED, 60.0)


async def test_two_projectors_at_the_same_jobs_write_what_one_would(
    client: Client, engine: AsyncEngine, database: Settings
) -> None:
    class Both(MarkSet):
        def put(self, mark: Mark) -> None:
            super().put(mark)
            other.put(mark)

    other = MarkSet()
    marks = Both()
    steps = [{"id": "a", **LOG}, {"id": "nap", **NAP}, {"id": "b", **LOG}]
    async with (
        running_services(client, database, marks) as one,
        running_services(client, database, other) as two,
        running_worker(client, marks) as bench,
    ):
        plant = Plant(bench, engine, one, marks)
        handles = await asyncio.gather(*(bench.start(steps) for _ in range(20)))
        await asyncio.gather(*map(bench.finish, handles))
        for handle in handles:
            job = await plant.shown(handle.id, lambda job: job.status is JobStatus.COMPLETED)
            folded = await refolded(client, handle.id)
            assert {name: getattr(job, name) for name in JobRecord.model_fields} == dict(folded)
    assert min(one.stats.jobs, two.stats.jobs) >= 20
    assert one.stats.set_aside + two.stats.set_aside == 0


async def aside(plant: Plant) -> dict[str, str]:
    async with transaction(plant.engine) as connection:
        return {job.job_id: job.problem for job in await list_set_aside(connection, None, 100)}


async def test_a_job_that_cannot_be_stored_is_set_aside_named_and_holds_up_no_other(plant: Plant) -> None:
    async with plant.engine.begin() as connection:
        await connection.execute(text("ALTER TABLE jobs ADD CONSTRAINT no CHECK (name <> 'poison')"))
    poison = await plant.bench.start([{"id": "a", **LOG}], name="poison")
    others = [await plant.bench.start([{"id": "a", **LOG}]) for _ in range(5)]
    for handle in others:
        await plant.shown(handle.id, lambda job: job.status is JobStatus.COMPLETED)
    async with asyncio.timeout(60):
        while poison.id not in await aside(plant):
            await asyncio.sleep(0.02)
    assert "violates check constraint" in (await aside(plant))[poison.id]
    assert plant.projector.set_aside >= 1
    assert await plant.job(poison.id) is None
    async with plant.engine.begin() as connection:
        await connection.execute(text("ALTER TABLE jobs DROP CONSTRAINT no"))
    await plant.shown(poison.id, lambda job: job.status is JobStatus.COMPLETED, 180.0)  # tried again later
    assert poison.id not in await aside(plant)


async def test_a_job_of_which_the_fold_makes_no_rows_holds_up_no_other(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = fold.record

    def refuse(state: fold.FoldState) -> JobRecord:
        if state.name == "no job":
            raise ValueError("it is no job")
        return told(state)

    monkeypatch.setattr(fold, "record", refuse)
    poison = await plant.bench.start([{"id": "a", **LOG}], name="no job")
    others = [await plant.bench.start([{"id": "a", **LOG}]) for _ in range(5)]
    for handle in others:
        await plant.shown(handle.id, lambda job: job.status is JobStatus.COMPLETED)
    async with asyncio.timeout(60):
        while (await aside(plant)).get(poison.id) != "ValueError: it is no job":
            await asyncio.sleep(0.02)


async def test_a_row_that_was_lost_is_written_again(plant: Plant) -> None:
    handle = await plant.bench.start([{"id": "a", **LOG}])
    await plant.bench.finish(handle)
    await plant.shown(handle.id, lambda job: job.status is JobStatus.COMPLETED)
    async with plant.engine.begin() as connection:
        await connection.execute(text("DELETE FROM jobs WHERE id = :id"), {"id": handle.id})
        await connection.execute(text("DELETE FROM runs WHERE job_id = :id"), {"id": handle.id})
    await plant.shown(handle.id, lambda job: job.status is JobStatus.COMPLETED, 60.0)
