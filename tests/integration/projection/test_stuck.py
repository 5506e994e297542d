"""A job whose workflow task keeps failing says so."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from perdure.contract.state import JobStatus
from perdure.settings import Settings
from tests.integration.projection.conftest import Plant
from tests.integration.projection.tiny import Tiny, Wedged
from tests.integration.workflow.conftest import Bench
from tests.server.temporal import running_temporal
from worker.mark import MarkSet
from worker.marking_runner import MarkingRunner
from worker.service.running import running_services


@pytest.fixture(scope="module")
def temporal_address() -> Iterator[str]:
    """Of a server that reports a problem soon."""
    setting = "system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute=2"
    with running_temporal([setting]) as address:
        yield address


async def test_a_wedged_job_shows_why_and_no_longer_once_it_goes_on(
    client: Client, engine: AsyncEngine, database: Settings
) -> None:
    marks, queue, id_ = MarkSet(), uuid4().hex, f"default:{uuid4().hex}"
    runner = MarkingRunner(UnsandboxedWorkflowRunner(), marks)
    async with running_services(client, database, marks) as projector:
        plant = Plant(Bench(client, queue), engine, projector, marks)
        async with Worker(client, task_queue=queue, workflows=[Wedged], workflow_runner=runner):
            await client.start_workflow("Job", 1, id=id_, task_queue=queue)
            soon = await plant.shown(id_, lambda job: "this code has a mistake" in (job.status_reason or ""))
            assert soon.status is JobStatus.QUEUED
            stuck = await plant.shown(id_, lambda job: job.problem is not None, 150.0)
            assert "Temporal reports that the workflow is stuck: WorkflowTaskFailed" in (stuck.status_reason or "")
        async with Worker(client, task_queue=queue, workflows=[Tiny], workflow_runner=runner):
            done = await plant.shown(id_, lambda job: job.status is JobStatus.COMPLETED, 150.0)
            assert done.problem is None
