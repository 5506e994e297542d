"""The engine's own activity behind the `cancel` update: asks Temporal to cancel the job that runs it.

So a cancel with an actor and a reason is the same event in the history as one from the `temporal` CLI.
"""

from uuid import uuid4

from temporalio import activity
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import RequestCancelWorkflowExecutionRequest
from temporalio.service import RPCError, RPCStatusCode

from perdure.contract.command import CancelCommand
from perdure.contract.name import ACTIVITY_REQUEST_CANCEL, IDENTITY_CANCEL


@activity.defn(name=ACTIVITY_REQUEST_CANCEL)
async def request_cancel(command: CancelCommand) -> None:
    """Ask for it under the actor's name. A job that has ended already is a success.

    Raises:
        RPCError: the server cannot be reached; Temporal repeats the attempt.
    """
    info = activity.info()
    client = activity.client()
    request = RequestCancelWorkflowExecutionRequest(
        namespace=info.namespace,
        workflow_execution=WorkflowExecution(workflow_id=info.workflow_id or "", run_id=info.workflow_run_id or ""),
        identity=command.actor or IDENTITY_CANCEL,
        reason=command.reason or "",
        request_id=str(uuid4()),
    )
    try:
        await client.workflow_service.request_cancel_workflow_execution(request)
    except RPCError as refused:
        if refused.status is not RPCStatusCode.NOT_FOUND:
            raise
