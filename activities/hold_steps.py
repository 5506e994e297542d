"""The engine's own activity behind `pause` and `resume`: holds the job's open step activities in Temporal.

Without it a step that waits for its next attempt would begin it, though the job is paused.
"""

from collections.abc import Sequence
from uuid import uuid4

from temporalio import activity
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    PauseActivityRequest,
    UnpauseActivityRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from perdure.contract.command import HoldInput
from perdure.contract.name import ACTIVITY_HOLD_STEPS, HELD_REASON, INTERNAL_SUMMARY_PREFIX


@activity.defn(name=ACTIVITY_HOLD_STEPS)
async def hold_steps(wanted: HoldInput) -> None:
    """Hold, or let go, every step activity that is open now. Attempts that run finish; no count is reset.

    What a person paused stays paused.

    An activity that ended meanwhile is no error, nor is one that is held, or let go, already.

    Raises:
        RPCError: the server cannot be reached; Temporal repeats the attempt.
    """
    info = activity.info()
    client = activity.client()
    job = WorkflowExecution(workflow_id=info.workflow_id or "", run_id=info.workflow_run_id or "")
    seen: set[str] = set()
    # Looked at again until nothing is new: an activity scheduled beside this one may not have been there yet.
    while found := [one for one in await _open_steps(client, info.namespace, job) if one.activity_id not in seen]:
        seen.update(one.activity_id for one in found)
        for one in found:
            if (not one.paused) if wanted.hold else _is_ours(one):
                await _hold(client, info.namespace, job, one.activity_id, wanted)


async def _open_steps(client: Client, namespace: str, job: WorkflowExecution) -> Sequence[PendingActivityInfo]:
    request = DescribeWorkflowExecutionRequest(namespace=namespace, execution=job)
    described = await client.workflow_service.describe_workflow_execution(request)
    return [one for one in described.pending_activities if not one.activity_id.startswith(INTERNAL_SUMMARY_PREFIX)]


def _is_ours(one: PendingActivityInfo) -> bool:
    return one.paused and one.pause_info.manual.reason == HELD_REASON


async def _hold(client: Client, namespace: str, job: WorkflowExecution, activity_id: str, wanted: HoldInput) -> None:
    service = client.workflow_service
    try:
        if wanted.hold:
            pause = PauseActivityRequest(
                namespace=namespace,
                execution=job,
                identity=client.identity,
                id=activity_id,
                reason=HELD_REASON,
                request_id=str(uuid4()),
            )
            await service.pause_activity(pause)
        else:
            unpause = UnpauseActivityRequest(
                namespace=namespace, execution=job, identity=client.identity, id=activity_id
            )
            await service.unpause_activity(unpause)
    except RPCError as refused:
        if refused.status is not RPCStatusCode.NOT_FOUND:
            raise
