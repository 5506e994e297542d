"""The marking runner: marks jobs and nothing else, and marks a job once more when its end is in its history."""

import asyncio
import math
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
async def test_when_an_end_is_marked_it_is_in_the_history(client: Client, runner: WorkflowRunner) -> None:
    marks = MarkSet()
    read_at_end: dict[str, str] = {}
    async with make(client, runner, marks) as worker:
        ids = [f"default:{uuid4().hex}" for _ in range(20)]
        starts = (client.start_workflow("Job", 2, id=id_, task_queue=worker.task_queue) for id_ in ids)
        await asyncio.gather(*starts)
        async with asyncio.timeout(60):
            while len(read_at_end) < len(ids):
                for mark in marks.take(100, age=math.inf):
                    assert mark.run_id is not None
                    events = await read_new(client, mark.job_id, mark.run_id)
                    read_at_end[mark.job_id] = events[-1].type
                await asyncio.sleep(0)
    assert read_at_end == dict.fromkeys(ids, "WORKFLOW_EXECUTION_COMPLETED")


async def test_each_move_of_a_job_is_marked(client: Client) -> None:
    marks = MarkSet()
    async with make(client, UnsandboxedWorkflowRunner(), marks) as worker:
        handle = await client.start_workflow("Job", 500, id=f"default:{uuid4().hex}", task_queue=worker.task_queue)
        seen = 0
        async with asyncio.timeout(60):
            while seen < 3:
                seen += len(marks.take(100))
                await asyncio.sleep(0)
        await handle.terminate()


async def test_a_query_is_no_move(client: Client) -> None:
    marks = MarkSet()
    async with make(client, UnsandboxedWorkflowRunner(), marks) as worker:
        handle = await client.start_workflow("Job", -1, id=f"default:{uuid4().hex}", task_queue=worker.task_queue)
        async with asyncio.timeout(60):
            while not marks.take(100):
                await asyncio.sleep(0.01)
        assert await handle.query("state") == "waiting"
        assert not len(marks)
        await handle.terminate()


async def test_other_workflows_are_not_marked(client: Client) -> None:
    marks = MarkSet()
    async with make(client, UnsandboxedWorkflowRunner(), marks) as worker:
        await client.execute_workflow("NotAJob", 1, id=uuid4().hex, task_queue=worker.task_queue)
    assert len(marks) == 0


async def test_a_mark_that_fails_leaves_the_workflow_alone(client: Client) -> None:
    async with make(client, UnsandboxedWorkflowRunner(), Breaking()) as worker:
        await client.execute_workflow("Job", 1, id=f"default:{uuid4().hex}", task_queue=worker.task_queue)
