"""Decisions about a job that go to Temporal: cancel and retry, each with its actor and reason (architecture 1.5)."""

import hashlib
from datetime import timedelta
from typing import Any

import rfc8785
import uuid_utils
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import RequestCancelWorkflowExecutionRequest
from temporalio.client import WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from api.jobs.reading import not_found, read_from_temporal
from api.jobs.schemas import CancelRequest, RetryRequest
from api.problem import ApiError
from api.state import Services
from api.temporal_call import TemporalUnavailableError, temporal_call
from perdure.contract.command import CommandAccepted, RetryCommand
from perdure.contract.name import COMMAND_RETRY
from perdure.contract.state import JobStatus, StepStatus
from perdure.projection.record import JobRecord
from perdure.security.principal import Principal

_GRACE_SECONDS = 2.0
"""What a decision may take beyond the time a worker has for it."""


async def cancel(found: Services, principal: Principal, job_id: str, wanted: CancelRequest) -> None:
    """Ask Temporal to cancel the job. Durable: it takes effect even when no worker is up now.

    Raises:
        ApiError: API.NOT_FOUND, or API.JOB_CLOSED.
        TemporalUnavailableError: whether it was asked is not known; asking again is harmless.
    """
    _check_open(await _current(found, principal, job_id))
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
        raise await _gone(found, principal, job_id, error) from error
    # Temporal takes a cancel of a job that ended meanwhile as done.
    job = await _current(found, principal, job_id)
    if job.status is not JobStatus.CANCELED:
        _check_open(job)


async def retry(found: Services, principal: Principal, job_id: str, wanted: RetryRequest, key: str | None) -> list[str]:
    """Run parked steps again; returns their ids once the workflow has taken the decision.

    Raises:
        ApiError: API.NOT_FOUND, API.JOB_CLOSED, API.JOB_NOT_PARKED, API.STEP_UNKNOWN, or API.DECISION_TIMEOUT.
        TemporalUnavailableError: whether it was decided is not known; deciding again is harmless.
    """
    job = await _current(found, principal, job_id)
    _check_open(job)
    command = RetryCommand(actor=principal.actor, reason=wanted.reason, steps=wanted.steps)
    seconds = found.settings.decision_timeout_seconds
    try:
        async with temporal_call(seconds + _GRACE_SECONDS):
            accepted = await found.temporal.get_workflow_handle(job_id).execute_update(
                COMMAND_RETRY,
                command,
                id=_update_id(job, command, key),
                result_type=CommandAccepted,
                rpc_timeout=timedelta(seconds=seconds),
            )
    except WorkflowUpdateFailedError as error:
        raise _refused(error, job) from error
    except (WorkflowUpdateRPCTimeoutOrCancelledError, TemporalUnavailableError) as error:
        raise ApiError("API.DECISION_TIMEOUT", _too_late(seconds)) from error
    except RPCError as error:
        raise await _gone(found, principal, job_id, error) from error
    return list(accepted.steps)


async def _current(found: Services, principal: Principal, job_id: str) -> JobRecord:
    return (await read_from_temporal(found, principal, job_id)).job


def _check_open(job: JobRecord) -> None:
    if job.status.final:
        message = f"job {job.id} is {job.status} ({job.status_reason}): nothing can be decided about it any more"
        raise ApiError("API.JOB_CLOSED", message)


def _update_id(job: JobRecord, command: RetryCommand, key: str | None) -> str:
    """The same for the same decision about the same parked rounds, so that sending it twice is one decision.

    When a step parked again its round is another one, so a later retry with the same words is a new decision.
    A client that wants to tell two apart otherwise sends an Idempotency-Key.
    """
    parked: dict[str, Any] = {step.id: step.round for step in job.steps if step.status is StepStatus.DEAD_LETTERED}
    if not parked and key is None:
        return f"retry-{uuid_utils.uuid4()}"
    asked = {"command": command.model_dump(mode="json"), "parked": parked if key is None else {}, "key": key}
    return f"retry-{hashlib.sha256(rfc8785.dumps(asked)).hexdigest()}"


def _refused(error: WorkflowUpdateFailedError, job: JobRecord) -> ApiError:
    cause = error.cause
    code = cause.type if isinstance(cause, ApplicationError) and cause.type else "API.CONFLICT"
    message = cause.message if isinstance(cause, ApplicationError) else str(cause)
    return ApiError(code, f"job {job.id} is {job.status}: {message}")


def _too_late(seconds: float) -> str:
    return (
        f"no worker took the decision within {seconds:g} s. It may still take effect: look at the job;"
        " sending the same decision again is harmless"
    )


async def _gone(found: Services, principal: Principal, job_id: str, error: RPCError) -> Exception:
    """What to answer when the job ended, or went, between looking and deciding."""
    if error.status is not RPCStatusCode.NOT_FOUND:
        return error
    job = await _current(found, principal, job_id)
    message = f"job {job.id} is {job.status}: nothing can be decided about it any more"
    return ApiError("API.JOB_CLOSED", message) if job.status.final else not_found()
