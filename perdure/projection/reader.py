"""Reads histories from Temporal for the fold: what is new in a run, and which runs a job has.

Called by the projector, by rebuild and by `GET …?consistency=strong`.
"""

from datetime import datetime
from typing import TYPE_CHECKING

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    DescribeWorkflowExecutionResponse,
    GetWorkflowExecutionHistoryReverseRequest,
    ListWorkflowExecutionsRequest,
)
from temporalio.client import Client

from perdure.projection.decoder import decode_events, moment
from perdure.projection.history import HistoryEvent

if TYPE_CHECKING:
    from temporalio.api.history.v1 import HistoryEvent as Event

_NEW_PAGE = 8
"""Batches of events, some two events each: what two steps in a row leave. A shorter page is less to read."""
_LONG_PAGE = 1_000


async def read_new(client: Client, job_id: str, run_id: str, after_event_id: int = 0) -> list[HistoryEvent]:
    """The events of the run after `after_event_id`, in order, decoded; 0 reads the run from its start.

    Always from the newest event backwards. The call that reads forwards adds the two events of a workflow
    task that has not been committed, whose ids others take when it fails or is rejected.

    Raises:
        temporalio.service.RPCError: Temporal is away, or does not hold the run (status NOT_FOUND).
    """
    found: list[Event] = []
    token, size = b"", _NEW_PAGE if after_event_id else _LONG_PAGE
    while True:
        response = await client.workflow_service.get_workflow_execution_history_reverse(
            GetWorkflowExecutionHistoryReverseRequest(
                namespace=client.namespace,
                execution=WorkflowExecution(workflow_id=job_id, run_id=run_id),
                maximum_page_size=size,
                next_page_token=token,
            ),
            retry=True,
        )
        events = response.history.events
        found.extend(event for event in events if event.event_id > after_event_id)
        token, size = response.next_page_token, _LONG_PAGE
        if not token or (events and events[-1].event_id <= after_event_id + 1):
            return await decode_events(client.data_converter, reversed(found))


async def read_all_runs(client: Client, job_id: str) -> list[str]:
    """The ids of the runs of a job that Temporal still holds, in the order they started; empty if there is none.

    Visibility may lag by a moment; the current run is asked for by itself and is always there.

    Raises:
        temporalio.service.RPCError: Temporal is away, or has no job of that id (status NOT_FOUND).
    """
    current = (await describe(client, job_id)).workflow_execution_info
    started = {current.execution.run_id: moment(current.start_time)} | await _listed_runs(client, job_id)
    return sorted(started, key=lambda run_id: (started[run_id], run_id))


async def describe(client: Client, job_id: str, run_id: str = "") -> DescribeWorkflowExecutionResponse:
    """What Temporal says of a run (the current one where none is named), as it says it.

    Not by the SDK's `describe`, which raises for an execution status that it does not know.

    Raises:
        temporalio.service.RPCError: Temporal is away, or does not hold the run (status NOT_FOUND).
    """
    execution = WorkflowExecution(workflow_id=job_id, run_id=run_id)
    request = DescribeWorkflowExecutionRequest(namespace=client.namespace, execution=execution)
    return await client.workflow_service.describe_workflow_execution(request, retry=True)


async def _listed_runs(client: Client, job_id: str) -> dict[str, datetime]:
    quoted = job_id.replace("\\", "\\\\").replace('"', '\\"')
    found: dict[str, datetime] = {}
    token = b""
    while True:
        response = await client.workflow_service.list_workflow_executions(
            ListWorkflowExecutionsRequest(
                namespace=client.namespace,
                query=f'WorkflowId = "{quoted}"',
                page_size=_LONG_PAGE,
                next_page_token=token,
            ),
            retry=True,
        )
        found |= {info.execution.run_id: moment(info.start_time) for info in response.executions}
        token = response.next_page_token
        if not token:
            return found
