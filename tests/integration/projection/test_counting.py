"""What workers count of jobs that ended is compared too: over several workers, over restarts, and after a kill."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from perdure.contract.execution import JobStart
from perdure.contract.name import ATTRIBUTE_TYPE, JOB_WORKFLOW, task_queue
from perdure.contract.spec import JobSpec, effective
from perdure.contract.state import JobStatus
from perdure.settings import Settings
from perdure.store.ended_count import counted, forget_counts, tell_counts
from perdure.store.reconciliation import Reconciliation
from perdure.store.session import transaction
from tests.integration.projection.conftest import Plant, running_worker
from tests.integration.projection.test_archive import leader
from tests.integration.projection.test_live_view import LOG
from tests.integration.projection.test_operation import FAIL
from tests.integration.projection.test_reconciliation import reconciler, until
from worker.mark import Mark, MarkSet
from worker.service.leader import Leader
from worker.service.running import running_services

__all__ = ["leader"]
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def hour_of(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


async def start(plant: Plant, step: dict[str, Any]) -> str:
    """As the API starts a job: Temporal counts by this attribute."""
    spec = {"name": "n", "steps": [step], "queue": plant.bench.queue, "dead_letter": {"enabled": False}}
    handle = await plant.bench.client.start_workflow(
        JOB_WORKFLOW,
        JobStart(spec=effective(JobSpec.model_validate_json(json.dumps(spec))), tenant="default"),
        id=f"default:{uuid4().hex}",
        task_queue=task_queue(plant.bench.queue),
        search_attributes=TypedSearchAttributes(
            [SearchAttributePair(SearchAttributeKey.for_keyword(ATTRIBUTE_TYPE), "INLINE")]
        ),
    )
    return handle.id


async def ended(plant: Plant, done: int, failed: int) -> None:
    for id_ in [await start(plant, step) for step in [{"id": "a", **LOG}] * done + [FAIL] * failed]:
        await plant.shown(id_, lambda job: job.status.final, 60.0)


@pytest.fixture(scope="module")
async def hours(client: Client, engine: AsyncEngine, database: Settings) -> list[datetime]:
    """Jobs that two workers projected at once, then, after they were stopped, a third; the hours they ended in."""

    class Both(MarkSet):
        def put(self, mark: Mark) -> None:
            super().put(mark)
            other.put(mark)

    begun = datetime.now(UTC)
    async with transaction(engine) as connection:
        await tell_counts(connection, "the first", LONG_AGO, {}, last=True)
    other, both = MarkSet(), Both()
    async with (
        running_services(client, database, both) as one,
        running_services(client, database, other),
        running_worker(client, both) as bench,
    ):
        await ended(Plant(bench, engine, one, both), done=6, failed=2)
    marks = MarkSet()
    async with running_services(client, database, marks) as one, running_worker(client, marks) as bench:
        await ended(Plant(bench, engine, one, marks), done=2, failed=0)
    return sorted({hour_of(begun), hour_of(datetime.now(UTC))})


async def compare(client: Client, engine: AsyncEngine, leader: Leader, hour: datetime) -> Reconciliation:
    look = reconciler(client, engine, leader, CollectorRegistry())
    return await until(lambda: look.compare(hour), lambda one: one.temporal == one.projection)


async def test_each_end_is_counted_once_by_whichever_worker(engine: AsyncEngine, hours: list[datetime]) -> None:
    total: dict[str, int] = {}
    async with transaction(engine) as connection:
        for hour in hours:
            for outcome, number in ((await counted(connection, hour)) or {}).get("INLINE", {}).items():
                total[outcome] = total.get(outcome, 0) + number
    assert total == {JobStatus.COMPLETED: 8, JobStatus.FAILED: 2}


async def test_what_workers_counted_is_what_ended(
    client: Client, engine: AsyncEngine, leader: Leader, hours: list[datetime]
) -> None:
    for hour in hours:
        found = await compare(client, engine, leader, hour)
        assert found.metrics is not None
        assert (found.miscounted, found.vanished) == ({}, 0)


@pytest.mark.parametrize("more", [-1, 1])
async def test_a_miscount_is_told(
    client: Client, engine: AsyncEngine, leader: Leader, hours: list[datetime], more: int
) -> None:
    wrong = (
        "INSERT INTO ended_counts SELECT span, type, outcome, 'wrong', :more FROM ended_counts"
        " WHERE outcome = 'FAILED' LIMIT 1 RETURNING span"
    )
    async with transaction(engine) as connection:
        hour = (await connection.execute(text(wrong), {"more": more})).scalar_one()
    registry = CollectorRegistry()
    try:
        found = await compare(client, engine, leader, hour)
        reconciler(client, engine, leader, registry)._tell(found)
        assert found.miscounted == {("INLINE", "FAILED"): more}
        labels = {"type": "INLINE", "outcome": "FAILED"}
        assert registry.get_sample_value("perdure_reconciliation_miscounted", labels) == more
    finally:
        async with transaction(engine) as connection:
            await connection.execute(text("DELETE FROM ended_counts WHERE worker = 'wrong'"))


async def test_what_a_killed_worker_took_with_it_is_no_fault(
    client: Client, engine: AsyncEngine, leader: Leader, hours: list[datetime]
) -> None:
    hour = hours[0] - 5 * HOUR
    lost = Reconciliation(hour, hour, {"A": {"FAILED": 2}}, {"A": {"FAILED": 2}}, 0, 0, {"A": {"FAILED": 1}})
    assert lost.miscounted == {("A", "FAILED"): -1}
    async with transaction(engine) as connection:
        await tell_counts(connection, "killed", LONG_AGO, {}, last=False)
        seen = "UPDATE counting_workers SET seen_at = :at WHERE worker = 'killed'"
        await connection.execute(text(seen), {"at": hour + HOUR / 2})
    found = await compare(client, engine, leader, hour)
    assert found.vanished == 1
    assert Reconciliation(hour, hour, lost.temporal, lost.projection, 0, 0, lost.metrics, 1).miscounted == {}
    assert (await compare(client, engine, leader, hour - HOUR)).vanished == 0


async def test_hours_before_anybody_counted_are_not_compared(engine: AsyncEngine) -> None:
    async with transaction(engine) as connection:
        assert await counted(connection, LONG_AGO - HOUR) is None


async def test_what_was_compared_long_ago_is_forgotten(engine: AsyncEngine, hours: list[datetime]) -> None:
    async with transaction(engine) as connection:
        before = await counted(connection, hours[0])
        await forget_counts(connection, hours[0])
        assert await counted(connection, hours[0]) == before
        await forget_counts(connection, datetime.now(UTC) + HOUR)
        # Still known to be compared: somebody has counted since long ago.
        assert await counted(connection, hours[0]) == {}
