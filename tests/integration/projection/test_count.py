"""Jobs are counted once: however many projectors fold them, and however often."""

import asyncio
from collections.abc import Callable

from prometheus_client import CollectorRegistry
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from perdure.contract.execution import JobStart
from perdure.contract.name import JOB_WORKFLOW, task_queue
from perdure.contract.spec import JobSpec
from perdure.contract.state import JobStatus
from perdure.settings import Settings
from perdure.telemetry.metric.registry import ProcessMetrics
from tests.integration.projection.conftest import Plant, running_worker
from tests.integration.store.server import PostgresServer
from worker.mark import Mark, MarkSet
from worker.metrics import worker_metrics
from worker.service.running import running_services

LOG = {"type": "LOG", "with": {"message": "hi"}}
NAP = {"type": "SLEEP", "with": {"duration": "200ms"}}
JOBS = 15


def counted(registry: CollectorRegistry, name: str) -> float:
    samples = [sample for family in registry.collect() for sample in family.samples]
    return sum(sample.value for sample in samples if sample.name == f"perdure_jobs_{name}_total")


async def test_several_projectors_that_fold_the_same_events_count_them_once(
    client: Client, engine: AsyncEngine, database: Settings
) -> None:
    class Both(MarkSet):
        def put(self, mark: Mark) -> None:
            super().put(mark)
            other.put(mark)

    other = MarkSet()
    marks = Both()
    processes = [ProcessMetrics(), ProcessMetrics()]
    metrics = [worker_metrics(process, database) for process in processes]
    steps = [{"id": "a", **LOG}, {"id": "nap", **NAP}, {"id": "b", **LOG}]
    async with (
        running_services(client, database, marks, metrics[0]) as one,
        running_services(client, database, other, metrics[1]) as two,
        running_worker(client, marks) as bench,
    ):
        plant = Plant(bench, engine, one, marks)
        handles = await asyncio.gather(*(bench.start(steps) for _ in range(JOBS)))
        await asyncio.gather(*map(bench.finish, handles))
        for handle in handles:
            await plant.shown(handle.id, lambda job: job.status is JobStatus.COMPLETED)
    assert min(one.stats.jobs, two.stats.jobs) >= JOBS
    for name in ("submitted", "started", "completed"):
        assert sum(counted(process.registry, name) for process in processes) == JOBS


async def test_a_job_that_is_folded_again_from_its_first_event_is_not_counted_again(
    client: Client, engine: AsyncEngine, database: Settings
) -> None:
    first, again = ProcessMetrics(), ProcessMetrics()
    marks = MarkSet()
    async with (
        running_services(client, database, marks, worker_metrics(first, database)) as projector,
        running_worker(client, marks) as bench,
    ):
        handle = await bench.start([{"id": "a", **LOG}])
        await bench.finish(handle)
        plant = Plant(bench, engine, projector, marks)
        await plant.shown(handle.id, lambda job: job.status is JobStatus.COMPLETED)
    assert counted(first.registry, "completed") == 1
    marks = MarkSet()
    async with running_services(client, database, marks, worker_metrics(again, database)) as projector:
        marks.mark(handle.id)
        async with asyncio.timeout(60):
            while not projector.stats.jobs:
                await asyncio.sleep(0.02)
    assert [counted(again.registry, name) for name in ("submitted", "started", "completed")] == [0, 0, 0]


async def until(reached: Callable[[], bool], seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not reached():
            await asyncio.sleep(0.05)


async def test_while_postgres_is_away_the_projection_shows_as_stalled_and_nothing_stale_is_shown(
    client: Client, engine: AsyncEngine, database: Settings, postgres: PostgresServer
) -> None:
    process, marks = ProcessMetrics(), MarkSet()
    settings = database.model_copy(update={"metrics_interval_seconds": 0.1})

    def value(name: str, **labels: str) -> float | None:
        return process.registry.get_sample_value(name, labels)

    async with (
        running_services(client, settings, marks, worker_metrics(process, settings)) as projector,
        running_worker(client, marks) as bench,
    ):
        await until(lambda: value("perdure_dead_letter_jobs", queue="default") == 0)
        postgres.kill()
        try:
            handle = await bench.start([{"id": "a", **LOG}])
            await bench.finish(handle)
            await until(lambda: (value("perdure_projection_stalled_seconds") or 0) > 1)
            await until(lambda: value("perdure_dead_letter_jobs", queue="default") is None)
            await until(lambda: (value("perdure_projection_marks") or 0) >= 1)
        finally:
            postgres.start()
        await until(lambda: value("perdure_projection_stalled_seconds") == 0)
        await until(lambda: value("perdure_dead_letter_jobs", queue="default") == 0)
        plant = Plant(bench, engine, projector, marks)
        await plant.shown(handle.id, lambda job: job.status is JobStatus.COMPLETED)


async def test_dead_letters_are_counted_with_the_age_of_the_oldest(
    client: Client, engine: AsyncEngine, database: Settings
) -> None:
    process, marks = ProcessMetrics(), MarkSet()
    settings = database.model_copy(update={"metrics_interval_seconds": 0.1})
    failing = {"type": "FAIL", "with": {"code": "STEP.X", "class": "PERMANENT", "message": "no"}}
    async with (
        running_services(client, settings, marks, worker_metrics(process, settings)),
        running_worker(client, marks) as bench,
    ):
        handles = [await bench.start([{"id": "a", **failing}]) for _ in range(2)]

        def value(name: str) -> float | None:
            return process.registry.get_sample_value(name, {"queue": bench.queue})

        await until(lambda: value("perdure_dead_letter_jobs") == 2)
        await until(lambda: (value("perdure_dead_letter_oldest_age_seconds") or 0) > 0.5)
        for handle in handles:
            await handle.terminate()
        await until(lambda: value("perdure_dead_letter_jobs") is None)


async def test_the_backlog_of_a_queue_that_nobody_serves_is_shown(client: Client, database: Settings) -> None:
    process, marks = ProcessMetrics(), MarkSet()
    settings = database.model_copy(update={"metrics_interval_seconds": 0.1, "queues": ("nobody-serves",)})
    start = JobStart(spec=JobSpec.model_validate({"name": "waits", "steps": [{"id": "a", **LOG}]}), tenant="default")
    handles = [
        await client.start_workflow(JOB_WORKFLOW, start, id=f"default:wait-{n}", task_queue=task_queue("nobody-serves"))
        for n in range(3)
    ]
    of = {"queue": "nobody-serves", "kind": "workflow"}
    async with running_services(client, settings, marks, worker_metrics(process, settings)):
        await until(lambda: process.registry.get_sample_value("perdure_queue_backlog_tasks", of) == 3)
        await until(lambda: (process.registry.get_sample_value("perdure_queue_backlog_age_seconds", of) or 0) > 0.5)
        for handle in handles:
            await handle.terminate()
