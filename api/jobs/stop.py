"""The two ways a job ends from outside by Temporal's own means: cancel and terminate, each with actor and reason.

Both are durable and need no worker.
"""

import uuid_utils
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import (
    RequestCancelWorkflowExecutionRequest,
    TerminateWorkflowExecutionRequest,
)
from temporalio.service import RPCError

from api.jobs.current import check_open, gone, read_current
from api.jobs.request import CancelRequest, TerminateRequest
from api.state import Services
from api.temporal_call import temporal_call
from perdure.contract.state import JobStatus
from perdure.security.principal import Principal


async def cancel(found: Services, principal: Principal, job_id: str, wanted: CancelRequest) -> list[str]:
    """Ask Temporal to cancel the job; it takes effect even when no worker is up now. It concerns no step by itself.

    Raises:
        ApiError: API.NOT_FOUND, or API.JOB_CLOSED.
        TemporalUnavailableError: whether it was asked is not known; asking again is harmless.
    """
    check_open((await read_current(found, principal, job_id)).job)
    request = RequestCancelWorkflowExecutionRequest(
        namespace=found.temporal.namespace,
        workflow_execution=WorkflowExecution(workflow_id=job_id),
        identity=principal.actor,
        reason=wanted.reason or "",
        request_id=str(uuid_utils.uuid4()),
    )
    try:
        async with temporal_call():
            await found.temporal.workflow_service.request_cancel_workflow_execution(request, retry=True)
    except RPCError as error:
        raise await gone(found, principal, job_id, error) from error
    # Temporal takes a cancel of a job that ended meanwhile as done.
    job = (await read_current(found, principal, job_id)).job
    if job.status is not JobStatus.CANCELED:
        check_open(job)
    return []


async def terminate(found: Services, principal: Principal, job_id: str, wanted: TerminateRequest) -> list[str]:
    """End the job at once: no step is asked, nothing is compensated, no dependent starts.

    Raises:
        ApiError: API.NOT_FOUND, or API.JOB_CLOSED.
        TemporalUnavailableError: whether it was terminated is not known; a job that was answers API.JOB_CLOSED.
    """
    check_open((await read_current(found, principal, job_id)).job)
    request = TerminateWorkflowExecutionRequest(
        namespace=found.temporal.namespace,
        workflow_execution=WorkflowExecution(workflow_id=job_id),
        identity=principal.actor,
        reason=wanted.reason or "",
    )
    try:
        async with temporal_call():
            await found.temporal.workflow_service.terminate_workflow_execution(request)
    except RPCError as error:
        raise await gone(found, principal, job_id, error) from error
    return []
