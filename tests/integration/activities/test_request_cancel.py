"""The engine's own activity that cancels the job which runs it."""

from datetime import timedelta

import httpx
import pytest
from temporalio import workflow
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import CancelledError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.request_cancel import request_cancel
from activities.wrapper import all_activities
from perdure.contract.command import CancelCommand
from perdure.contract.name import ACTIVITY_REQUEST_CANCEL
from tests.integration.activities.harness import runtime_with


@workflow.defn(name="CancelsItself")
class CancelsItself:
    @workflow.run
    async def run(self, command: CancelCommand) -> None:
        await workflow.execute_activity(ACTIVITY_REQUEST_CANCEL, command, start_to_close_timeout=timedelta(seconds=10))
        await workflow.sleep(60)


async def test_the_cancel_is_in_the_history_with_actor_and_reason(
    client: Client, http: httpx.AsyncClient, queue: str
) -> None:
    async with Worker(
        client,
        task_queue=queue,
        workflows=[CancelsItself],
        activities=all_activities(runtime_with(http)),
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        command = CancelCommand(actor="key:ops", reason="wrong month")
        handle = await client.start_workflow("CancelsItself", command, id=queue, task_queue=queue)
        with pytest.raises(WorkflowFailureError) as ended:
            await handle.result()
    assert isinstance(ended.value.cause, CancelledError)
    requested = [
        event.workflow_execution_cancel_requested_event_attributes
        async for event in handle.fetch_history_events()
        if event.HasField("workflow_execution_cancel_requested_event_attributes")
    ]
    assert [(event.identity, event.cause) for event in requested] == [("key:ops", "wrong month")]


def test_it_is_among_the_activities_of_a_worker(http: httpx.AsyncClient) -> None:
    assert request_cancel in all_activities(runtime_with(http))
