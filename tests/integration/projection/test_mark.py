"""The marking runner: marks jobs and nothing else, and marks a job once more when its end is in its history."""

import asyncio
from uuid import uuid4

import pytest
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from perdure.projection.reader import read_new
from tests.integration.projection.tiny import Other, Tiny
from worker.mark import Mark, MarkSet
from worker.marking_runner import MarkingRunner


class Breaking(MarkSet):
    def put(self, mark: Mark) -> None:
        raise RuntimeError(mark.job_id)


RUNNERS: list[WorkflowRunner] = [UnsandboxedWorkflowRunner(), SandboxedWorkflowRunner()]


def make(client: Client, runner: WorkflowRunner, marks: MarkSet) -> Worker:
    marking = MarkingRunner(runner, marks)
    return Worker(client, task_queue=f"t{uuid4().hex}", workflows=[Tiny, Other], workflow_runner=marking)


@pytest.mark.parametrize("runner", RUNNERS, ids=["unsandboxed", "sandboxed"])
async def test_after_the_last_mark_the_end_is_in_the_history(client: Client, runner: WorkflowRunner) -> None:
    marks = MarkSet()
    last_read: dict[str, str] = {}
    async with make(client, runner, marks) as worker:
        ids = [f"default:{uuid4().hex}" for _ in range(20)]
        starts = (client.start_workflow("Job", 2, id=id_, task_queue=worker.task_queue) for id_ in ids)
        await asyncio.gather(*starts)
        async with asyncio.timeout(30):
            while len(last_read) < len(ids) or set(last_read.values()) != {"WORKFLOW_EXECUTION_COMPLETED"}:
                for mark in marks.take(100):
                    assert mark.run_id is not None
                    events = await read_new(client, mark.job_id, mark.run_id)
                    last_read[mark.job_id] = events[-1].type
                await asyncio.sleep(0)
    assert set(last_read) == set(ids)


async def test_other_workflows_are_not_marked(client: Client) -> None:
    marks = MarkSet()
    async with make(client, UnsandboxedWorkflowRunner(), marks) as worker:
        await client.execute_workflow("NotAJob", 1, id=uuid4().hex, task_queue=worker.task_queue)
    assert len(marks) == 0


async def test_a_mark_that_fails_leaves_the_workflow_alone(client: Client) -> None:
    async with make(client, UnsandboxedWorkflowRunner(), Breaking()) as worker:
        await client.execute_workflow("Job", 1, id=f"default:{uuid4().hex}", task_queue=worker.task_queue)
