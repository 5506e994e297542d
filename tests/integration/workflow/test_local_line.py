"""The line in front of local batches: who is ahead of its turn is made with those it is behind, or not at all."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from pydantic import BaseModel
from temporalio import workflow
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.wrapper import all_activities
from perdure.contract.step_call import StepInput
from perdure.egress.client import guarded_client
from perdure.egress.policy import EgressPolicy
from tests.integration.activities.harness import call_of, runtime_with
from workflows.job.budget import TaskBudget
from workflows.job.local_batch import LocalBatches

MADE, NOT_MADE, CANCELED = "made", "not made", "canceled"


class Wanted(BaseModel):
    """A try that gets in line; `size` bytes are reserved for what it gives."""

    call: StepInput
    after: list[str] = []
    size: int = 1_000


class Line(BaseModel):
    wanted: list[Wanted]
    held: bool = False
    room: int = 100_000
    cancel: list[int] = []
    """Places in line that are canceled once the first batch runs."""


class Seen(BaseModel):
    ends: list[str]
    tasks: int
    """Workflow tasks it took."""


@workflow.defn(name="LineProbe")
class LineProbe:
    @workflow.run
    async def run(self, line: Line) -> Seen:
        batches = LocalBatches(TaskBudget(line.room), lambda: line.held)
        lengths = {workflow.info().get_current_history_length()}
        waiting = [asyncio.create_task(_make(batches, each)) for each in line.wanted]
        await workflow.wait_condition(lambda: True)  # all are in line, the first batch runs
        for place in line.cancel:
            waiting[place].cancel()
        ends = []
        for task in waiting:
            ends.append(await _end_of(task))
            lengths.add(workflow.info().get_current_history_length())
        return Seen(ends=ends, tasks=len(lengths))


async def _make(batches: LocalBatches, wanted: Wanted) -> str:
    made = await batches.make(wanted.call.step_id, wanted.call, wanted.size, tuple(wanted.after))
    return NOT_MADE if made is None else MADE


async def _end_of(task: "asyncio.Task[str]") -> str:
    try:
        return await task
    except asyncio.CancelledError:
        return CANCELED


def say(id_: str, *after: str, **fields: Any) -> Wanted:
    return Wanted(call=call_of("LOG", {"message": id_}, step_id=id_), after=list(after), **fields)


def stray(id_: str, *after: str) -> Wanted:
    """Of a type that no local activity makes."""
    return Wanted(call=call_of("FAIL", {}, step_id=id_), after=list(after))


async def seen(address: str, line: Line) -> Seen:
    client = await Client.connect(address, data_converter=pydantic_data_converter)
    queue = f"line-{uuid4().hex}"
    async with guarded_client(EgressPolicy.of(allow_private=False, allowed_hosts=[])) as http:
        worker = Worker(
            client,
            task_queue=queue,
            workflows=[LineProbe],
            activities=all_activities(runtime_with(http)),
            workflow_runner=UnsandboxedWorkflowRunner(),
        )
        async with worker:
            return await asyncio.wait_for(
                client.execute_workflow("LineProbe", line, id=queue, task_queue=queue, result_type=Seen), 60
            )


@pytest.mark.parametrize(
    ("line", "ends"),
    [
        pytest.param(Line(wanted=[say("a"), say("b", "a"), say("c", "b")]), [MADE] * 3, id="all in one batch"),
        pytest.param(
            Line(wanted=[say("a"), say("b", "a"), say("c")], held=True), [MADE, NOT_MADE, MADE], id="paused or ending"
        ),
        pytest.param(
            Line(wanted=[say("b", "a"), say("c", "b"), say("d")]), [NOT_MADE, NOT_MADE, MADE], id="nobody ahead"
        ),
        pytest.param(
            Line(wanted=[say("a"), say("b", "a"), say("c")], cancel=[0]),
            [CANCELED, NOT_MADE, MADE],
            id="one is canceled",
        ),
        pytest.param(Line(wanted=[say("a"), say("b")], cancel=[0, 1]), [CANCELED] * 2, id="all are canceled"),
        pytest.param(Line(wanted=[stray("a"), say("b", "a"), say("c")]), [NOT_MADE] * 3, id="the batch fails"),
    ],
)
async def test_who_is_made(temporal_address: str, line: Line, ends: list[str]) -> None:
    assert (await seen(temporal_address, line)).ends == ends


async def test_what_finds_no_room_waits_for_another_workflow_task_and_is_not_made_ahead(temporal_address: str) -> None:
    size = 40_000
    wanted = [say("a", size=size), say("b", size=size), say("c", "b", size=size), say("d", size=size)]
    found = await seen(temporal_address, Line(wanted=wanted, room=2 * size + 500))
    assert found.ends == [MADE, MADE, NOT_MADE, MADE]


async def test_a_task_that_is_full_is_followed_by_another(temporal_address: str) -> None:
    found = await seen(temporal_address, Line(wanted=[say(f"s{n}", size=900) for n in range(6)], room=1_000))
    assert (found.ends, found.tasks > 2) == ([MADE] * 6, True)
