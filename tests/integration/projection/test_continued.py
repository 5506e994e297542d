"""A job over several runs: one job, one journal, every attempt, however the runs came to be known."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from perdure.contract.state import JobStatus
from perdure.projection.reader import read_all_runs
from perdure.settings import Settings
from perdure.store.journal import JournalRow, list_journal
from perdure.store.session import transaction
from tests.integration.projection.conftest import Plant, running_worker
from tests.integration.workflow.conftest import Handle
from tests.server.temporal import running_temporal
from worker.mark import MarkSet
from worker.service.running import running_services

STEPS = 20


@pytest.fixture(scope="module")
def temporal_address() -> Iterator[str]:
    """Of a server that wants runs to be short."""
    with running_temporal(["limit.historyCount.suggestContinueAsNew=40"]) as address:
        yield address


@pytest.fixture(params=["marked as it runs", "found when it has ended"])
async def ended(
    client: Client, engine: AsyncEngine, database: Settings, request: pytest.FixtureRequest
) -> AsyncIterator[tuple[Plant, Handle]]:
    marks = MarkSet()
    heard = marks if request.param == "marked as it runs" else MarkSet()
    once = {
        "type": "FAIL",
        "with": {"times": 1, "class": "TRANSIENT"},
        "retry": {"initial_interval": "1ms", "jitter": 0.0},
    }
    steps = [{"id": f"s{n}", **once} for n in range(STEPS)]
    async with running_worker(client, heard) as bench, running_services(client, database, marks) as projector:
        plant = Plant(bench, engine, projector, marks)
        handle = await bench.start(steps)
        await bench.finish(handle)
        if heard is not marks:
            marks.mark(handle.id)
        await plant.shown(handle.id, lambda job: job.status is JobStatus.COMPLETED)
        yield plant, handle


async def _journal(plant: Plant, job_id: str) -> list[JournalRow]:
    async with transaction(plant.engine) as connection:
        return await list_journal(connection, job_id, 0, 1_000)


async def test_b7_a_continued_job_has_one_journal_and_all_its_attempts(
    ended: tuple[Plant, Handle], client: Client
) -> None:
    plant, handle = ended
    journal = await _journal(plant, handle.id)
    runs = list(dict.fromkeys(row.run_id for row in journal))
    assert len(runs) > 2
    async with asyncio.timeout(60):
        while await read_all_runs(client, handle.id) != runs:  # visibility lags
            await asyncio.sleep(0.05)
    types = [row.type.value for row in journal]
    assert (types[0], types[-1]) == ("JOB_SUBMITTED", "JOB_COMPLETED")
    assert types.count("JOB_CONTINUED") == len(runs) - 1
    assert [row.step_id for row in journal if row.type == "STEP_COMPLETED"] == [f"s{n}" for n in range(STEPS)]
    assert [row.seq for row in journal] == list(range(1, len(journal) + 1))


async def test_a_continued_job_shows_each_step_with_its_attempt(ended: tuple[Plant, Handle]) -> None:
    plant, handle = ended
    job = await plant.job(handle.id)
    assert job is not None
    assert [[tried.outcome for tried in step.attempts] for step in job.steps] == [["FAILED", "COMPLETED"]] * STEPS
    assert (job.attempts, job.retry_count) == (2 * STEPS, STEPS)
    first = (await _journal(plant, handle.id))[0]
    assert job.created_at == first.at
